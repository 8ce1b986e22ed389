"""The bracket around the smallest ε, and the three pictures of an attack."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistop.engine.analysis.fragility import AttackedImage
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.text.attack_outcome import bracket
from mnistop.tui.text.portrait import attacked
from tests.tui.draw.reading import ASCII, MONO, TRUE, cells, terminals, texts, widths

epsilons = st.floats(0, 1)


@given(
    epsilons,
    st.one_of(epsilons, st.just(math.inf)),
    st.one_of(epsilons, st.none()),
    st.integers(1, 200),
    terminals,
)
def test_it_fills_its_two_lines_whatever_the_numbers(
    certified: float, found: float, epsilon: float | None, width: int, terminal: Terminal
) -> None:
    drawn = bracket(min(certified, found), found, epsilon, width, terminal)
    assert widths(drawn) == {width}
    assert len(drawn) == 2
    bar, scale = texts(drawn)
    assert list(bar) == sorted(bar, key=("█░▓" if terminal.unicode else "=.#").index)
    assert not terminal.unicode or "▲" in scale or epsilon is None
    assert terminal.unicode or all(text.isascii() for text in texts(drawn))
    if terminal.colors == 0:
        assert all(style.color is None for strip in drawn for _, style in cells(strip))


@pytest.mark.parametrize(("terminal", "glyphs"), [(TRUE, "█░▓▲"), (ASCII, "=.#^")])
def test_its_parts_are_as_long_as_the_numbers(terminal: Terminal, glyphs: str) -> None:
    safe, unknown, fooled, mark = glyphs
    bar, scale = texts(bracket(0.1, 0.2, 0.3, 60, terminal))
    assert bar == 20 * safe + 20 * unknown + 20 * fooled
    assert scale.index(mark) in (58, 59)
    bar, scale = texts(bracket(0.05, 0.06, 0.01, 60, terminal))
    assert (bar.count(safe), bar.count(unknown)) == (30, 6)
    assert scale.strip().startswith("0")
    assert scale.rstrip().endswith("0.1")
    assert scale.index(mark) == 6


def test_what_nothing_fools_has_no_fooled_part_and_what_is_wrong_no_safe_one() -> None:
    bar, scale = texts(bracket(0.25, math.inf, 0.125, 40, TRUE))
    assert bar == 10 * "█" + 30 * "░"
    assert scale.endswith("1")
    bar, _ = texts(bracket(0, 0, 0, 40, TRUE))
    assert bar == 40 * "▓"
    bar, _ = texts(bracket(1, math.inf, None, 40, TRUE))
    assert bar == 40 * "█"


def an_answer(shape: tuple[int, int], classes: int, epsilon: float, fooled: bool) -> AttackedImage:
    image = np.linspace(0, 1, shape[0] * shape[1], dtype=np.float32).reshape(shape)
    signs = np.where(np.indices(shape).sum(0) % 2, 1, -1)
    clean, after = np.full((2, classes), 0.1 / classes, np.float32)
    clean[0] = after[1 if fooled else 0] = 0.9
    return AttackedImage(
        subject=0,
        label=0,
        method="fgsm",
        epsilon=epsilon,
        target=None,
        epochs=3,
        image=image,
        adversarial=np.clip(image + epsilon * signs, 0, 1).astype(np.float32),
        clean_probabilities=clean,
        adversarial_probabilities=after,
    )


@pytest.mark.slow
@given(
    st.sampled_from([(28, 28), (8, 8), (1, 3), (8, 30), (1, 1), (200, 90)]),
    st.integers(2, 100),
    st.sampled_from([0.0, 1e-6, 0.125, 1.0]),
    st.booleans(),
    st.integers(26, 200),
    st.integers(0, 60),
    terminals,
)
def test_pictures_fit_wherever_they_are_drawn(
    shape: tuple[int, int],
    classes: int,
    epsilon: float,
    fooled: bool,
    width: int,
    height: int,
    terminal: Terminal,
) -> None:
    answer = an_answer(shape, classes, epsilon, fooled)
    names = [f"class {number}" for number in range(classes)]
    drawn = attacked(answer, names, terminal, width, height)
    assert len(drawn) <= height
    assert max(widths(drawn), default=0) <= max(width, 2 * shape[1] + 2)
    assert terminal.unicode or all(text.isascii() for text in texts(drawn))
    if terminal.colors == 0:
        assert all(style.color is None for strip in drawn for _, style in cells(strip))


def test_right_and_wrong_are_told_without_colour_and_the_scale_is_that_of_the_change() -> None:
    for terminal, marks, scale in ((MONO, "✓✗", "±0.125"), (ASCII, ("right", "WRONG"), "+-0.125")):
        [caption, *_] = texts(
            attacked(an_answer((28, 28), 10, 0.125, True), "abcdefghij", terminal, 90, 30)
        )
        assert f"original: a 90% {marks[0]}" in caption
        assert f"adversarial: b 90% {marks[1]}" in caption
        assert f"perturbation {scale}" in caption


@pytest.mark.parametrize("shape", [(200, 200), (64, 64), (40, 3), (3, 300), (1, 50)])
def test_all_of_large_images_is_drawn(shape: tuple[int, int]) -> None:
    drawn = attacked(an_answer(shape, 2, 0.125, True), "ab", TRUE, 80, 15)
    [caption, *_] = texts(drawn)
    assert "original: a 90%" in caption
    assert "±0.125" in caption
    assert len(drawn) <= 15
    assert max(widths(drawn)) <= 80


def test_without_any_change_the_perturbation_is_empty() -> None:
    drawn = texts(attacked(an_answer((8, 8), 2, 0.0, False), "ab", ASCII, 90, 30))
    assert "perturbation +-0 " in drawn[0]
    assert all(not line[25:49].strip() for line in drawn[1:5])
