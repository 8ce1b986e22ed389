import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.style import Style
from textual.color import Color
from textual.filter import Monochrome, NoColor

from mnistop.tui.draw.bars import counts, probabilities, progress
from mnistop.tui.draw.cells import Grid, beside, clean, plain, printable, short_names, shorten
from mnistop.tui.draw.chart import chart
from mnistop.tui.draw.image import draw
from mnistop.tui.draw.matrix import confusion
from mnistop.tui.draw.series import Series
from mnistop.tui.draw.signed_image import diverging, legend
from tests.tui.draw.reading import TRUE, ascii_terminals, terminals, texts, widths

names = st.lists(st.text(max_size=12), min_size=1, max_size=12)
sizes = st.integers(0, 70)


@pytest.mark.slow
@given(ascii_terminals, names, sizes, st.integers(0, 20), st.integers(0, 10_000))
def test_nothing_outside_ascii_leaves_an_ascii_terminal(terminal, labels, width, height, seed):
    """Charts have a test of their own."""
    random = np.random.default_rng(seed)
    k = len(labels)
    image = random.random((height + 1, k))
    matrix = random.integers(0, 50, (k, k))
    drawn = [
        *(draw(image, terminal, mode) for mode in ("auto", "half", "ascii", "large")),
        *(diverging(image - 0.5, 0.5, terminal, mode) for mode in ("auto", "half", "large")),
        legend(0.5, terminal),
        confusion(matrix, labels, terminal, width, height, (k - 1, 0)),
        probabilities(image[0], labels, terminal, width, 0, k - 1, height),
        counts(matrix[0].tolist(), labels, terminal, width),
        progress(0.4, width, terminal),
    ]
    assert all(line.isascii() for strips in drawn for line in texts(strips))


@given(terminals, names, sizes, st.integers(0, 20))
def test_foreign_names_never_break_a_line(terminal, labels, width, height):
    k = len(labels)
    drawn = [
        confusion(np.eye(k, dtype=int), labels, terminal, width, height, (0, 0)),
        probabilities([1 / k] * k, labels, terminal, width),
        counts([3] * k, labels, terminal, width),
    ]
    for strips in drawn:
        assert widths(strips) <= {width}


@given(st.text(), sizes, terminals)
def test_shortened_text_fits_and_cannot_move_the_cursor(text, width, terminal):
    short = shorten(text, width, terminal)
    grid = Grid(width, 1)
    grid.put(0, 0, short)
    assert widths(grid.strips()) == {width}
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in short)
    assert clean(short, terminal) == short


def test_characters_of_two_cells_keep_the_columns():
    grid = Grid(6, 1)
    grid.put(0, 0, "あいう")
    assert texts(grid.strips()) == ["あいう"]
    grid = Grid(5, 2)
    grid.put(0, 0, "あいう")
    grid.put(9, 9, "x")
    assert widths(grid.strips()) == {5}


def test_blocks_stand_side_by_side():
    tall, low = Grid(2, 2), Grid(3, 1)
    tall.put(0, 1, "ab")
    low.put(0, 0, "xyz")
    assert texts(beside([tall.strips(), low.strips()], gap=1)) == ["   xyz", "ab    "]
    assert beside([]) == []


@given(terminals, names, sizes)
def test_every_piece_has_a_style_as_textuals_filters_want(terminal, labels, width):
    k = len(labels)
    drawn = [
        draw(np.eye(k), terminal),
        legend(1.0, terminal),
        confusion(np.eye(k, dtype=int), labels, terminal, width, 9),
        probabilities([1 / k] * k, labels, terminal, width),
        chart([Series("train", [2.0, 1.0])], width, 8, terminal),
    ]
    for strip in beside(drawn):
        assert all(segment.style is not None for segment in strip)
        NoColor().apply(list(strip), Color(0, 0, 0))
        Monochrome().apply(list(strip), Color(0, 0, 0))


def test_strips_print_with_and_without_colour():
    grid = Grid(3, 2)
    grid.put(0, 0, "red", Style(color="#ff0000"))
    strips = grid.strips()
    assert plain(strips) == "red\n   "
    console = Console(color_system="truecolor", force_terminal=True, width=20, record=True)
    with console.capture() as capture:
        console.print(printable(strips))
    assert capture.get() == "\x1b[38;2;255;0;0mred\x1b[0m\n   \n"
    assert widths(draw(np.zeros((4, 4)), TRUE)) == {4}


@pytest.mark.parametrize(
    ("names", "width", "short"),
    [
        (("cat", "dog"), 4, ("cat", "dog")),
        (("airplane", "automobile"), 4, ("air…", "aut…")),
        (("Sample001", "Sample002"), 6, ("…le001", "…le002")),
        (("a very long one", "a very long 猫"), 4, ("…one", "… 猫")),
        (("anteater", "antelope", "zebra"), 4, ("ant…", "ant…", "zeb…")),
    ],
)
def test_names_of_classes_still_differ_when_they_are_cut(
    names: tuple[str, ...], width: int, short: tuple[str, ...]
) -> None:
    assert short_names(names, width, TRUE) == short
