import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mnistop.tui.draw.matrix import confusion
from tests.tui.draw.reading import ANSI, ASCII, MONO, TRUE, cells, terminals, texts, widths

DIGITS = [str(digit) for digit in range(10)]

squares = st.integers(1, 30).flatmap(
    lambda k: arrays(np.int64, (k, k), elements=st.integers(0, 9999))
)


def example(largest=98):
    matrix = np.diag(np.full(10, largest))
    matrix[4, 9] = 7
    matrix[9, 4] = 3
    matrix[8] = 0
    return matrix


def numbers(matrix, names, terminal, width, height, cursor=None):
    """Every shown cell and the text in it, found by asking what is at each place."""
    strips = confusion(matrix, names, terminal, width, height, cursor)
    found = {}
    for y, strip in enumerate(strips):
        for x, char in enumerate(strip.text):
            cell = strips.cell_at(x, y)
            if cell is not None:
                found[cell] = found.get(cell, "") + char
    return {cell: text.strip() for cell, text in found.items()}


@pytest.mark.slow
@settings(deadline=None)
@given(squares, terminals, st.integers(0, 29), st.integers(0, 29))
def test_every_count_can_be_read_back_and_clicked(matrix, terminal, row, column):
    k = len(matrix)
    names = [str(index) for index in range(k)]
    cursor = (row % k, column % k)
    found = numbers(matrix, names, terminal, 60, 14, cursor)
    assert cursor in found
    for (i, j), text in found.items():
        assert text == (str(matrix[i, j]) if matrix[i, j] else "·" if terminal.unicode else ".")


@pytest.mark.parametrize("terminal", [TRUE, ANSI, MONO, ASCII])
@pytest.mark.parametrize("largest", [9, 98, 980, 9800])
def test_ten_classes_fit_in_50_columns_and_11_lines(terminal, largest):
    strips = confusion(example(largest), DIGITS, terminal, 50, 11)
    assert len(strips) == 11
    assert widths(strips) == {50}
    assert len(numbers(example(largest), DIGITS, terminal, 50, 11)) == 100
    assert strips[0].text.split()[1:] == [*DIGITS, "recall"]


def test_the_recall_stands_at_the_end_of_each_row():
    lines = texts(confusion(example(), DIGITS, TRUE, 60, 11))
    recalls = [line.split()[-1] for line in lines[1:]]
    assert recalls == ["100%"] * 4 + ["93%"] + ["100%"] * 3 + ["–", "97%"]
    assert texts(confusion(example(), DIGITS, ASCII, 60, 11))[9].split()[-1] == "-"


def test_recall_counts_the_right_ones_even_where_errors_are_more():
    matrix = np.array([[1, 3], [0, 2]])
    lines = texts(confusion(matrix, ["0", "1"], TRUE, 40, 3))
    assert [line.split()[-1] for line in lines[1:]] == ["25%", "100%"]


def test_the_axes_are_named():
    assert confusion(example(), DIGITS, TRUE, 60, 11)[0].text.startswith("true↓ pred→")
    assert confusion(example(), DIGITS, ASCII, 60, 11)[0].text.startswith("true\\pred")
    assert confusion(example(), DIGITS, TRUE, 50, 11)[0].text.startswith("t↓p→")


@pytest.mark.parametrize("terminal", [TRUE, ANSI, MONO, ASCII])
def test_only_the_chosen_cell_is_reversed_and_its_names_stand_out(terminal):
    strips = confusion(example(), DIGITS, terminal, 50, 11, (4, 9))
    reversed_places = [
        (x, y)
        for y, strip in enumerate(strips)
        for x, (_, style) in enumerate(cells(strip))
        if style.reverse
    ]
    chosen = {strips.cell_at(x, y) for x, y in reversed_places}
    assert chosen == {(4, 9)}
    assert [char for char, style in cells(strips[0]) if style.bold] == ["9"]
    assert ("4", True) in [(char, bool(style.bold)) for char, style in cells(strips[5])]


def test_without_colour_the_diagonal_is_bold_and_errors_are_not():
    strips = confusion(example(), DIGITS, MONO, 50, 11)
    styles = {char: style for char, style in cells(strips[5])[:44] if char in "987"}
    assert styles["9"].bold
    assert styles["8"].bold
    assert not styles["7"].bold


def test_errors_are_orange_and_the_diagonal_is_blue():
    strips = confusion(example(), DIGITS, TRUE, 50, 11)
    grounds = {char: style.bgcolor for char, style in cells(strips[5]) if style.bgcolor}
    assert grounds["8"].triplet.blue > grounds["8"].triplet.red
    assert grounds["7"].triplet.blue < grounds["7"].triplet.red


def test_a_count_more_leaves_most_shades_as_they_are():
    matrix = example()
    before = confusion(matrix, DIGITS, TRUE, 50, 11)
    matrix[3, 3] += 1
    after = confusion(matrix, DIGITS, TRUE, 50, 11)
    changed = [
        (old, new)
        for one, other in zip(before, after, strict=True)
        for old, new in zip(cells(one), cells(other), strict=True)
        if old != new
    ]
    assert changed == [(("8", changed[0][0][1]), ("9", changed[0][0][1]))]


def test_long_names_are_cut():
    names = ["T-shirt/top", "Trouser", "Pullover"]
    lines = texts(confusion(np.eye(3, dtype=int), names, ASCII, 30, 4))
    assert lines[0].split()[1:] == ["T-s", "Tro", "Pul", "recall"]
    assert [line.split()[0] for line in lines[1:]] == ["T-shirt/~", "Trouser", "Pullover"]


def test_a_large_matrix_scrolls_to_the_cursor_and_says_what_is_shown():
    matrix = np.eye(47, dtype=int) * 20
    names = [str(index) for index in range(47)]
    lines = texts(confusion(matrix, names, TRUE, 60, 12, (46, 0)))
    assert len(lines) == 12
    assert lines[-1].startswith("rows 38–47 of 47, columns 1–")
    assert lines[-2].split()[0] == "46"
    assert "rows 38-47 of 47" in texts(confusion(matrix, names, ASCII, 60, 12, (46, 0)))[-1]


def test_what_fits_is_shown_without_a_notice():
    lines = texts(confusion(example(), DIGITS, TRUE, 80, 30))
    assert len(lines) == 1 + 2 * 10
    assert not any("of 10" in line for line in lines)


def test_outside_the_cells_nothing_is_clicked():
    strips = confusion(example(), DIGITS, TRUE, 50, 11)
    for x, y in [(0, 0), (10, 0), (1, 3), (47, 3), (10, 11), (-1, 2), (10, -1)]:
        assert strips.cell_at(x, y) is None


@given(squares, terminals, st.integers(0, 70), st.integers(0, 20))
def test_no_line_is_wider_or_narrower_than_promised(matrix, terminal, width, height):
    names = [f"class {index}" for index in range(len(matrix))]
    strips = confusion(matrix, names, terminal, width, height, (0, 0))
    assert len(strips) <= height
    assert widths(strips) <= {width}


def test_no_classes_give_no_lines():
    assert confusion(np.zeros((0, 0), dtype=int), [], TRUE, 40, 10) == []


def test_where_there_is_more_room_the_entries_are_larger_and_still_clicked():
    small, large = (confusion(example(), DIGITS, TRUE, *size) for size in ((50, 11), (120, 35)))
    assert len(small) == 11
    assert len(large) == 1 + 3 * 10
    assert len(large[0].text.rstrip()) > 100
    for true in range(10):
        lines = range(1 + 3 * true, 4 + 3 * true)
        row = [large.cell_at(100, y) for y in lines]
        assert row == [(true, 9)] * 3
        assert (str(example()[true, true]) if true != 8 else "·") in large[lines[1]].text
