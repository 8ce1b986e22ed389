"""Counts of right and wrong, from predictions alone."""

import math

import numpy as np
from numpy.typing import NDArray


def confusion_matrix(
    labels: NDArray[np.integer], predictions: NDArray[np.integer], classes: int
) -> NDArray[np.int64]:
    """How often each class was predicted as each, `(classes, classes)`: rows true.

    The same counts as scikit-learn's, whose import takes longer than an interface may wait.
    """
    pairs = labels.astype(np.int64) * classes + predictions
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def wilson_interval(fraction: float, count: int, z: float = 1.959964) -> tuple[float, float]:
    """The score interval of a fraction observed on `count` images.

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
