"""A fresh model that is trained step by step at given rates, and evaluated in between."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from mnistop.engine.config import RunConfig
from mnistop.engine.training.examples import Examples, find_device
from mnistop.engine.training.loop import make_train_step
from mnistop.engine.training.state import Labelled, TrainState, accuracy, cross_entropy

PROBE = 256
"""Training images for the model's loss; those of a batch alone are too few."""


class Stepper:
    """A training as a run of the same configuration begins, but for the learning rate.

    Args:
        config: the hyperparameters; `lr` and `schedule` are without effect.
        examples: of which those to train on are used.

    Raises:
        ConfigError: there is no such device.
    """

    def __init__(self, config: RunConfig, examples: Examples) -> None:
        device = find_device(config.device)
        self._images = examples.to(device).training
        classes = len(examples.class_names)
        self._training = TrainState(config, examples.image_shape, classes, device)
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
            training.begin_epoch(len(self._images))
            yield from training.batches()
            training.epoch += 1
            training.step, training.order, training.logits = 0, training.order[:0], []


def _drawn(images: Labelled, seed: int) -> Labelled:
    drawn = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))[:PROBE]
    rows = drawn.to(images.labels.device)
    return Labelled(images.pixels[rows], images.labels[rows])
