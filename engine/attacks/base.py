"""What all attacks share: the budget, the range of pixels, and an honest account of success."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Adversarial:
    """The outcome of an attack on a batch."""

    images: Tensor
    """Perturbed images, as given `(batch, pixels)`, in [0, 1]."""
    logits: Tensor
    """The model's logits for them, `(batch, classes)`."""
    success: Tensor
    """Whether each is now predicted as another class than its label, `(batch,)`."""


class Attack(ABC):
    """A configured attack. A subclass gives `run`; calling it keeps the promises."""

    @abstractmethod
    def run(self, model: nn.Module, images: Tensor, labels: Tensor, epsilon: float) -> Tensor:
        """Perturbed images, which need not be clipped yet."""

    def __call__(
        self, model: nn.Module, images: Tensor, labels: Tensor, epsilon: float
    ) -> Adversarial:
        """Attacks a batch.

        Args:
            model: maps flat images to logits; it is judged in evaluation mode.
            images: `(batch, pixels)` in [0, 1].
            labels: true classes, `(batch,)`.
            epsilon: the most that a pixel may change, in [0, 1].

        Raises:
            ValueError: `epsilon` is outside [0, 1].
        """
        if not 0 <= epsilon <= 1:
            raise ValueError(f"epsilon must lie in [0, 1], not {epsilon}")
        with evaluating(model):
            moved = self.run(model, images, labels, epsilon)
            moved = moved.clamp(images - epsilon, images + epsilon).clamp(0, 1)
            with torch.no_grad():
                logits = model(moved)
        return Adversarial(moved, logits, logits.argmax(1) != labels)

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({settings})"


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """The model in evaluation mode, and back in the mode that it was in."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


def input_gradient(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """The direction in which the loss rises, `(batch, pixels)`, without underflow.

    The cross-entropy's gradient is the gradient of `logsumexp(others) - z_label` times a positive
    factor, 1 - p. In float32 that factor is 0 once p rounds to 1, and the gradient with it, though
    the direction is as clear as ever; so the factor is left out.
    """
    images = images.detach().requires_grad_()
    with torch.enable_grad():
        logits = model(images)
        label_logits = logits.gather(1, labels[:, None])
        others = logits.scatter(1, labels[:, None], -torch.inf)
        margins = others.logsumexp(1) - label_logits[:, 0]
        (gradient,) = torch.autograd.grad(margins.sum(), images)
    return gradient
