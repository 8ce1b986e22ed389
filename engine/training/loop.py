"""The training loop: epochs, and in each the steps forward, loss, backward, update.

A `Stepper` makes the same steps one at a time, at given learning rates.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterator
from typing import Protocol

import torch
from torch import Tensor

from mnistop.engine.config import RunConfig
from mnistop.engine.errors import MnistopError
from mnistop.engine.learning_rate import after_divergence
from mnistop.engine.training.by_hand import ManualBackpropStep
from mnistop.engine.training.captured import CudaGraphStep
from mnistop.engine.training.examples import Examples, find_device
from mnistop.engine.training.state import (
    Epoch,
    Labelled,
    TrainState,
    accuracy,
    cross_entropy,
    evaluate,
)
from mnistop.engine.training.textbook import step_by_autograd


class DivergedError(MnistopError):
    """The loss is no longer a number."""


class TrainCallback(Protocol):
    """Callbacks of the training loop."""

    def step_done(self, training: TrainState, labels: Tensor) -> None:
        """Called after each update; `labels` are those of all training images."""

    def epoch_done(self, training: TrainState, epoch: Epoch) -> None:
        """Called after each epoch has been evaluated."""


class StopSignal(Protocol):
    """Requests to pause or stop, checked between steps."""

    def wait_while_paused(self) -> float:
        """Wait until training may continue, and return the seconds waited."""

    def wants_stop(self) -> bool:
        """Return whether to stop now."""


def train(
    training: TrainState,
    images: Labelled,
    validation: Labelled,
    sink: TrainCallback,
    control: StopSignal,
) -> None:
    """Train until all epochs are done, early stopping applies, or `control` requests a stop.

    Args:
        training: all that changes; a fresh one, or one loaded from a checkpoint.
        images: the training images, on the training's device.
        validation: the images to evaluate on after each epoch.
        sink: called after every step and epoch.
        control: checked before every step.

    Raises:
        DivergedError: the loss is no longer finite.
    """
    step = make_train_step(training, images)
    with torch.inference_mode(training.by_hand):  # operations take less time in it
        while not training.is_over():
            started = time.perf_counter()
            training.begin_epoch(images.labels)
            for rows in training.batches():
                started += control.wait_while_paused()
                if control.wants_stop():
                    return
                training.record_logits(step(rows))
                sink.step_done(training, images.labels)
            sink.epoch_done(training, finish_epoch(training, images, validation, started))


def finish_epoch(
    training: TrainState, images: Labelled, validation: Labelled, started: float
) -> Epoch:
    """End an epoch whose steps are all done.

    Args:
        training: goes on to the next epoch.
        images: the training images.
        validation: the images to evaluate on.
        started: when the epoch began, by `time.perf_counter`.

    Raises:
        DivergedError: the loss is no longer finite.
    """
    logits, labels = training.epoch_logits(images.labels)
    train_loss = cross_entropy(logits, labels)
    log_probabilities, val_loss, dead = evaluate(training.model, validation)
    if not (math.isfinite(train_loss) and math.isfinite(val_loss)):
        raise DivergedError(_diagnosis(training))
    predictions = log_probabilities.argmax(1)
    epoch = Epoch(
        train_loss=train_loss,
        val_loss=val_loss,
        train_acc=accuracy(logits.argmax(1), labels),
        val_acc=accuracy(predictions, validation.labels),
        lr=training.lr,
        seconds=time.perf_counter() - started,
        log_probabilities=log_probabilities,
        predictions=predictions,
        dead=dead,
    )
    training.end_epoch(epoch)
    return epoch


def make_train_step(training: TrainState, images: Labelled) -> Callable[[Tensor], Tensor]:
    """Return the function that makes the next step: the textbook's or a faster equivalent.

    Args:
        training: goes on from step to step by its `begin_epoch`, `batches` and `record_logits`.
        images: the training images, on the training's device.

    Returns:
        A function of the batch's rows that updates the weights, and returns its logits before.
    """
    by_autograd = functools.partial(step_by_autograd, training, images)
    if training.by_hand:
        return ManualBackpropStep(training, images).step
    if training.captured:
        return CudaGraphStep(training, by_autograd).step
    return lambda rows: by_autograd(rows, training.lr)


def _diagnosis(training: TrainState) -> str:
    broken = (~torch.cat(training.logits).isfinite().all(1)).nonzero()[:, 0]
    step = int(broken[0]) // training.config.batch_size + 1 if len(broken) else training.steps()
    return (
        f"The loss is no longer a number: it diverged in epoch {training.epoch}, step {step} of "
        f"{training.steps()}, with learning rate {training.lr:g}. "
        f"{after_divergence(training.config)}"
    )


PROBE = 256
"""Training images for the model's loss; those of a batch alone are too few."""


class Stepper:
    """A training as a run of the same configuration begins, but for the learning rate.

    Args:
        config: the hyperparameters; `lr` and `schedule` are without effect.
        examples: their training images are used.

    Raises:
        ConfigError: there is no such device.
    """

    def __init__(self, config: RunConfig, examples: Examples) -> None:
        device = find_device(config.device)
        self._images = examples.to(device).training
        counts = examples.counts.training
        self._training = TrainState(config, examples.image_shape, counts, device)
        self._probe = _drawn(self._images, config.seed)
        self._step = make_train_step(self._training, self._images)
        self._batches = self._endless()

    @property
    def steps_an_epoch(self) -> int:
        """Updates in one pass through the training images."""
        return -(-len(self._images) // self._training.config.batch_size)

    def step(self, rate: float) -> None:
        """Update the weights on the next batch, at a learning rate."""
        rows = next(self._batches)
        self._training.lr = rate
        with torch.inference_mode(self._training.by_hand):
            self._training.record_logits(self._step(rows))

    @torch.no_grad()
    def evaluate(self) -> tuple[float, float]:
        """Return the model's loss and accuracy on a fixed set of training images."""
        model = self._training.model.eval()
        logits = model(self._probe.pixels)
        model.train(not self._training.by_hand)
        loss = cross_entropy(logits, self._probe.labels)
        return loss, accuracy(logits.argmax(1), self._probe.labels)

    def _endless(self) -> Iterator[Tensor]:
        """Yield the rows of one batch after the other, epoch after epoch."""
        training = self._training
        while True:
            training.begin_epoch(self._images.labels)
            yield from training.batches()
            training.epoch += 1
            training.step, training.order, training.logits = 0, training.order[:0], []


def _drawn(images: Labelled, seed: int) -> Labelled:
    drawn = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))[:PROBE]
    rows = drawn.to(images.labels.device)
    return Labelled(images.pixels[rows], images.labels[rows])
