"""Scores and confusions of the classes are scikit-learn's, classes never predicted included."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn import metrics

from mnistop.engine.evaluate import class_report, confused_pairs, confusion_matrix


@pytest.mark.slow
@given(st.data(), st.integers(2, 12), st.integers(1, 100))
def test_the_scores_are_those_of_scikit_learn(
    data: st.DataObject, classes: int, images: int
) -> None:
    column = arrays.arrays(np.int64, images, elements=st.integers(0, classes - 1))
    labels, predictions = data.draw(column), data.draw(column)
    ours = class_report(confusion_matrix(labels, predictions, classes))
    theirs = metrics.classification_report(
        labels,
        predictions,
        labels=range(classes),
        zero_division=math.nan,
        output_dict=True,
    )
    for index, score in enumerate(ours):
        expected = theirs[str(index)]
        for name, value in (
            ("precision", score.precision),
            ("recall", score.recall),
            ("f1-score", score.f1),
        ):
            assert math.isnan(expected[name]) == (value is None)
            assert value is None or math.isclose(value, expected[name], abs_tol=1e-12)
        assert score.support == expected["support"]


@given(st.data(), st.integers(2, 12), st.integers(0, 100))
def test_the_most_frequent_confusions_come_first(
    data: st.DataObject, classes: int, images: int
) -> None:
    column = arrays.arrays(np.int64, images, elements=st.integers(0, classes - 1))
    labels, predictions = data.draw(column), data.draw(column)
    found = confused_pairs(confusion_matrix(labels, predictions, classes))
    pairs = zip(labels.tolist(), predictions.tolist(), strict=True)
    counted = Counter((true, said) for true, said in pairs if true != said)
    assert {(pair.true, pair.predicted): pair.count for pair in found} == counted
    counts = [pair.count for pair in found]
    assert counts == sorted(counts, reverse=True)


def test_a_class_that_is_never_predicted_has_no_precision() -> None:
    never, other = class_report(np.array([[0, 3], [0, 5]]))
    assert (never.precision, never.recall, never.f1, never.support) == (None, 0, 0, 3)
    assert other.precision == 5 / 8
