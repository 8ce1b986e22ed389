"""The history of a run, reduced from its events."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from mnistop.engine import events
from mnistop.engine.evaluate import wilson_interval
from mnistop.engine.fingerprint import Fingerprint
from mnistop.engine.formatting import accuracy, count


def or_nan(value: float | None) -> float:
    """Return a number of a run, NaN where a recorded run does not know it."""
    return math.nan if value is None else value


@dataclass(frozen=True)
class History:
    """A run's story so far, the same for whoever reads the same events."""

    started: events.RunStarted | None = None
    """The facts of the run, once training starts."""
    resumed: events.RunResumed | None = None
    """The latest time that the run was taken up again."""
    epochs: tuple[events.EpochFinished, ...] = ()
    """The finished epochs: `epochs[k].epoch == k`."""
    best: events.EpochFinished | None = None
    """The epoch of the highest validation accuracy; of equals the one of the lowest loss."""
    progress: events.BatchProgress | None = None
    """The progress of the epoch after the finished ones, if it is a long one."""
    preparing: str = ""
    """A message on what takes its time before training starts, or before a long test."""
    paused: bool = False
    saved: tuple[events.CheckpointSaved, ...] = ()
    """The saved weights, in the order of saving."""
    kept: events.ModelKept | None = None
    """The MLP of a recorded run; None where it is none, and for this program's own runs."""
    not_kept: str = ""
    """A sentence on why a recorded run's model is not kept."""
    planned: int | None = None
    """Epochs that a recorded run names."""
    tested: events.RunTested | None = None
    """The results on images never seen, once the run has come to its end."""
    ended: events.RunFinished | events.RunStopped | events.RunFailed | None = None
    """The final event, if there is one."""
    vanished: bool = False
    """True if a reader has found the run's folder gone."""

    @property
    def seconds(self) -> float:
        """Training and evaluation without pauses; without epochs, from the start to the end."""
        if not self.epochs and self.started and self.ended:
            return max(0.0, self.ended.time - self.started.time)
        return sum(epoch.seconds for epoch in self.epochs)

    @property
    def test_acc(self) -> float | None:
        """Accuracy of the best epoch's weights on images never seen; None if not measured.

        Of a recorded run, that of the model with which its loop ended.
        """
        if self.tested is None:
            return None
        return self.tested.acc if self.is_recorded else self.tested.best_acc

    @property
    def is_recorded(self) -> bool:
        """True if the loop of a script trains the model, on images that the run does not know."""
        return self.started is not None and self.started.training_images is None

    @property
    def data(self) -> Fingerprint | None:
        """The identity of the data; None in runs of before it was kept, and before training."""
        return (self.resumed and self.resumed.data) or (self.started and self.started.data) or None

    @property
    def checkpoints(self) -> list[int]:
        """After how many epochs each checkpoint was saved."""
        return [event.epochs for event in self.saved if event.file == "checkpoint.pt"]

    def no_model(self, running: bool) -> str:
        """Return a sentence on why a recorded run has no model for questions; empty if it may.

        Args:
            running: whether its loop lives.
        """
        if not self.started or self.started.layers:
            return ""
        if self.not_kept:
            return self.not_kept
        if not self.started.validation_images:
            return (
                "This run has metrics only: a model is kept for questions by "
                "mnistop.init(validation=...) and run.finish(model=model)."
            )
        if running and not self.ended:
            return "The model can be asked once the loop has called run.finish(model=model)."
        return "The loop ended without run.finish(model=model), which keeps a model for questions."

    def state(self, running: bool) -> str:
        """`starting running paused finished stopped failed` or `interrupted`.

        Args:
            running: whether the training process lives.
        """
        match self.ended:
            case events.RunFinished():
                return "finished"
            case events.RunStopped():
                return "stopped"
            case events.RunFailed():
                return "failed"
        if not running:
            return "interrupted"
        if self.paused:
            return "paused"
        return "running" if self.started else "starting"


_UNDER_WAY: dict[str, Any] = {
    "ended": None,
    "tested": None,
    "vanished": False,
    "paused": False,
    "progress": None,
}
"""The fields that are reset when a training process begins or resumes a run."""


def reduce(history: History, new: Iterable[events.Event]) -> History:
    """Return the history after some more events."""
    changes = dict(vars(history))
    epochs = list(history.epochs)
    saved = list(history.saved)
    for event in new:
        match event:
            case events.Preparing():
                changes |= {"preparing": event.message} | _UNDER_WAY
            case events.RunStarted():
                changes |= {"started": event, "preparing": "", "best": None} | _UNDER_WAY
                epochs, saved = [], []
            case events.RunResumed():
                del epochs[event.epoch :]
                changes |= {"resumed": event, "preparing": "", "best": _best(epochs)} | _UNDER_WAY
            case events.EpochFinished() if event.epoch == len(epochs):
                epochs.append(event)
                changes |= {"progress": None, "best": _better(changes["best"], event)}
            case events.StartEvaluated() if changes["started"]:
                changes["started"] = msgspec.structs.replace(
                    changes["started"], val_loss=event.val_loss, val_acc=event.val_acc
                )
            case events.EpochsPlanned():
                changes["planned"] = event.epochs
            case events.ModelKept() if changes["started"]:
                changes |= {"kept": event, "not_kept": ""}
                changes["started"] = msgspec.structs.replace(
                    changes["started"], layers=event.layers, parameters=event.parameters
                )
                saved.append(_saved(event))
            case events.ModelNotKept():
                changes["not_kept"] = event.reason
            case events.BatchProgress():
                changes["progress"] = event
            case events.CheckpointSaved():
                saved.append(event)
            case events.RunPaused():
                changes["paused"] = True
            case events.RunUnpaused():
                changes["paused"] = False
            case events.RunTested():
                changes |= {"tested": event, "preparing": ""}
            case events.RunFinished() | events.RunStopped() | events.RunFailed():
                changes |= {"ended": event, "paused": False, "preparing": ""}
            case events.RunInterrupted() if event.vanished:
                changes |= {"vanished": True, "ended": None}
    changes |= {"epochs": tuple(epochs), "saved": tuple(saved)}
    return dataclasses.replace(history, **changes)


def _saved(kept: events.ModelKept) -> events.CheckpointSaved:
    """Return what a training says of the same file."""
    return events.CheckpointSaved(
        run=kept.run, time=kept.time, file="checkpoint.pt", epochs=kept.epochs
    )


def as_of(history: History, epochs: int) -> History:
    """Return the history as it stood after a number of epochs; the same one if it has no more."""
    if epochs >= len(history.epochs):
        return history
    earlier = history.epochs[:epochs]
    return dataclasses.replace(history, epochs=earlier, best=_best(earlier), **_UNDER_WAY)


def _better(
    best: events.EpochFinished | None, epoch: events.EpochFinished
) -> events.EpochFinished | None:
    if epoch.val_acc is None:
        return best
    if best is None or _rank(epoch) > _rank(best):
        return epoch
    return best


def _rank(epoch: events.EpochFinished) -> tuple[float, float]:
    return or_nan(epoch.val_acc), -or_nan(epoch.val_loss)


def _best(epochs: Iterable[events.EpochFinished]) -> events.EpochFinished | None:
    best = None
    for epoch in epochs:
        best = _better(best, epoch)
    return best


def others_as_good(history: History) -> int:
    """Count the other epochs within the best one's 95% interval, which are as good."""
    if not (history.best and history.started):
        return 0
    low, _ = wilson_interval(or_nan(history.best.val_acc), history.started.validation_images)
    return sum(or_nan(epoch.val_acc) >= low for epoch in history.epochs) - 1


def unseen_accuracy(history: History) -> str:
    """The result as `87.8% (86.7–88.9) on 3,502 unseen images`; empty if not measured.

    Of a recorded run it is on the test images of its script, with the last epoch's weights.
    """
    if history.tested is None or history.test_acc is None:
        return ""
    found = accuracy(history.test_acc, history.tested.images)
    if history.is_recorded:
        return f"{found} on {count(history.tested.images, 'test image')} with the final weights"
    return f"{found} on {count(history.tested.images, 'unseen image')}"


def best_of(history: History) -> str:
    """The best epoch with its validation accuracy and interval; empty before the first epoch."""
    if not (history.best and history.started):
        return ""
    images = history.started.validation_images
    found = accuracy(history.best.val_acc, images)
    words = f"epoch {history.best.epoch}, validation accuracy {found}"
    if history.test_acc is None:
        return f"{words}, a 95% interval"
    others = len(history.epochs) > 1
    return f"{words}; the best of {len(history.epochs):,} flatters" if others else words


def flattering(history: History) -> str:
    """Explain in a sentence why the validation accuracy of the best epoch flatters."""
    if not history.started or len(history.epochs) < 2:
        return ""
    images = count(history.started.validation_images, "image")
    words = (
        f"The validation accuracy is the highest of {len(history.epochs):,} epochs, chosen by the "
        f"same {images}, which flatters it"
    )
    if history.test_acc is not None:
        which = "test" if history.is_recorded else "unseen"
        return f"{words}: the {which} images had no part in that choice."
    if history.started.test_images == 0:
        return f"{words}; no images were left unseen to test the model on."
    return f"{words} a little."


def as_good(history: History) -> str:
    """Return the number of other epochs as good as the best one, in words; empty for none."""
    others = others_as_good(history)
    return f"same accuracy within the interval: {count(others, 'epoch')}" if others else ""
