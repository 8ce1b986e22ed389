"""Tests trained models on the images that they have neither learned from nor were chosen by."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import torch
from torch.nn import functional

from mnistop.engine import events
from mnistop.engine.data.dataset import Unseen
from mnistop.engine.model import MLP
from mnistop.engine.process.signal_control import SignalControl, StopRequestedError
from mnistop.engine.recording.recorder import PROGRESS_SECONDS, Recorder
from mnistop.engine.training.state import TrainState

_BATCH = 4096
"""Images that are scaled and classified at a time."""


def evaluate_on_unseen(
    training: TrainState, unseen: Unseen, recorder: Recorder, control: SignalControl
) -> bool:
    """Test the newest and the best model on images never seen, and record that (`RunTested`).

    Returns:
        Whether it came to its end; not if a stop was asked for meanwhile.
    """
    if not len(unseen):
        return True
    models = [training.model]
    if best := _best_model(training, recorder):
        models.append(best)
    due = time.monotonic() + PROGRESS_SECONDS

    def after_batch(done: int) -> None:
        nonlocal due
        control.wait_while_paused()
        if control.wants_stop() and done < len(unseen):
            raise StopRequestedError
        if time.monotonic() >= due:
            words = f"testing on images never seen: {done:,} of {len(unseen):,}"
            recorder.say(events.Preparing, message=words)
            due = time.monotonic() + PROGRESS_SECONDS

    try:
        last, *others = _evaluate(models, unseen, training.device, after_batch)
    except StopRequestedError:
        return False
    best_acc, best_loss = others[0] if others else (None, None)
    if training.best_epochs == training.epoch:
        best_acc, best_loss = last
    recorder.say(
        events.RunTested,
        images=len(unseen),
        acc=last[0],
        loss=last[1],
        best_acc=best_acc,
        best_loss=best_loss,
    )
    return True


def _best_model(training: TrainState, recorder: Recorder) -> MLP | None:
    """Return the model of the best epoch; None if that is the newest, or its weights are lost."""
    weights = recorder.best_weights()
    if training.best_epochs == training.epoch or weights is None:
        return None
    best = MLP(training.model.sizes, training.model.activation).to(training.device)
    try:
        best.load_state_dict(weights)
    except (RuntimeError, TypeError, AttributeError, ValueError):
        return None
    return best


def _evaluate(
    models: Sequence[MLP],
    unseen: Unseen,
    device: torch.device,
    after_batch: Callable[[int], None],
) -> list[tuple[float, float]]:
    """Return the accuracy and the mean loss of each model.

    Args:
        models: on the device.
        unseen: at least one image.
        device: where to compute.
        after_batch: called with the number of images that are done; may raise to give up.
    """
    right = [0] * len(models)
    losses = [0.0] * len(models)
    done = 0
    for model in models:
        model.eval()
    with torch.inference_mode():
        for images, classes in unseen.batches(_BATCH):
            pixels = torch.from_numpy(images).flatten(1).to(device)
            labels = torch.from_numpy(classes).to(device)
            for place, model in enumerate(models):
                logits = model(pixels)
                right[place] += int((logits.argmax(1) == labels).count_nonzero())
                each = functional.cross_entropy(logits, labels, reduction="none")
                losses[place] += each.nan_to_num().double().sum().item()  # float32's largest for ∞
            done += len(labels)
            after_batch(done)
    return [(hits / done, loss / done) for hits, loss in zip(right, losses, strict=True)]
