import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistop.tui.draw.bars import bar, counts, probabilities, progress, signed
from tests.tui.draw.reading import ASCII, MONO, TRUE, cells, terminals, texts, widths

DIGITS = [str(digit) for digit in range(10)]
EIGHTHS = " ▏▎▍▌▋▊▉█"


def measured(text):
    """The length of a bar in eighths of a cell."""
    return sum(EIGHTHS.index(char) for char in text)


@given(st.floats(0, 1), st.integers(0, 60))
def test_a_bar_is_as_long_as_its_fraction(fraction, width):
    assert abs(measured(bar(fraction, width, TRUE)) - 8 * width * fraction) <= 0.5
    assert abs(bar(fraction, width, ASCII).count("#") - width * fraction) <= 0.5


@pytest.mark.parametrize(("fraction", "length"), [(float("nan"), 0), (-1, 0), (2, 10)])
def test_a_bar_of_a_strange_fraction_stays_within_its_width(fraction, length):
    assert bar(fraction, 10, ASCII) == ("#" * length).ljust(10)


def test_probabilities_read_as_a_table():
    probs = [0.0, 0.0, 0.0, 0.25, 0.0, 0.0, 0.0, 0.0, 0.0, 0.75]
    lines = texts(probabilities(probs, DIGITS, ASCII, 40, true=3, predicted=9))
    assert lines[9].split() == ["9", "#" * 19, "75.0%", "pred"]
    assert lines[3].split() == ["3", "#" * 6, "25.0%", "true"]
    assert lines[0].split() == ["0", "0.0%"]


def test_true_and_predicted_are_marked_by_words():
    probs = np.full(10, 0.1)
    for terminal in (TRUE, MONO, ASCII):
        lines = texts(probabilities(probs, DIGITS, terminal, 40, true=3, predicted=9))
        assert lines[3].rstrip().endswith(" true")
        assert lines[9].rstrip().endswith(" pred")
        assert sum("true" in line or "pred" in line for line in lines) == 2
        right = texts(probabilities(probs, DIGITS, terminal, 40, true=9, predicted=9))
        assert right[9].rstrip().endswith(" right")


def test_in_a_narrow_place_the_marks_are_letters():
    lines = texts(probabilities([0.1] * 10, DIGITS, ASCII, 20, true=3, predicted=9))
    assert lines[3].endswith(" t")
    assert lines[9].endswith(" p")


def test_the_wrong_prediction_and_the_true_class_have_colours_of_their_own():
    strips = probabilities([0.1] * 10, DIGITS, TRUE, 40, true=3, predicted=9)
    colors = [cells(strip)[2][1].color for strip in strips]
    assert colors[3] != colors[9] != colors[0] != colors[3]


def test_many_classes_show_the_most_probable_and_the_true_one():
    probs = np.linspace(0, 1, 47)
    names = [f"c{index}" for index in range(47)]
    lines = texts(probabilities(probs, names, ASCII, 40, true=2, predicted=46, height=5))
    assert [line.split()[0] for line in lines] == ["c46", "c45", "c44", "c43", "c2"]


def test_a_probability_that_is_no_number_has_no_bar():
    lines = texts(probabilities([float("nan"), 0.5], ["a", "b"], ASCII, 30, height=1))
    assert lines[0].startswith("b")
    assert texts(probabilities([float("nan")], ["a"], ASCII, 20))[0].split() == ["a", "-"]


def test_counts_share_a_scale():
    train = texts(counts([80, 40], ["0", "1"], ASCII, 25, maximum=80))
    val = texts(counts([20, 10], ["0", "1"], ASCII, 25, maximum=80))
    assert [line.count("#") for line in train] == [20, 10]
    assert [line.count("#") for line in val] == [5, 2]
    assert train[0].split()[-1] == "80"


def test_progress_fills_from_left_to_right():
    assert texts(progress(0.5, 10, ASCII)) == ["#####-----"]
    assert texts(progress(0.55, 10, TRUE)) == ["━━━━━╸────"]
    assert texts(progress(0, 4, TRUE)) == ["────"]
    assert texts(progress(1, 4, TRUE)) == ["━━━━"]
    assert texts(progress(0.999, 4, ASCII)) == ["###-"]


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=20),
    terminals,
    st.integers(0, 80),
    st.integers(0, 19),
    st.integers(0, 25),
)
def test_every_line_has_the_promised_width(probs, terminal, width, true, height):
    names = [f"class {index}" for index in range(len(probs))]
    true %= len(probs)
    strips = probabilities(probs, names, terminal, width, true, 0, height)
    if height < 2 * len(probs) or width < 40:
        assert len(strips) == min(height, len(probs))
    else:
        assert len(strips) in (2 * len(probs), 3 * len(probs))
        assert len(strips) <= height
    assert widths(strips) <= {width}
    assert widths(counts([round(9e5 * p) for p in probs], names, terminal, width)) == {width}
    assert widths(progress(probs[0], width, terminal)) == {width}


@pytest.mark.parametrize("terminal", [TRUE, ASCII])
@pytest.mark.parametrize(("height", "thick"), [(3, 1), (5, 2), (8, 3), (99, 3)])
def test_wide_bars_are_thicker_where_there_are_lines_for_it(terminal, height, thick):
    def drawn(width):
        return [
            texts(probabilities([0.5, 1.0], "ab", terminal, width, 0, 1, height)),
            texts(counts([5, 10], "ab", terminal, width, height=height)),
            texts(signed([0.5, 1.0], "ab", terminal, width, height)),
        ]

    fill = "#" if terminal is ASCII else "█"
    for lines in drawn(60):
        filled = [line.count(fill) for line in lines]
        assert filled == [filled[0]] * thick + [filled[-1]] * thick
        assert [line[0] for line in lines if line[0] != " "] == ["a", "b"]
    assert [len(lines) for lines in drawn(39)] == [2, 2, 2]
