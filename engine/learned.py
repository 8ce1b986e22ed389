"""When a run's model learned each validation image, and when it forgot it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NEVER_FIRST = int(np.iinfo(np.int64).max)
"""In `Learned.first`: later than any epoch."""
NEVER_LAST = -1
"""In `Learned.last`: before any epoch."""


@dataclass(frozen=True, eq=False)
class Learned:
    """The epochs in which images were predicted rightly, counted from 0 as in the log."""

    first: NDArray[np.int64]
    """The first such epoch, `(n,)`; `NEVER_FIRST` if there is none."""
    last: NDArray[np.int64]
    """The last such epoch, `(n,)`; `NEVER_LAST` if there is none."""


def learned(predictions: NDArray[np.integer], labels: NDArray[np.integer]) -> Learned:
    """When images were predicted rightly.

    Args:
        predictions: `(epochs, n)`, row k after epoch k.
        labels: true classes, `(n,)`.
    """
    if not len(predictions):
        shape = len(labels)
        return Learned(np.full(shape, NEVER_FIRST), np.full(shape, NEVER_LAST, np.int64))
    right = predictions == labels
    ever = right.any(0)
    last = len(right) - 1 - right[::-1].argmax(0)
    return Learned(np.where(ever, right.argmax(0), NEVER_FIRST), np.where(ever, last, NEVER_LAST))
