"""How a run learns: epochs, and in each the steps forward, loss, backward, update."""

import math
import time
from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine import backprop
from engine.attacks import FGSM
from engine.augment import shifted
from engine.errors import MnistopError
from engine.optimizers import lr_of_epoch
from engine.training import Epoch, Labelled, Training, judge


class DivergedError(MnistopError):
    """The loss is no longer a number."""


class Sink(Protocol):
    """Where a training tells how it goes."""

    def step_done(self, training: Training, labels: Tensor) -> None:
        """After each update; `labels` are those of all training images."""

    def epoch_done(self, training: Training, epoch: Epoch) -> None:
        """After each epoch has been judged."""


class Control(Protocol):
    """Asked between two steps whether to go on."""

    def wait_while_paused(self) -> float:
        """Returns once training may go on: the seconds that were waited."""

    def wants_stop(self) -> bool:
        """Whether to stop here."""


def train(
    training: Training, images: Labelled, validation: Labelled, sink: Sink, control: Control
) -> None:
    """Trains until all epochs are done, early stopping says so, or `control` wants to stop.

    Args:
        training: all that changes; a fresh one, or one loaded from a checkpoint.
        images: the training images, on the training's device.
        validation: the images to judge by after each epoch.
        sink: told of every step and epoch.
        control: asked before every step.

    Raises:
        DivergedError: the loss is no longer finite.
    """
    while not training.is_over():
        started = time.perf_counter()
        lr = lr_of_epoch(training.config, training.epoch)
        training.begin_epoch(len(images), lr)
        for batch in batches(training, images):
            started += control.wait_while_paused()
            if control.wants_stop():
                return
            train_step(training, *batch)
            sink.step_done(training, images.labels)
        train_loss, train_acc = training.means_of_epoch(images.labels)
        said, val_loss, dead = judge(training.model, validation)
        if not (math.isfinite(train_loss) and math.isfinite(val_loss)):
            raise DivergedError(_diagnosis(training, lr))
        val_acc = (said.argmax(1) == validation.labels).float().mean().item()
        seconds = time.perf_counter() - started
        epoch = Epoch(train_loss, val_loss, train_acc, val_acc, lr, seconds, said, dead)
        training.end_epoch(epoch)
        sink.epoch_done(training, epoch)


def batches(training: Training, images: Labelled) -> Iterator[tuple[Tensor, Tensor]]:
    """The shuffled batches of the present epoch that are still to come."""
    size = training.config.batch_size
    left = training.order[training.step * size :]
    if not len(left):  # saved after the last step, before the epoch was judged
        return
    for some in torch.split(left.to(images.labels.device), size * 32):
        pixels, labels = images.pixels.index_select(0, some), images.labels.index_select(0, some)
        yield from zip(torch.split(pixels, size), torch.split(labels, size), strict=True)


def train_step(training: Training, images: Tensor, labels: Tensor) -> None:
    """One update of the weights by one batch: flat images `(batch, pixels)`, labels `(batch,)`."""
    config, model = training.config, training.model
    clean = len(labels)
    if config.shift:
        pictures = images.view(clean, *training.image_shape)
        images = shifted(pictures, config.shift, training.noise).flatten(1)
    if config.adversarial_epsilon:
        attacked = FGSM()(model, images, labels, config.adversarial_epsilon).images
        images, labels = torch.cat([images, attacked]), torch.cat([labels, labels])

    if training.in_one_go:
        lr = training.optimizer.param_groups[0]["lr"]
        training.note_step(backprop.forward_backward(model, images, labels, lr)[:clean])
        return
    if training.by_hand:
        logits = backprop.forward_backward(model, images, labels)
    else:
        logits = model(images)  # forward pass
        loss = functional.cross_entropy(logits, labels)  # how wrong it is
        model.zero_grad()
        torch.autograd.backward(loss)  # backward pass: how each weight changes the loss
    if config.clip_norm:
        nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
    training.optimizer.step()  # update

    training.note_step(logits[:clean].detach())


def _diagnosis(training: Training, lr: float) -> str:
    broken = (~torch.cat(training.logits).isfinite().all(1)).nonzero()[:, 0]
    step = int(broken[0]) // training.config.batch_size + 1 if len(broken) else training.steps()
    return (
        f"The loss is no longer a number: it diverged in epoch {training.epoch}, step {step} of "
        f"{training.steps()}, with learning rate {lr:g}. Try a lower learning rate, for example "
        f"{lr / 10:g}, or gradient clipping."
    )
