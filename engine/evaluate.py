"""Confusion counts, and scores of predictions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def confusion_matrix(
    labels: NDArray[np.integer], predictions: NDArray[np.integer], classes: int
) -> NDArray[np.int64]:
    """Count how often each class was predicted as each, `(classes, classes)`: rows true.

    The same counts as scikit-learn's, whose import takes too long for an interface.
    """
    import numpy as np

    pairs = labels.astype(np.int64) * classes + predictions
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def wilson_interval(fraction: float, count: int, z: float = 1.959964) -> tuple[float, float]:
    """Return the score interval of a fraction observed on `count` images.

    Args:
        fraction: the share observed, in [0, 1].
        count: images, at least 1.
        z: the normal quantile; the default gives 95%.

    Returns:
        The lower and the upper end, in [0, 1]: Wilson 1927, J. Am. Stat. Assoc. 22:209.
    """
    spread = z * z / count
    middle = (fraction + spread / 2) / (1 + spread)
    half = z * math.sqrt(fraction * (1 - fraction) / count + spread / (4 * count)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True)
class ClassScore:
    """The scores of one class; the names are scikit-learn's."""

    precision: float | None
    """The share of correct ones among the predictions of this class; None if there are none."""
    recall: float | None
    """The share of correct ones among the images of this class; None if there are none."""
    f1: float | None
    """The harmonic mean of both; None if the class has neither images nor predictions."""
    support: int
    """Images of this class."""


def class_report(matrix: NDArray[np.integer]) -> list[ClassScore]:
    """Return precision, recall, F1 and support of each class, as in `classification_report`.

    That is scikit-learn's, with `zero_division=nan`: a share of nothing is None here. F1 is
    2·correct / (images + predictions), so a class with images that is never predicted has F1 0.

    Args:
        matrix: counts, `(classes, classes)`: rows true.
    """
    counts = matrix.diagonal(), matrix.sum(1), matrix.sum(0)
    columns = zip(*(each.tolist() for each in counts), strict=True)
    return [ClassScore(_share(r, p), _share(r, n), _share(2 * r, n + p), n) for r, n, p in columns]


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


@dataclass(frozen=True)
class Confusion:
    """A pair of classes, one predicted as the other."""

    true: int
    predicted: int
    count: int


def confused_pairs(matrix: NDArray[np.integer]) -> list[Confusion]:
    """Return the pairs of classes that are confused, the most frequent first.

    Args:
        matrix: counts, `(classes, classes)`: rows true.
    """
    import numpy as np

    mistakes = matrix - np.diag(matrix.diagonal())
    true, predicted = np.nonzero(mistakes)
    counts = mistakes[true, predicted]
    order = np.argsort(-counts, kind="stable")
    columns = (column[order].tolist() for column in (true, predicted, counts))
    return [Confusion(*pair) for pair in zip(*columns, strict=True)]
