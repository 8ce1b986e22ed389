"""What a run's models predicted for the validation images, read from its folder."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.evaluate import confusion_matrix
from mnistop.engine.runs.run_folder import Run


class Predictions:
    """Reads the predictions of one epoch at a time, and each only once in a row.

    Args:
        run: a run that has started.
        classes: how many there are.
    """

    def __init__(self, run: Run, classes: int) -> None:
        self._run = run
        self._classes = classes
        self._labels: NDArray[np.uint8] = np.empty(0, np.uint8)
        self._read: tuple[int, NDArray[np.uint8]] | None = None

    @property
    def labels(self) -> NDArray[np.uint8]:
        """The true classes of the validation images, `(n,)`."""
        if not len(self._labels):
            self._labels = self._run.labels()
        return self._labels

    def right(self, epochs: int) -> NDArray[np.intp]:
        """The validation images that are predicted rightly after so many epochs, rising."""
        predictions = self._after(epochs)
        if predictions is None:
            return np.empty(0, np.intp)
        return np.flatnonzero(predictions == self.labels)

    def matrix(self, epochs: int) -> NDArray[np.int64] | None:
        """The confusion matrix after so many epochs; None if the predictions are not there."""
        predictions = self._after(epochs)
        if predictions is None:
            return None
        return confusion_matrix(self.labels, predictions, self._classes)

    def _after(self, epochs: int) -> NDArray[np.uint8] | None:
        if self._read and self._read[0] == epochs:
            return self._read[1]
        predictions = self._run.predictions_after(epochs)
        if predictions is None or len(predictions) != len(self.labels):
            return None
        if max(predictions.max(), self.labels.max()) >= self._classes:
            return None
        self._read = (epochs, predictions)
        return predictions
