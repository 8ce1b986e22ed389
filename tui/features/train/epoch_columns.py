"""The numbers of a run's epochs as arrays that grow with it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.events import EpochFinished

NAMES = ("train_loss", "val_loss", "train_acc", "val_acc")


class EpochColumns:
    """Takes up an epoch once, so that following a run costs the same however long it is."""

    def __init__(self) -> None:
        self._values = np.empty((len(NAMES), 256))
        self._count = 0
        self._last: EpochFinished | None = None

    def follow(self, epochs: Sequence[EpochFinished]) -> None:
        """Takes up a run's epochs, all of them again if they do not go on from those before."""
        known = self._count
        if known > len(epochs) or (known and epochs[known - 1] is not self._last):
            known = 0
        if len(epochs) > self._values.shape[1]:
            grown = np.empty((len(NAMES), 2 * len(epochs)))
            grown[:, :known] = self._values[:, :known]
            self._values = grown
        for index in range(known, len(epochs)):
            self._values[:, index] = [getattr(epochs[index], name) for name in NAMES]
        self._count = len(epochs)
        self._last = epochs[-1] if epochs else None

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """One number of each epoch, as `val_loss`; `(epochs,)`."""
        return self._values[NAMES.index(name), : self._count]
