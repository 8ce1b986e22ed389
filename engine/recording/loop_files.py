"""The files of a recorded run: what its loop has recorded becomes metrics, rows and events."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine import events
from mnistop.engine.recording import metrics
from mnistop.engine.recording.evaluation import log_probabilities
from mnistop.engine.recording.metrics import MetricsWriter
from mnistop.engine.recording.run_writer import RunWriter
from mnistop.engine.recording.troubles import Troubles
from mnistop.engine.recording.validation import numbered
from mnistop.engine.runs.recorded import ACCURACIES, LOSSES
from mnistop.engine.runs.run_folder import Run

MOST_WAITING = 1 << 25
"""Bytes of metrics, and of predictions, that wait for a disk that refuses them."""
_SCORES_AT_ONCE = 1 << 22
"""Of so many the log-probabilities are computed at a time."""
_MOST_MEANS = 64
_LARGEST = 1e39

RATES = ("lr", "train/lr", "learning_rate", "train/learning_rate")

START = -1
"""The epoch of the untrained model's evaluation."""

Work = Callable[[], list[events.Event]]


@dataclass(frozen=True)
class EndOfEpoch:
    """An epoch that has ended, or the evaluation of the untrained model."""

    position: int
    """How many records of its `Batch` came before."""
    epoch: int
    """From 0, or `START`."""
    scores: NDArray[np.float32] | None
    """Of the validation images, `(n, classes)`; None if the model was not evaluated."""
    time: float
    """When it ended, in seconds since 1970."""
    seconds: float
    """How long it took, without pauses."""


@dataclass
class Batch:
    """The records of a loop between two writes."""

    records: bytearray = field(default_factory=bytearray)
    """Whole records of `metrics.bin`."""
    late: list[tuple[int, int]] = field(default_factory=list)
    """Of values that come from a device: which record, and which slot."""
    ended: list[EndOfEpoch] = field(default_factory=list)
    classes: int = 0
    """How many classes there are, if the first scores have said so; else 0."""
    said: list[events.Event] = field(default_factory=list)
    """Events that need no files; they are written before those of the epochs."""
    work: list[Work] = field(default_factory=list)
    """What writes other files, and returns the events that name them."""


@dataclass(frozen=True)
class _Rows:
    """Predictions of consecutive epochs."""

    first: int
    """The row of the first; row 0 is the untrained model's."""
    log_probabilities: NDArray[np.float16]
    """`(rows, n, classes)`; NaN where the model was not evaluated."""
    predictions: NDArray[np.uint8]
    """`(rows, n)`; 255 where the model was not evaluated."""


class LoopFiles:
    """The files of a recorded run; a failed write is repeated the next time.

    Args:
        run: a run whose lock this process holds.
        labels: true classes of the validation images, `(n,)`; empty without any.
        classes: how many classes there are.
        names: names of metrics by id, of which the first is none; the loop appends to it.
        has_rows: whether the run has predictions already, since it goes on.
        troubles: where warnings go.

    Raises:
        OSError: the files cannot be opened.
    """

    def __init__(
        self,
        run: Run,
        labels: NDArray[np.uint8],
        classes: int,
        names: list[str],
        has_rows: bool,
        troubles: Troubles,
    ) -> None:
        self._run = run
        self._labels = labels
        self._classes = classes
        self._names = names
        self._has_rows = has_rows
        self._troubles = troubles
        self._sums = np.zeros(1)
        self._counts = np.zeros(1, np.int64)
        self._records = bytearray()
        self._rows: list[_Rows] = []
        self._work: list[Work] = []
        self._events: list[events.Event] = []
        self._started: dict[str, Any] = {}
        self._metrics = MetricsWriter(run.path)
        self._writer = RunWriter(run)

    def begin(self, kind: type[events.Event], **values: Any) -> None:
        """Write the first event."""
        self._started = values
        self.say(kind, **values)

    def say(self, kind: type[events.Event], **values: Any) -> None:
        """Queue an event for the next write, after all that waits."""
        self._events.append(self._writer.log.event(kind, **values))

    def write(self) -> None:
        """Write all that waits: first what events tell of, and then these.

        Raises:
            OSError: some of it cannot be written, and goes on waiting.
        """
        if self._records:
            self._metrics.append(self._records)
            self._records.clear()
        while self._rows:
            rows = self._rows[0]
            self._writer.write_predictions(rows.first, rows.log_probabilities, rows.predictions)
            del self._rows[0]
        while self._work:
            self._events += self._work[0]()
            del self._work[0]
        if self._events:
            self._writer.log.append(self._events)
            self._events.clear()

    def end(self, kind: type[events.Event], **values: Any) -> None:
        """Append the last event, for which there is room even on a full disk.

        Raises:
            OSError: it cannot be written.
        """
        self._writer.end(kind, **values)

    def drop_excess(self) -> bool:
        """Drop what no longer has room in memory; return whether there was any."""
        dropped = False
        if len(self._records) > MOST_WAITING:
            records = np.frombuffer(self._records, metrics.LAYOUT)
            self._records = bytearray(records[metrics.name_ids(records) == 0].tobytes())
            dropped = True
        while sum(rows.log_probabilities.nbytes for rows in self._rows) > MOST_WAITING:
            del self._rows[-1]
            dropped = True
        return dropped

    def take(self, batch: Batch) -> None:
        """Accept the records of a loop whose values have all arrived."""
        if batch.classes:
            self._classes = batch.classes
            self.say(
                events.RunStarted, **self._started | _more_classes(batch.classes, self._labels)
            )
        self._events += batch.said
        records = np.frombuffer(bytes(batch.records), metrics.LAYOUT)
        numbers, values = metrics.name_ids(records), records["value"]
        self._warn_of_infinite(numbers, values)
        results = self._evaluate(batch.ended)
        done = 0
        for ended in batch.ended:
            self._sum_up(numbers[done : ended.position], values[done : ended.position])
            done = ended.position
            loss, accuracy = results.get(ended.epoch, (None, None))
            if ended.epoch != START:
                self._events.append(self._epoch_event(ended, loss, accuracy))
            elif loss is not None and accuracy is not None:
                self._events.append(
                    events.StartEvaluated(
                        run=self._run.name, time=ended.time, val_loss=loss, val_acc=accuracy
                    )
                )
        self._sum_up(numbers[done:], values[done:])
        self._records += batch.records
        self._work += batch.work

    def _warn_of_infinite(self, numbers: NDArray[np.uint32], values: NDArray[np.float64]) -> None:
        bad = np.flatnonzero(~np.isfinite(values) & (numbers > 0))
        if len(bad):
            name, value = self._names[numbers[bad[0]]], values[bad[0]]
            what = "not a number (NaN)" if np.isnan(value) else "infinite"
            self._troubles.warn("infinite", f"{name} is {what}.")

    # Means over epochs

    def _sum_up(self, numbers: NDArray[np.uint32], values: NDArray[np.float64]) -> None:
        new = len(self._names) - len(self._sums)
        if new > 0:
            self._sums = np.append(self._sums, np.zeros(new))
            self._counts = np.append(self._counts, np.zeros(new, np.int64))
        with np.errstate(all="ignore"):
            self._sums += np.bincount(numbers, values, len(self._sums))
        self._counts += np.bincount(numbers, minlength=len(self._sums))

    def _means(self) -> dict[str, float]:
        """Return the finite means over the epoch by name, and begin the next epoch."""
        self._counts[0] = 0  # records without a value
        logged = np.flatnonzero((self._counts > 0) & np.isfinite(self._sums)).tolist()
        means = {self._names[k]: float(self._sums[k] / self._counts[k]) for k in logged}
        self._sums[:] = 0
        self._counts[:] = 0
        return means

    def _epoch_event(
        self, ended: EndOfEpoch, loss: float | None, accuracy: float | None
    ) -> events.Event:
        means = self._means()

        def mean(names: tuple[str, ...], low: float, high: float) -> float | None:
            found = next((means[name] for name in names if name in means), math.nan)
            return found if low <= found <= high else None

        return events.EpochFinished(
            run=self._run.name,
            time=ended.time,
            epoch=ended.epoch,
            train_loss=mean(LOSSES, -_LARGEST, _LARGEST),
            train_acc=mean(ACCURACIES, 0, 1),
            val_loss=loss,
            val_acc=accuracy,
            lr=mean(RATES, 0, _LARGEST),
            seconds=min(max(ended.seconds, 0.0), 1e11),
            metrics=dict(list(means.items())[:_MOST_MEANS]),
        )

    # Predictions

    def _evaluate(self, ended: list[EndOfEpoch]) -> dict[int, tuple[float, float]]:
        """Queue rows of predictions, and return loss and accuracy by epoch."""
        results: dict[int, tuple[float, float]] = {}
        for part in self._parts(ended if len(self._labels) else []):
            first = part[0].epoch + 1
            if first > 0 and not self._has_rows:
                self._rows.append(self._empty_rows(0, 1))
            self._has_rows = True
            scores = [one.scores for one in part if one.scores is not None]
            if not scores:
                self._rows.append(self._empty_rows(first, len(part)))
                continue
            rows, losses, accuracies = self._rows_of(first, np.stack(scores))
            self._rows.append(rows)
            for one, loss, accuracy in zip(part, losses, accuracies, strict=True):
                if math.isfinite(loss):
                    results[one.epoch] = min(max(loss, 0.0), _LARGEST), accuracy
                else:
                    self._troubles.warn("scores", "The model's outputs are not all finite.")
        return results

    def _parts(self, ended: list[EndOfEpoch]) -> Iterator[list[EndOfEpoch]]:
        """Divide epochs into consecutive ones that all were evaluated, or all were not."""
        most = max(1, _SCORES_AT_ONCE // max(1, len(self._labels) * self._classes))
        for _, group in itertools.groupby(ended, lambda one: one.scores is None):
            alike = list(group)
            yield from (alike[at : at + most] for at in range(0, len(alike), most))

    def _empty_rows(self, first: int, count: int) -> _Rows:
        images = len(self._labels)
        unknown = np.full((count, images, self._classes), np.nan, np.float16)
        return _Rows(first, unknown, np.full((count, images), 255, np.uint8))

    def _rows_of(
        self, first: int, scores: NDArray[np.float32]
    ) -> tuple[_Rows, list[float], list[float]]:
        """Return rows, losses and accuracies of scores `(rows, n, classes)`."""
        rows, images, _ = scores.shape
        with np.errstate(all="ignore"):
            found = np.stack([log_probabilities(each) for each in scores])
            predicted = scores.argmax(2).astype(np.uint8)
            chosen = (np.arange(rows)[:, None], np.arange(images), self._labels.astype(np.intp))
            losses = -found[chosen].mean(1, dtype=np.float64)
            accuracies = (predicted == self._labels).mean(1)
            half = found.astype(np.float16)
        bad = ~np.isfinite(losses)
        half[bad], predicted[bad] = np.nan, 255
        return _Rows(first, half, predicted), losses.tolist(), accuracies.tolist()


def _more_classes(classes: int, labels: NDArray[np.uint8]) -> dict[str, Any]:
    counts = np.bincount(labels, minlength=classes).tolist()
    return {"class_names": list(numbered(classes)), "validation_counts": counts}
