"""The textbook's step by autograd, in any configuration and on any device."""

import torch
from torch import Tensor
from torch.nn import functional

from mnistop.engine.attacks import FGSM
from mnistop.engine.training.examples import augment_batch
from mnistop.engine.training.optimizers import clip_
from mnistop.engine.training.state import Labelled, TrainState


class TextbookStep:
    """One step of a training: forward, loss, backward and update, called once each in this order.

    Args:
        training: whose weights to update.
        images: the training images.
        rows: of those of the batch, `(batch,)`.
    """

    logits: Tensor
    """`(images, classes)`"""
    loss: Tensor
    """The mean cross-entropy of the batch, `()`; weighted if classes have weights."""
    gradients: list[Tensor]
    """Of the loss, one for each parameter."""

    def __init__(self, training: TrainState, images: Labelled, rows: Tensor) -> None:
        self._training, self._batch = training, len(rows)
        self.pixels, self.labels = augment_batch(training, images, rows, self._attacked)

    def _attacked(self, images: Tensor, labels: Tensor) -> Tensor:
        epsilon = self._training.config.adversarial_epsilon
        return FGSM()(self._training.model, images, labels, epsilon).images

    @property
    def clean_logits(self) -> Tensor:
        """Logits of the images that are not adversarial, from before the update,
        `(batch, classes)`."""
        return self.logits[: self._batch].detach()

    def forward(self) -> None:
        """Compute the logits."""
        self.logits = self._training.model(self.pixels)

    def compute_loss(self) -> None:
        """Compute how wrong the logits are."""
        weights = self._training.class_weights
        self.loss = functional.cross_entropy(self.logits, self.labels, weights)

    def backward(self) -> None:
        """Compute the gradient of the loss with regard to each weight."""
        self.gradients = list(torch.autograd.grad(self.loss, self._training.optimizer.parameters))

    def clip(self) -> None:
        """Scale the gradient down if that is configured and it is too long."""
        if self._training.config.clip_norm:
            clip_(self.gradients, self._training.config.clip_norm)

    def update(self, lr: float | Tensor) -> None:
        """Update the weights; the gradients may be overwritten."""
        self._training.optimizer.step(self.gradients, lr)


def step_by_autograd(
    training: TrainState, images: Labelled, rows: Tensor, lr: float | Tensor
) -> Tensor:
    """Update the weights on a batch.

    Args:
        training: whose weights to update.
        images: the training images.
        rows: of those of the batch, `(batch,)`.
        lr: the learning rate.

    Returns:
        Their logits before the update, `(batch, classes)`.
    """
    step = TextbookStep(training, images, rows)
    step.forward()
    step.compute_loss()
    step.backward()
    step.clip()
    step.update(lr)
    return step.clean_logits
