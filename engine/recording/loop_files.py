"""The files of a recorded run: what its loop has recorded becomes metrics, rows and events."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine import events
from mnistop.engine.recording import metrics
from mnistop.engine.recording.batch import START, Batch, EndOfEpoch, Work
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


@dataclass(frozen=True)
class _Rows:
    """Predictions of consecutive epochs."""

    first: int
    """The row of the first; row 0 is the untrained model's."""
    count: int
    known: tuple[NDArray[np.float16], NDArray[np.uint8]] | None = None
    """Log-probabilities `(count, n, classes)`, NaN where outputs were not finite, and predicted
    classes `(count, n)`, 255 there; None if the model was not evaluated."""

    @property
    def nbytes(self) -> int:
        """The memory they take."""
        return sum(each.nbytes for each in self.known or ())


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
        self._run_name = run.name
        self._labels = labels
        self._classes = classes
        self._names = names
        self._has_rows = has_rows
        self._troubles = troubles
        self._sums, self._counts = np.zeros(0), np.zeros(0)
        """Of the values since the end of the last epoch, by name's id."""
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
        self.record(kind, **values)

    def record(self, kind: type[events.Event], **values: Any) -> None:
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
            self._write_rows(self._rows[0])
            del self._rows[0]
        while self._work:
            self._events += self._work[0]()
            del self._work[0]
        if self._events:
            self._writer.log.append(self._events)
            self._events.clear()

    def _write_rows(self, rows: _Rows) -> None:
        if rows.known:
            self._writer.write_predictions(rows.first, *rows.known)
            return
        images = len(self._labels)
        unknown = np.full((1, images, self._classes), np.nan, np.float16)
        for row in range(rows.first, rows.first + rows.count):
            self._writer.write_predictions(row, unknown, np.full((1, images), 255, np.uint8))

    def end(self, kind: type[events.Event], **values: Any) -> None:
        """Append the last event, for which there is room even on a full disk.

        There may be some for the events of epochs too, of which the first come first.

        Raises:
            OSError: it cannot be written.
        """
        last = self._writer.log.event(kind, **values)
        self._writer.free_room()
        waiting = self._events
        while True:
            try:
                self._writer.log.append([*waiting, last])
                return
            except OSError:
                if not waiting:
                    raise
                waiting = waiting[: len(waiting) // 2]

    def close(self) -> None:
        """Close the files."""
        self._metrics.close()
        self._writer.close()

    def drop_excess(self) -> bool:
        """Drop what no longer has room in memory; return whether there was any."""
        dropped = False
        if len(self._records) > MOST_WAITING:
            records = np.frombuffer(self._records, metrics.LAYOUT)
            self._records = bytearray(records[metrics.name_ids(records) == 0].tobytes())
            dropped = True
        excess = sum(rows.nbytes for rows in self._rows) - MOST_WAITING
        for place in reversed(range(len(self._rows))):
            if excess <= 0:
                break
            rows = self._rows[place]
            excess -= rows.nbytes
            self._rows[place] = _Rows(rows.first, rows.count)
            dropped = True
        return dropped

    def take(self, batch: Batch) -> None:
        """Accept the records of a loop whose values have all arrived."""
        self._count_classes(batch.ended)
        self._events += batch.said
        records = np.frombuffer(bytes(batch.records), metrics.LAYOUT)
        numbers, values = metrics.name_ids(records), records["value"]
        self._warn_of_infinite(numbers, values)
        results = self._evaluate(batch.ended)
        means = self._means(numbers, values, batch.ends)
        for ended, mean in zip(batch.ended, means, strict=True):
            loss, accuracy = results.get(ended.epoch, (None, None))
            if ended.epoch != START:
                self._events.append(self._epoch_event(ended, mean, loss, accuracy))
            elif loss is not None and accuracy is not None:
                self._events.append(
                    events.StartEvaluated(
                        run=self._run_name, time=ended.time, val_loss=loss, val_acc=accuracy
                    )
                )
        self._records += batch.records
        self._work += batch.work

    def _count_classes(self, ended: list[EndOfEpoch]) -> None:
        """Take the number of classes from the first scores, which may have more than the labels."""
        scores = next((each.scores for each in ended if each.scores is not None), None)
        if scores is not None and scores.shape[1] != self._classes:
            self._classes = scores.shape[1]
            counts = np.bincount(self._labels, minlength=self._classes).tolist()
            more = {"class_names": list(numbered(self._classes)), "validation_counts": counts}
            self.record(events.RunStarted, **self._started | more)

    def _warn_of_infinite(self, numbers: NDArray[np.uint32], values: NDArray[np.float64]) -> None:
        bad = np.flatnonzero(~np.isfinite(values) & (numbers > 0))
        if len(bad):
            name, value = self._names[numbers[bad[0]]], values[bad[0]]
            what = "not a number (NaN)" if np.isnan(value) else "infinite"
            self._troubles.warn("infinite", f"{name} is {what}.")

    # Means over epochs

    def _means(
        self, numbers: NDArray[np.uint32], values: NDArray[np.float64], ends: list[int]
    ) -> list[dict[str, float]]:
        """Return the finite means over each epoch by name; the rest waits for the next epoch.

        Args:
            numbers: ids of names, `(records,)`.
            values: `(records,)`.
            ends: how many records come before the end of each epoch, increasing.
        """
        epochs, names = len(ends) + 1, len(self._names)
        sums, counts = np.zeros((epochs, names)), np.zeros((epochs, names))
        sums[0, : len(self._sums)], counts[0, : len(self._counts)] = self._sums, self._counts
        places = np.searchsorted(ends, np.arange(len(numbers)), side="right") * names + numbers
        with np.errstate(all="ignore"):
            sums += np.bincount(places, values, sums.size).reshape(sums.shape)
            counts += np.bincount(places, minlength=sums.size).reshape(sums.shape)
            counts[:, 0] = 0  # records without a value
            means = sums / counts
        self._sums, self._counts = sums[-1].copy(), counts[-1].copy()
        return [
            {self._names[k]: float(row[k]) for k in np.flatnonzero(np.isfinite(row)).tolist()}
            for row in means[:-1]
        ]

    def _epoch_event(
        self,
        ended: EndOfEpoch,
        means: dict[str, float],
        loss: float | None,
        accuracy: float | None,
    ) -> events.Event:
        def mean(names: tuple[str, ...], low: float, high: float) -> float | None:
            found = next((means[name] for name in names if name in means), math.nan)
            return found if low <= found <= high else None

        return events.EpochFinished(
            run=self._run_name,
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
                self._rows.append(_Rows(0, 1))
            self._has_rows = True
            scores = [one.scores for one in part if one.scores is not None]
            if not scores:
                self._rows.append(_Rows(first, len(part)))
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

    def _rows_of(
        self, first: int, scores: NDArray[np.float32]
    ) -> tuple[_Rows, list[float], list[float]]:
        """Return rows, losses and accuracies of scores `(rows, n, classes)`."""
        rows, images, _ = scores.shape
        with np.errstate(all="ignore"):
            found = log_probabilities(scores)
            predicted = scores.argmax(2).astype(np.uint8)
            chosen = (np.arange(rows)[:, None], np.arange(images), self._labels.astype(np.intp))
            losses = -found[chosen].mean(1, dtype=np.float64)
            accuracies = (predicted == self._labels).mean(1)
            half = found.astype(np.float16)
        bad = ~np.isfinite(losses)
        half[bad], predicted[bad] = np.nan, 255
        return _Rows(first, rows, (half, predicted)), losses.tolist(), accuracies.tolist()
