"""How good a run's model is, in words."""

from __future__ import annotations

from mnistop.engine.formatting import accuracy, count
from mnistop.engine.runs.history import History, others_as_good


def unseen_accuracy(history: History) -> str:
    """As in `87.8% (86.7–88.9) on 3,502 unseen images`; empty where that was not measured."""
    tested = history.tested
    if tested is None or tested.best_acc is None:
        return ""
    found = accuracy(tested.best_acc, tested.images)
    return f"{found} on {count(tested.images, 'unseen image')}"


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
    """Why the validation accuracy of the best epoch flatters, and what does not, as a sentence."""
    if not history.started or len(history.epochs) < 2:
        return ""
    images = count(history.started.validation_images, "image")
    words = (
        f"The validation accuracy is the highest of {len(history.epochs):,} epochs, chosen by the "
        f"same {images}, which flatters it"
    )
    if history.test_acc is not None:
        return f"{words}: the unseen images had no part in that choice."
    if history.started.test_images == 0:
        return f"{words}; no images were left unseen to test the model on."
    return f"{words} a little."


def as_good(history: History) -> str:
    """How many epochs the best one cannot be told from; empty for none."""
    others = others_as_good(history)
    return f"same accuracy within the interval: {count(others, 'epoch')}" if others else ""
