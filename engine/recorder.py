"""Writes a run folder while training goes on, within a small share of the training time."""

import contextlib
import math
import os
import time
from typing import Any

import torch

from engine import checkpoint, events, snapshots
from engine.event_log import EventLog
from engine.files import open_private, write_at, write_atomically
from engine.runs import Run
from engine.safekeeping import Safekeeping
from engine.training import Epoch, Training, cross_entropy

WRITE_SECONDS = 0.05
"""What short epochs come to is written together, this often at most."""
PROGRESS_SECONDS = 0.25
"""`BatchProgress` is said this often at most…"""
PROGRESS_SHARE = 0.005
"""…and may take this share of the time."""
CHECKPOINT_EPOCHS = 25
CHECKPOINT_SECONDS = 0.5
"""A checkpoint comes after so many epochs or so many seconds, whichever is first…"""
CHECKPOINT_SHARE = 0.01
"""…but all of them may take no more than this share of the time."""
ROOM = 8192
"""Bytes that a run in training keeps free for its last words."""


class Recorder:
    """The sink of a training that has a run folder.

    Args:
        run: a run whose lock this process holds.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._log = EventLog(run.path)
        self._predictions, self._said, self._weights = files = [
            open_private(run.path / name, os.O_WRONLY | os.O_CREAT)
            for name in ("predictions.u8", "log_probabilities.f16", snapshots.FILE)
        ]
        self._events: list[events.Event] = []
        self._judgements: list[torch.Tensor] = []
        self._first_judgement = 0
        self._next_write = 0.0
        self._room = run.path / "room"
        with contextlib.suppress(OSError):
            write_atomically(self._room, bytes(ROOM))
        self._progress_at = self._next_progress = 0.0
        self._progress_images = (0, 0)
        self._saved_epochs = 0
        self._saved_at = self._next_checkpoint = 0.0
        self._safekeeping = Safekeeping(run, (self._log.fileno(), *files))
        self._best_saved = 0
        self._finished = False

    def say(self, kind: type[events.Event], **values: Any) -> None:
        """Says something at once, after all that waits to be said."""
        self._note(kind, **values)
        self._write()

    def end(self, kind: type[events.Event], **values: Any) -> None:
        """Appends the last event, for which there is room even on a full disk."""
        with contextlib.suppress(OSError):
            self._write()
        self._room.unlink(missing_ok=True)
        self.say(kind, **values)
        self._finished = kind is events.RunFinished

    def bring_to_disk(self) -> None:
        """After the end, which is told already: brings all to the disk."""
        if self._finished:
            self._safekeeping.finish()
        else:
            self._safekeeping.keep()

    def begin(self, training: Training) -> None:
        """Before the first step, of a fresh training or one that goes on."""
        self._best_saved = training.best_epochs
        self._progress_images = (training.epoch, training.images_done())
        if training.epoch == training.step == 0:
            self._snapshot(training)
        self.save_checkpoint(training)
        self._progress_at = time.monotonic()
        self._next_progress = self._progress_at + PROGRESS_SECONDS

    def keep_judgement(self, epochs: int, log_probabilities: torch.Tensor) -> None:
        """Keeps what the model says after so many epochs, `(n, classes)`, and the predictions.

        Those who read the events find them once anything is said of these epochs.
        """
        if not self._judgements:
            self._first_judgement = epochs
        self._judgements.append(log_probabilities)

    def step_done(self, training: Training, labels: torch.Tensor) -> None:
        """Says how far a long epoch is, and saves when that is due."""
        now = time.monotonic()
        if now < self._next_progress:
            return
        started = time.thread_time()
        train_loss = cross_entropy(*training.said_so_far(labels))
        took = time.thread_time() - started
        self._next_progress = now + max(PROGRESS_SECONDS, took / PROGRESS_SHARE)
        if not math.isfinite(train_loss):  # the end of the epoch says so
            return
        epoch, images = self._progress_images
        done = (training.epoch - epoch) * len(labels) + training.images_done() - images
        self.say(
            events.BatchProgress,
            epoch=training.epoch,
            step=training.step,
            steps=training.steps(),
            train_loss=train_loss,
            images_per_second=done / (now - self._progress_at),
        )
        self._progress_at = now
        self._progress_images = (training.epoch, training.images_done())
        self._save_if_due(training)

    def epoch_done(self, training: Training, epoch: Epoch) -> None:
        """Records the epoch, and saves when that is due."""
        self.keep_judgement(training.epoch, epoch.log_probabilities)
        self._note(
            events.EpochFinished,
            epoch=training.epoch - 1,
            train_loss=epoch.train_loss,
            val_loss=epoch.val_loss,
            train_acc=epoch.train_acc,
            val_acc=epoch.val_acc,
            lr=epoch.lr,
            seconds=epoch.seconds,
            dead=epoch.dead,
        )
        if training.epoch in snapshots.EPOCHS:
            self._snapshot(training)
        self._save_if_due(training)
        if (now := time.monotonic()) >= self._next_write:
            self._write()
            self._next_write = now + WRITE_SECONDS

    def _save_if_due(self, training: Training) -> None:
        now = time.monotonic()
        many = training.epoch - self._saved_epochs >= CHECKPOINT_EPOCHS
        long = now - self._saved_at >= CHECKPOINT_SECONDS
        if (many or long) and now >= self._next_checkpoint:
            self.save_checkpoint(training)
            self._safekeeping.keep_if_due()

    def save_checkpoint(self, training: Training) -> None:
        """Saves all that is needed to go on, and first the best weights if they are new."""
        started = time.monotonic()
        self._write()  # a run that goes on from here knows all that came before
        if training.best_epochs > self._best_saved:
            checkpoint.save(self._run.path / "best.pt", training.best_weights)
            self._best_saved = training.best_epochs
            self.say(events.CheckpointSaved, file="best.pt", epochs=training.best_epochs)
        checkpoint.save(self._run.path / "checkpoint.pt", training.state_dict())
        self.say(events.CheckpointSaved, file="checkpoint.pt", epochs=training.epoch)
        self._saved_epochs, self._saved_at = training.epoch, time.monotonic()
        self._next_checkpoint = self._saved_at + (self._saved_at - started) / CHECKPOINT_SHARE

    def _snapshot(self, training: Training) -> None:
        weights = [parameter.detach().cpu().numpy() for parameter in training.model.parameters()]
        snapshots.write(self._weights, training.epoch, weights)
        self._note(events.CheckpointSaved, file=snapshots.FILE, epochs=training.epoch)

    def _note(self, kind: type[events.Event], **values: Any) -> None:
        self._events.append(self._log.event(kind, **values))

    def _write(self) -> None:
        """Writes what waits: first the judgements, then the events that tell of them."""
        said, self._events = self._events, []
        judgements, self._judgements = self._judgements, []
        if judgements:
            log_probabilities = torch.stack(judgements)
            for file, rows in (
                (self._said, log_probabilities.to(torch.float16)),
                (self._predictions, log_probabilities.argmax(2).to(torch.uint8)),
            ):
                array = rows.cpu().numpy()
                write_at(file, array, self._first_judgement * array[0].nbytes)
        self._log.append(said)
