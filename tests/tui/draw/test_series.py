import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mnistop.tui.draw.series import drawable, smooth, thin

values = arrays(np.float64, st.integers(0, 400), elements=st.floats(-1e6, 1e6) | st.just(np.nan))


@pytest.mark.slow
@given(values, st.floats(0, 0.99))
def test_a_smoothed_value_lies_between_the_values_before_it(array, weight):
    smoothed = smooth(array, weight)
    assert (np.isnan(smoothed) == np.isnan(array)).all()
    for index in np.flatnonzero(np.isfinite(array)):
        past = array[: index + 1]
        slack = 1e-6 * (1 + np.nanmax(np.abs(past)))
        assert np.nanmin(past) - slack <= smoothed[index] <= np.nanmax(past) + slack


def test_smoothing_is_the_average_that_tensorboard_shows():
    smoothed = smooth(np.array([1.0, 2.0, 4.0]), 0.5)
    expected = [1, (1 * 0.25 + 2 * 0.5) / 0.75, (1 * 0.125 + 2 * 0.25 + 4 * 0.5) / 0.875]
    assert smoothed == pytest.approx(expected)


def test_without_weight_nothing_changes():
    array = np.array([3.0, np.nan, 1.0])
    assert smooth(array, 0.0) is array


@pytest.mark.slow
@given(values, st.integers(1, 40))
def test_thinning_keeps_two_points_a_column_and_the_extremes(array, columns):
    xs = np.arange(len(array), dtype=np.float64)
    high = max(len(array) - 1, 1)
    kept = thin(xs, array, 0, high, columns)
    assert kept == sorted(set(kept))
    if len(array) <= 2 * columns:
        assert len(kept) == len(array)
        return
    assert len(kept) <= 2 * columns
    if np.isnan(array).all():
        return
    finite = [index for index in kept if np.isfinite(array[index])]
    assert np.nanmax(array[finite]) == np.nanmax(array)
    assert np.nanmin(array[finite]) == np.nanmin(array)


def test_a_spike_survives_in_its_column():
    array = np.ones(10_000)
    array[7_321] = 9
    assert 7_321 in thin(np.arange(10_000.0), array, 0, 9_999, 40)


def test_what_cannot_be_drawn_is_a_gap():
    array = drawable([1, float("inf"), float("-inf"), float("nan"), 1e301, -1, 0], log=False)
    assert np.isnan(array).tolist() == [False, True, True, True, True, False, False]
    array = drawable([1, 0, -1, 1e-320], log=True)
    assert np.isnan(array).tolist() == [False, True, True, True]
