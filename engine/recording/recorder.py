"""The recorder of a training: writes its run folder in a small share of the time."""

import contextlib
import math
import os
import time
from collections.abc import Iterator
from typing import Any

import torch

from mnistop.engine import events
from mnistop.engine.errors import RunError
from mnistop.engine.files import open_private
from mnistop.engine.recording.run_writer import RunWriter
from mnistop.engine.runs import checkpoint
from mnistop.engine.runs.checkpoint import DurableWriter
from mnistop.engine.runs.predictions import SNAPSHOT_ROWS, WEIGHTS_FILE, write_snapshot
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.training.state import Epoch, TrainState, cross_entropy

WRITE_SECONDS = 0.05
"""What short epochs come to is written together, this often at most."""
PROGRESS_SECONDS = 0.25
"""`BatchProgress` is said this often at most…"""
PROGRESS_SHARE = 0.005
"""…and may take this share of the time."""
FIRST_CHECKPOINT_SECONDS = 1.0
"""A run that is shorter has but its last checkpoint; one killed before starts again."""
CHECKPOINT_EPOCHS = 25
CHECKPOINT_SECONDS = 0.5
"""Then a checkpoint comes after a number of epochs or so many seconds, whichever is first…"""
CHECKPOINT_SHARE = 0.01
"""…but all of them may take no more than this share of the time."""


class Recorder(RunWriter):
    """The sink of a training that has a run folder.

    Args:
        run: a run whose lock this process holds.
    """

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._weights = open_private(run.path / WEIGHTS_FILE, os.O_WRONLY | os.O_CREAT)
        self._pending: list[tuple[float, int, Epoch]] = []
        self._next_write = 0.0
        self._progress_at = self._next_progress = 0.0
        self._progress_images = (0, 0)
        self._saved_epochs = 0
        self._saved_at = self._next_checkpoint = 0.0
        self._durable = DurableWriter(run, (*self.descriptors, self._weights))
        self._best: dict[str, torch.Tensor] = {}
        self._best_epochs = 0
        self._best_is_saved = True
        self._finished = False
        self._training: TrainState | None = None

    def record(self, kind: type[events.Event], **values: Any) -> None:
        """Record an event at once, after all that waits."""
        self._write(self.log.event(kind, **values))

    def end(self, kind: type[events.Event], **values: Any) -> None:
        """Append the last event, for which there is room even on a full disk."""
        with contextlib.suppress(OSError):
            self._write()
        super().end(kind, **values)
        self._finished = kind is events.RunFinished

    def bring_to_disk(self) -> None:
        """Flush everything to the disk, after the last event."""
        if self._finished:
            self._durable.finish()
        else:
            self._durable.keep()

    def begin(self, training: TrainState) -> None:
        """Start recording, before the first step of a new training or of one that continues."""
        self._training = training
        self._progress_images = (training.epoch, training.images_done())
        if training.epoch == training.step == 0:
            os.ftruncate(self._weights, 0)
            self._snapshot(training)
            self.record(events.CheckpointSaved, file=WEIGHTS_FILE, epochs=0)
        else:
            self.save_checkpoint(training)
        self._saved_epochs = training.epoch
        self._saved_at = self._progress_at = now = time.monotonic()
        self._next_progress = now + PROGRESS_SECONDS
        self._next_checkpoint = now + FIRST_CHECKPOINT_SECONDS

    def record_predictions(
        self, epochs: int, log_probabilities: torch.Tensor, predictions: torch.Tensor
    ) -> None:
        """Record the model's predictions after some consecutive epochs.

        Args:
            epochs: the number of epochs before the first row.
            log_probabilities: as in `Epoch`, after each, `(epochs, n, classes)`.
            predictions: as in `Epoch`, after each, `(epochs, n)`.
        """
        self.write_predictions(
            epochs,
            log_probabilities.to(torch.float16).cpu().numpy(),
            predictions.to(torch.uint8).cpu().numpy(),
        )

    def step_done(self, training: TrainState, labels: torch.Tensor) -> None:
        """Record the progress of a long epoch, and save when that is due."""
        now = time.monotonic()
        if now < self._next_progress:
            return
        started = time.thread_time()
        train_loss = cross_entropy(*training.epoch_logits(labels))
        took = time.thread_time() - started
        self._next_progress = now + max(PROGRESS_SECONDS, took / PROGRESS_SHARE)
        if not math.isfinite(train_loss):  # the end of the epoch says so
            return
        epoch, images = self._progress_images
        done = (training.epoch - epoch) * len(labels) + training.images_done() - images
        self.record(
            events.BatchProgress,
            epoch=training.epoch,
            step=training.step,
            steps=training.steps(),
            train_loss=train_loss,
            images_per_second=done / (now - self._progress_at),
        )
        self._progress_at = now
        self._progress_images = (training.epoch, training.images_done())
        self._save_if_due(training, now)

    def epoch_done(self, training: TrainState, epoch: Epoch) -> None:
        """Record the epoch, and save when that is due."""
        self._pending.append((time.time(), training.epoch, epoch))
        if training.epoch == training.best_epochs:
            self._keep_best(training)
        if training.epoch in SNAPSHOT_ROWS:
            self._snapshot(training)
        now = time.monotonic()
        self._save_if_due(training, now)
        if now >= self._next_write:
            self._write()
            self._next_write = now + WRITE_SECONDS

    def pause(self) -> None:
        """Record a pause; the weights are saved, to be looked at meanwhile."""
        if self._training:
            self.save_checkpoint(self._training)
        self.record(events.RunPaused)

    def _keep_best(self, training: TrainState) -> None:
        for name, weights in training.weights.items():
            if name in self._best:
                self._best[name].copy_(weights)
            else:
                self._best[name] = weights.clone()
        self._best_epochs = training.best_epochs
        self._best_is_saved = False

    def best_weights(self) -> dict[str, torch.Tensor] | None:
        """The weights of the best epoch by name; None if their file is missing or damaged."""
        if self._best:
            return self._best
        try:
            return checkpoint.weights_of(checkpoint.load(self.run.path / "best.pt"))
        except RunError:
            return None

    def _save_if_due(self, training: TrainState, now: float) -> None:
        many = training.epoch - self._saved_epochs >= CHECKPOINT_EPOCHS
        long = now - self._saved_at >= CHECKPOINT_SECONDS
        if (many or long) and now >= self._next_checkpoint:
            self.save_checkpoint(training)
            self._saved_epochs, self._saved_at = training.epoch, time.monotonic()
            took = self._saved_at - now
            self._next_checkpoint = self._saved_at + took / CHECKPOINT_SHARE
            self._durable.keep_if_due()

    def save_checkpoint(self, training: TrainState) -> None:
        """Save all that is needed to continue, after the best weights if they are new."""
        self._write()  # a run that goes on from here knows all that came before
        self.save_best()
        checkpoint.save(self.run.path / "checkpoint.pt", training.state_dict())
        self.record(events.CheckpointSaved, file="checkpoint.pt", epochs=training.epoch)

    def save_best(self) -> None:
        """Save the weights of the best epoch if they are new."""
        if not self._best_is_saved:
            best = {"model": self._best, "epoch": self._best_epochs}
            checkpoint.save(self.run.path / "best.pt", best)
            self._best_is_saved = True
            self.record(events.CheckpointSaved, file="best.pt", epochs=self._best_epochs)

    def _snapshot(self, training: TrainState) -> None:
        weights = [weights.cpu().numpy() for weights in training.weights.values()]
        write_snapshot(self._weights, training.epoch, weights)

    def _write(self, *more: events.Event) -> None:
        """Write what waits: the predictions before the events that report them."""
        pending, self._pending = self._pending, []
        if pending:
            self.record_predictions(
                pending[0][1],
                torch.stack([epoch.log_probabilities for *_, epoch in pending]),
                torch.stack([epoch.predictions for *_, epoch in pending]),
            )
        recorded = [event for each in pending for event in self._events_of(*each)]
        self.log.append([*recorded, *more])

    def _events_of(self, at: float, epochs: int, epoch: Epoch) -> Iterator[events.Event]:
        name = self.run.name
        yield events.EpochFinished(
            run=name,
            time=at,
            epoch=epochs - 1,
            train_loss=epoch.train_loss,
            val_loss=epoch.val_loss,
            train_acc=epoch.train_acc,
            val_acc=epoch.val_acc,
            lr=epoch.lr,
            seconds=epoch.seconds,
            dead=epoch.dead,
        )
        if epochs in SNAPSHOT_ROWS:
            yield events.CheckpointSaved(run=name, time=at, file=WEIGHTS_FILE, epochs=epochs)
