import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistop.engine.axis import Axis, ceiling, labels, linear_axis, log_axis, scientific, ticks

finite = st.floats(-1e300, 1e300).filter(lambda value: value == 0 or abs(value) > 1e-300)
positive = st.floats(1e-300, 1e300)


@given(positive)
def test_the_next_round_number_is_not_far(value):
    top = ceiling(value)
    assert value * (1 - 1e-6) <= top <= value * 1.6


@pytest.mark.parametrize(("value", "top"), [(99, 100), (100, 100), (101, 150), (2.303, 2.5)])
def test_round_numbers(value, top):
    assert ceiling(value) == pytest.approx(top)


@given(finite, finite)
def test_linear_limits_hold_the_values(one, other):
    smallest, largest = sorted((one, other))
    axis = linear_axis(smallest, largest)
    slack = 1e-6 * max(abs(smallest), abs(largest))
    assert axis.low <= smallest + slack
    assert axis.high >= largest - slack
    assert axis.low < axis.high


@given(positive, positive)
def test_log_limits_hold_the_values(one, other):
    smallest, largest = sorted((one, other))
    axis = log_axis(smallest, largest)
    assert axis.low - 1e-6 <= math.log10(smallest)
    assert math.log10(largest) <= axis.high + 1e-6
    assert axis.low < axis.high


def test_a_loss_starts_at_zero_and_a_narrow_range_does_not():
    assert linear_axis(0.007, 2.303) == Axis(0, 2.5)
    narrow = linear_axis(0.86, 0.9)
    assert (narrow.low, narrow.high) == (pytest.approx(0.86), pytest.approx(0.9))


@given(finite, finite, st.integers(1, 200), st.integers(1, 10), st.booleans())
def test_ticks_rise_lie_inside_and_keep_their_distance(one, other, count, gap, whole):
    axis = linear_axis(*sorted((one, other)))
    found = ticks(axis, count, gap, whole)
    places = [axis.place(value, count) for value in found]
    assert all(b - a >= gap for a, b in pairwise(places))
    assert all(0 <= place < count for place in places)
    if whole:
        assert all(value == round(value) for value in found)


@given(positive, positive, st.integers(1, 60))
def test_log_ticks_are_decades_or_round_numbers_between(one, other, count):
    axis = log_axis(*sorted((one, other)))
    for value in ticks(axis, count, 2):
        digit = value / 10.0 ** math.floor(math.log10(value * (1 + 1e-9)))
        assert min(abs(digit - round_digit) for round_digit in (1, 2, 3, 5)) < 1e-6


def test_ticks_of_a_loss_axis():
    assert ticks(Axis(0, 2.5), 7, 2) == [0, 1, 2]
    assert ticks(Axis(0, 100), 38, 6, whole=True) == [0, 20, 40, 60, 80, 100]
    assert ticks(Axis(math.log10(0.005), math.log10(5), log=True), 9, 2) == pytest.approx(
        [0.01, 0.1, 1]
    )


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([0, 1, 2], False, ["0", "1", "2"]),
        ([0, 0.5, 1.0], False, ["0.0", "0.5", "1.0"]),
        ([0.01, 0.1, 1], False, ["0.01", "0.1", "1"]),
        ([0, 0.5, 1], True, ["0%", "50%", "100%"]),
        ([0.885, 0.89], True, ["88.5%", "89.0%"]),
        ([1e-5, 1e-3], False, ["1e-5", "1e-3"]),
        ([1e9, 2.5e9], False, ["1e9", "2.5e9"]),
        ([0.0], False, ["0"]),
        ([], False, []),
    ],
)
def test_labels_are_compact(values, percent, expected):
    assert labels(values, percent) == expected


def test_scientific_numbers_have_no_padding():
    assert [scientific(value) for value in (0, 1e-5, 2.5e-10, -3e12)] == [
        "0",
        "1e-5",
        "2.5e-10",
        "-3e12",
    ]


@pytest.mark.parametrize("epochs", [1, 2, 7, 33, 100, 848, 3000])
@pytest.mark.parametrize("columns", [17, 33, 56, 74, 116, 230])
def test_ticks_along_the_epochs_stand_equally_far_apart(epochs, columns):
    """Equally far in the units of the axis, and so in cells, except for rounding."""
    axis = Axis(0, max(epochs - 1, 1))
    for gap in (6, 9, 14):
        found = ticks(axis, columns, gap, whole=True)
        steps = np.diff(found)
        assert len(set(steps)) <= 1
        cells = np.diff([axis.place(value, columns) for value in found])
        assert not len(cells) or max(cells) - min(cells) <= 1


@given(st.floats(1e-6, 10), st.floats(1.2, 1e6), st.integers(8, 60))
def test_ticks_of_a_logarithmic_axis_stand_about_equally_far_apart(least, factor, rows):
    """Decades from three decades on; below, 1 and 3 where there are enough."""
    axis = log_axis(least, least * factor)
    found = ticks(axis, rows, 2)
    cells = np.diff([axis.place(value, rows) for value in found])
    if math.floor(axis.high + 1e-9) - math.ceil(axis.low - 1e-9) >= 2:
        assert np.allclose(np.log10(found), np.round(np.log10(found)))
        assert not len(cells) or max(cells) - min(cells) <= 1
    elif {f"{value:e}"[0] for value in found} <= {"1", "3"} and len(cells):
        assert max(cells) <= 1.1 * min(cells) + 2
