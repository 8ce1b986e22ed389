"""Accuracies and their intervals on one scale."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistop.engine.config import RunConfig
from mnistop.engine.sweep.grid import plan
from mnistop.engine.sweep.outcomes import Outcome, grouped
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import line as line_of
from mnistop.tui.draw.intervals import Interval, axis_line, interval_line, scale
from mnistop.tui.text.sweep_table import conclusion, with_scale
from tests.tui.draw.reading import ASCII, MONO, TRUE, terminals, texts, widths

fractions = st.floats(0, 1)


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    low, middle, high = sorted(draw(fractions) for _ in range(3))
    return Interval(low, middle, high, draw(st.none() | fractions), draw(st.booleans()))


def rows_of(accuracies: list[float], width: int, terminal: Terminal, near: bool) -> list[str]:
    configs = plan(RunConfig(), {"lr": f"0.001..1:{len(accuracies)}"})
    groups = grouped(
        Outcome(
            config,
            name="x.01",
            state="finished",
            epochs=9,
            validation_images=200,
            best_epoch=3,
            best_val_acc=accuracy,
            val_acc=accuracy,
            val_loss=1 - accuracy,
            verdict="right",
        )
        for config, accuracy in zip(configs, accuracies, strict=True)
    )
    table = with_scale(groups, width, terminal, near=near)
    rows = [table.header(), *map(table.row, range(len(groups)))]
    drawn = [line_of(row, width) for row in rows]
    assert widths(drawn) == {width}
    return texts(drawn)


@given(st.lists(intervals(), min_size=1, max_size=6), st.integers(12, 80), terminals, st.booleans())
def test_every_line_fits_and_the_dot_stands_within_its_interval(
    shown: list[Interval], width: int, terminal: Terminal, near: bool
) -> None:
    axis = scale(shown, near)
    lines = [axis_line(axis, width, terminal)]
    lines += [interval_line(each, axis, width, terminal) for each in shown]
    assert widths(lines) == {width}
    assert "%" in lines[0].text
    dot, arrow = "●‹" if terminal.unicode else "o<"
    for each, line in zip(shown, lines[1:], strict=True):
        assert dot in line.text or arrow in line.text
        assert terminal.unicode or line.text.isascii()
        if not near and each.second is None:
            drawn = line.text.strip()
            assert len(drawn) >= 1
            assert set(drawn) <= set("─●-o")


@given(fractions, fractions)
def test_the_higher_accuracy_stands_further_right(one: float, other: float) -> None:
    shown = [Interval(each, each, each) for each in (one, other)]
    axis = scale(shown)
    first, second = (interval_line(each, axis, 60, TRUE).text.index("●") for each in shown)
    assert first == second or (first < second) == (one < other)


def test_far_below_the_best_is_an_arrow_on_the_near_scale() -> None:
    shown = [Interval(0.05, 0.1, 0.15), Interval(0.85, 0.88, 0.9), Interval(0.86, 0.9, 0.93)]
    axis = scale(shown, near=True)
    assert interval_line(shown[0], axis, 40, TRUE).text.strip() == "‹"
    near = [interval_line(each, axis, 40, TRUE).text for each in shown[1:]]
    far = [interval_line(each, scale(shown), 40, TRUE).text for each in shown[1:]]
    assert near[1].index("●") - near[0].index("●") > far[1].index("●") - far[0].index("●")


def test_accuracy_under_attack_is_a_cross() -> None:
    each = Interval(0.85, 0.9, 0.93, second=0.2)
    text = interval_line(each, scale([each]), 40, TRUE).text
    assert text.index("×") < text.index("●")


@pytest.mark.parametrize("terminal", [TRUE, MONO, ASCII])
@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_the_table_of_a_sweep_fits_any_width(terminal: Terminal, width: int) -> None:
    head, *rows = rows_of([0.1, 0.9, 0.88], width, terminal, near=False)
    assert "lr" in head
    assert "val acc at best" in head
    assert "90.0% (" in rows[1]
    assert ("●" if terminal.unicode else "o") in rows[1] or width < 120
    if width >= 80:
        assert "right" in rows[1]


def test_accuracies_on_different_sources_are_not_compared() -> None:
    outcomes = [
        Outcome(RunConfig(source=source), state="finished", best_val_acc=acc, validation_images=200)
        for source, acc in (("bundled", 0.9), ("digits", 0.91))
    ]
    text = conclusion(grouped(outcomes))
    assert "do not compare" in text
    assert "tell them apart" not in text


@given(st.lists(fractions, min_size=2, max_size=5), st.integers(20, 160), terminals, st.booleans())
def test_rows_have_one_width_whatever_the_terminal(
    accuracies: list[float], width: int, terminal: Terminal, near: bool
) -> None:
    lines = rows_of(accuracies, width, terminal, near)
    assert terminal.unicode or all(line.isascii() for line in lines)
