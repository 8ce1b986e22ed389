"""Confusion counts against scikit-learn's, and an accuracy's interval against Wilson's."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn import metrics

from mnistop.engine.evaluate import confusion_matrix, wilson_interval


@given(st.data(), st.integers(2, 100), st.integers(0, 300))
def test_the_confusion_matrix_is_that_of_scikit_learn(
    data: st.DataObject, classes: int, images: int
) -> None:
    column = arrays.arrays(np.uint8, images, elements=st.integers(0, classes - 1))
    labels, predictions = data.draw(column), data.draw(column)
    ours = confusion_matrix(labels, predictions, classes)
    assert ours.shape == (classes, classes)
    if images:
        theirs = metrics.confusion_matrix(labels, predictions, labels=range(classes))
        assert np.array_equal(ours, theirs)


def test_rows_are_true_classes_and_columns_predictions() -> None:
    matrix = confusion_matrix(np.array([0, 0, 2]), np.array([1, 1, 2], np.uint8), 4)
    assert matrix.tolist() == [[0, 2, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize(
    ("right", "images", "low", "high"),
    [
        (179, 200, 0.84482, 0.93029),
        (81, 263, 0.25527, 0.36621),
        (15, 148, 0.06238, 0.16053),
        (0, 20, 0.0, 0.16113),
        (1, 29, 0.00611, 0.17177),
        (20, 20, 0.83887, 1.0),
    ],
)
def test_the_interval_is_that_of_published_tables(
    right: int, images: int, low: float, high: float
) -> None:
    """The rows of 263, 148, 20 and 29 are in Newcombe 1998, Statistics in Medicine 17:857."""
    assert wilson_interval(right / images, images) == pytest.approx((low, high), abs=1e-4)


@given(st.integers(1, 100_000), st.floats(0, 1))
def test_an_interval_holds_its_fraction_and_stays_in_0_to_1(images: int, fraction: float) -> None:
    low, high = wilson_interval(fraction, images)
    assert 0 <= low <= fraction + 1e-12
    assert fraction - 1e-12 <= high <= 1
    assert low < high


@given(st.integers(1, 100_000), st.floats(0, 1))
def test_the_ends_are_those_that_a_score_test_just_accepts(images: int, fraction: float) -> None:
    for end in wilson_interval(fraction, images):
        if 1e-9 < end < 1 - 1e-9:
            z = (fraction - end) / math.sqrt(end * (1 - end) / images)
            assert abs(z) == pytest.approx(1.959964, rel=1e-3)


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_more_images_make_an_interval_narrower(images: int, fraction: float) -> None:
    def width(count: int) -> float:
        low, high = wilson_interval(fraction, count)
        return high - low

    assert width(2 * images) < width(images)
