"""The training of a prepared run: data, checkpoint, first events, training, and the final test.

The test is on images that the models have neither been trained on nor been chosen by.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import IO

import numpy as np
import torch
from torch.nn import functional

from mnistop.engine import events
from mnistop.engine.config import RunConfig
from mnistop.engine.cores import choose_threads as best_threads
from mnistop.engine.cores import usable_cores
from mnistop.engine.data.dataset import Unseen
from mnistop.engine.data.sources import load_data
from mnistop.engine.errors import MnistopError, RunError
from mnistop.engine.files import write_atomically
from mnistop.engine.model import MLP
from mnistop.engine.process.control import SignalControl, StopRequestedError
from mnistop.engine.process.resuming import load_for, set_epochs
from mnistop.engine.recording.recorder import PROGRESS_SECONDS, Recorder
from mnistop.engine.runs.checkpoint import newest_checkpoint
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.training.examples import Examples, find_device, make_examples
from mnistop.engine.training.loop import train
from mnistop.engine.training.state import TrainState, accuracy, evaluate

_BATCH = 4096
"""Images that are scaled and classified at a time."""


@dataclass(frozen=True)
class PreparedRun:
    """A run that is sure to begin or to be resumed."""

    run: Run
    lock: IO[bytes]
    """Open, and held by this process."""
    config: RunConfig
    examples: Examples | None
    """The data; None if they must be fetched first."""
    is_resumed: bool = False
    warning: str = ""
    """A sentence if it is uncertain that the data are those that it began with."""
    ended: events.RunFinished | events.RunStopped | events.RunFailed | None = None
    """The event of its previous end; None if it had none."""
    cores: int = field(default_factory=usable_cores)
    """The most processor threads that it may choose."""


class NotResumedError(MnistopError):
    """The data of a run to resume turned out to be others, or could not be loaded."""


def train_run(prepared: PreparedRun, recorder: Recorder, control: SignalControl) -> None:
    """Train a run to its end, or until a stop is requested.

    Raises:
        StopRequestedError: a stop was requested before training.
        NotResumedError: the data of a run to resume are others, or cannot be loaded.
        MnistopError: the run cannot be trained, or has diverged.
    """
    run, config = prepared.run, prepared.config
    examples, warning = prepared.examples, prepared.warning
    torch.set_num_threads(1)
    if examples is None:
        with control.stopping_at_once():
            examples, warning = _load_late(prepared, recorder)
    device = find_device(config.device)
    shape, class_names = examples.image_shape, examples.class_names
    training = TrainState(config, shape, examples.counts.training, device)
    there = examples.to(device)
    images, validation = there.training, there.validation
    threads = choose_threads(config, device, examples, prepared.cores)
    torch.set_num_threads(threads)
    if saved := newest_checkpoint(run):
        try:
            training.load_state_dict(saved)
        except (KeyError, RuntimeError, ValueError, TypeError, AttributeError):
            raise RunError(
                f"Run {run.name} cannot go on: its checkpoint does not fit its configuration."
            ) from None
        if run.config().epochs != config.epochs:
            set_epochs(run, config.epochs)
        recorder.record(
            events.RunResumed,
            pid=os.getpid(),
            epoch=training.epoch,
            step=training.step,
            epochs=config.epochs,
            data=examples.fingerprint if warning else None,
        )
    else:
        labels = examples.validation.labels.numpy().astype(np.uint8)
        write_atomically(run.path / "labels.u8", labels.tobytes())
        run.keep_images(examples.validation.pixels.numpy().reshape(-1, *shape))
        log_probs, val_loss, _ = evaluate(training.model, validation)
        predictions = log_probs.argmax(1)
        recorder.record_predictions(0, log_probs[None], predictions[None])
        recorder.record(
            events.RunStarted,
            pid=os.getpid(),
            class_names=list(class_names),
            training_counts=list(examples.counts.training),
            validation_counts=list(examples.counts.validation),
            source_counts=list(examples.counts.source),
            contrast=examples.contrast,
            notes=list(examples.notes),
            image_shape=list(shape),
            training_images=len(images),
            validation_images=len(validation),
            layers=list(training.model.sizes),
            parameters=sum(parameter.numel() for parameter in training.model.parameters()),
            device=str(device),
            versions={"torch": str(torch.__version__), "numpy": np.__version__},
            val_loss=val_loss,
            val_acc=accuracy(predictions, validation.labels),
            data=examples.fingerprint,
            test_images=len(examples.unseen),
            samples=examples.samples,
            threads=threads,
        )
    recorder.begin(training)
    train(training, images, validation, recorder, control)
    recorder.save_checkpoint(training)
    if training.is_over() and evaluate_on_unseen(training, examples.unseen, recorder, control):
        reason = "early stopping" if training.stopped_early() else "all epochs"
        recorder.end(events.RunFinished, epochs=training.epoch, reason=reason)
    else:
        recorder.end(events.RunStopped, epochs=training.epoch, step=training.step)


def _load_late(prepared: PreparedRun, recorder: Recorder) -> tuple[Examples, str]:
    """Load data that had to be fetched first, and compare them, see `load_for`."""
    run, config = prepared.run, prepared.config
    if not prepared.is_resumed:
        return load_examples(config, recorder), ""
    try:
        examples, warning = load_for(run, config, lambda: load_examples(config, recorder))
    except MnistopError as error:
        raise NotResumedError(str(error)) from None
    assert examples
    if warning:
        recorder.record(events.Preparing, message=warning)
    return examples, warning


def load_examples(config: RunConfig, recorder: Recorder | None = None) -> Examples:
    """Load the data of a run; a recorder gets the progress.

    Raises:
        MnistopError: they cannot be had, or do not fit.
    """

    def progress(message: str) -> None:
        if recorder:
            recorder.record(events.Preparing, message=message)

    return make_examples(load_data(config, progress), config)


def choose_threads(config: RunConfig, device: torch.device, examples: Examples, cores: int) -> int:
    """Return the number of processor threads; with another device there is little to do."""
    if config.threads != "auto":
        return config.threads
    if device.type != "cpu":
        return 1
    training, validation = len(examples.training), len(examples.validation)
    sizes = examples.sizes(config)
    return best_threads(sizes, config.batch_size, training, validation, cores)


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
            recorder.record(events.Preparing, message=words)
            due = time.monotonic() + PROGRESS_SECONDS

    try:
        last, *others = _evaluate(models, unseen, training.device, after_batch)
    except StopRequestedError:
        return False
    best_acc, best_loss = others[0] if others else (None, None)
    if training.best_epochs == training.epoch:
        best_acc, best_loss = last
    recorder.record(
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
