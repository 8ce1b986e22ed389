"""The records of a model in its run folder: predictions of the validation images, and weights.

Weights are kept for good after 0, 1, 2, 3, 4, 6, 8, 12, 16, 24, … epochs, as the rows of
`weights.f32`: of each layer in turn the weights `(outputs, inputs)` and the biases, in float32.
Runs of format 1 keep them in `snapshots/EPOCHS.pt`.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.evaluate import confusion_matrix
from mnistop.engine.files import open_regular, write_at
from mnistop.engine.runs.run_folder import Run

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class EpochPredictions:
    """The validation images after some epochs."""

    epochs: int
    """Epochs that the model had been trained for."""
    labels: NDArray[np.intp]
    """True classes, `(n,)`."""
    predicted: NDArray[np.intp]
    """Predicted classes, `(n,)`."""
    log_probabilities: Floats
    """`(n, classes)`, to 3 digits."""

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def classes(self) -> int:
        """The number of classes."""
        return int(self.log_probabilities.shape[1])

    @cached_property
    def probabilities(self) -> Floats:
        """`(n, classes)` in [0, 1]."""
        return np.exp(self.log_probabilities)

    @cached_property
    def right(self) -> NDArray[np.bool_]:
        """Correctness of each prediction, bool `(n,)`."""
        return np.equal(self.labels, self.predicted)

    @cached_property
    def confidence(self) -> Floats:
        """The probability of the predicted class, `(n,)` in [0, 1]."""
        return self._of(self.probabilities, self.predicted)

    @cached_property
    def loss(self) -> Floats:
        """Cross-entropy, `(n,)`, from 0 up: minus the log-probability of the true class."""
        return 0 - self._of(self.log_probabilities, self.labels)  # so that none is -0

    @cached_property
    def margin(self) -> Floats:
        """Probability of the true class less that of the likeliest other, `(n,)` in [-1, 1]."""
        others = self.probabilities.copy()
        np.put_along_axis(others, self.labels[:, None], -1, axis=1)
        margin: Floats = self._of(self.probabilities, self.labels) - others.max(1)
        return margin

    def _of(self, table: Floats, columns: NDArray[np.intp]) -> Floats:
        picked: Floats = np.take_along_axis(table, columns[:, None], axis=1)[:, 0]
        return picked


def load_predictions(run: Run, epochs: int, classes: int) -> EpochPredictions | None:
    """Read the predictions after a number of epochs; None if they are not recorded completely.

    Args:
        run: the run.
        epochs: completed epochs, 0 for the untrained model.
        classes: the number of classes.
    """
    labels, predictions = run.labels(), run.predictions_after(epochs)
    log_probs = run.log_probabilities_after(epochs, classes)
    if predictions is None or log_probs is None or len(log_probs) != len(labels):
        return None
    if max(labels.max(), predictions.max()) >= classes or not (log_probs <= 0).all():
        return None
    return EpochPredictions(
        epochs, labels.astype(np.intp), predictions.astype(np.intp), log_probs.astype(np.float32)
    )


def most_confident_mistakes(predictions: EpochPredictions) -> NDArray[np.intp]:
    """Return the rows predicted wrongly, by falling probability of the predicted class."""
    wrong = np.flatnonzero(~predictions.right)
    order: NDArray[np.intp] = wrong[np.argsort(-predictions.confidence[wrong], kind="stable")]
    return order


@dataclass(frozen=True)
class Mistake:
    """A validation image that is predicted wrongly."""

    row: int
    """Its index."""
    label: int
    image: Floats
    """`(height, width)` or `(height, width, 3)` in [0, 1]."""
    probabilities: Floats
    """`(classes,)`"""


def worst_mistakes(
    run: Run, predictions: EpochPredictions, shape: tuple[int, ...], most: int = 8
) -> list[Mistake]:
    """Return the most confident mistakes, with their images.

    Args:
        run: the run.
        predictions: of that run.
        shape: that of an image, see `RunStarted.shape`.
        most: the maximum number.
    """
    images = run.images(shape)
    return [
        Mistake(
            row,
            int(predictions.labels[row]),
            images[row],
            predictions.probabilities[row],
        )
        for row in most_confident_mistakes(predictions)[:most].tolist()
        if row < len(images)
    ]


NEVER_FIRST = int(np.iinfo(np.int64).max)
"""In `LearningTimes.first`: later than any epoch."""
NEVER_LAST = -1
"""In `LearningTimes.last`: before any epoch."""


@dataclass(frozen=True, eq=False)
class LearningTimes:
    """The epochs in which images were predicted correctly, counted from 0 as in the log."""

    first: NDArray[np.int64]
    """The first such epoch, `(n,)`; `NEVER_FIRST` if there is none."""
    last: NDArray[np.int64]
    """The last such epoch, `(n,)`; `NEVER_LAST` if there is none."""


def learning_times(predictions: NDArray[np.integer], labels: NDArray[np.integer]) -> LearningTimes:
    """Find the first and last epochs in which images were predicted correctly.

    Args:
        predictions: `(epochs, n)`, row k after epoch k.
        labels: true classes, `(n,)`.
    """
    if not len(predictions):
        shape = len(labels)
        return LearningTimes(np.full(shape, NEVER_FIRST), np.full(shape, NEVER_LAST, np.int64))
    right = predictions == labels
    ever = right.any(0)
    last = len(right) - 1 - right[::-1].argmax(0)
    return LearningTimes(
        np.where(ever, right.argmax(0), NEVER_FIRST), np.where(ever, last, NEVER_LAST)
    )


class PredictionReader:
    """Predicted classes of the validation images; the last epoch read is cached.

    Args:
        run: a run that has started.
        classes: number of classes.
    """

    def __init__(self, run: Run, classes: int) -> None:
        self._run = run
        self._classes = classes
        self._labels: NDArray[np.uint8] = np.empty(0, np.uint8)
        self._read: tuple[int, NDArray[np.uint8]] | None = None

    @property
    def labels(self) -> NDArray[np.uint8]:
        """True classes, `(n,)`."""
        if not len(self._labels):
            self._labels = self._run.labels()
        return self._labels

    def correct(self, epochs: int) -> NDArray[np.intp]:
        """Return the rising rows classified correctly after some epochs; none if not recorded."""
        predictions = self._after(epochs)
        if predictions is None:
            return np.empty(0, np.intp)
        return np.flatnonzero(predictions == self.labels)

    def matrix(self, epochs: int) -> NDArray[np.int64] | None:
        """Return the confusion matrix after some epochs; None if they are not recorded."""
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


WEIGHTS_FILE = "weights.f32"
SNAPSHOT_EPOCHS = (0, 1, *(epochs for power in range(32) for epochs in (2 << power, 3 << power)))
"""The numbers of epochs after which weights are kept, in the order of the rows."""
SNAPSHOT_ROWS = {epochs: row for row, epochs in enumerate(SNAPSHOT_EPOCHS)}
"""The row of the weights after a number of epochs."""


def write_snapshot(file: int, epochs: int, weights: Iterable[NDArray[np.float32]]) -> None:
    """Write the weights after a number of epochs.

    Args:
        file: descriptor of `WEIGHTS_FILE`.
        epochs: one of `SNAPSHOT_EPOCHS`.
        weights: those of the whole model and its biases, in order.
    """
    row = [array.astype("<f4", copy=False) for array in weights]
    place = SNAPSHOT_ROWS[epochs] * sum(array.nbytes for array in row)
    for array in row:
        place = write_at(file, array, place)


def snapshot_epochs(run: Run, layers: Sequence[int]) -> list[int]:
    """Return the numbers of epochs after which weights are kept, rising.

    Args:
        run: the run.
        layers: as in `RunStarted.layers`.
    """
    try:
        with open_regular(run.path / WEIGHTS_FILE) as file:
            rows = os.fstat(file.fileno()).st_size // (4 * _parameters(layers))
    except OSError:
        rows = 0
    old = (path.stem for path in run.path.glob("snapshots/*.pt") if path.stem.isdecimal())
    return sorted({*SNAPSHOT_EPOCHS[:rows], *map(int, old)})


def read_snapshot(run: Run, epochs: int, layers: Sequence[int]) -> NDArray[np.float32] | None:
    """Read the weights after a number of epochs, as one vector; None if `WEIGHTS_FILE` lacks them.

    Args:
        run: the run.
        epochs: one of `snapshot_epochs`.
        layers: as in `RunStarted.layers`.
    """
    count = _parameters(layers)
    try:
        with open_regular(run.path / WEIGHTS_FILE) as file:
            place = SNAPSHOT_ROWS[epochs] * 4 * count
            if os.fstat(file.fileno()).st_size < place + 4 * count:
                return None
            row = np.fromfile(file, "<f4", count, offset=place)
    except (OSError, KeyError, ValueError, MemoryError):
        return None
    return row.astype(np.float32, copy=False)


def _parameters(layers: Sequence[int]) -> int:
    return sum((inputs + 1) * outputs for inputs, outputs in itertools.pairwise(layers))
