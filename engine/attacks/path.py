"""The path of an image along a direction, until its pixels reach 0 or 1."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mnistop.engine.attacks.goal import Goal, input_gradient


@dataclass(frozen=True)
class Path:
    """Images on their way `clamp(x + ε·signs, 0, 1)`."""

    images: Tensor
    """Where they start, `(batch, pixels)` in [0, 1]."""
    signs: Tensor
    """Which way each pixel goes: -1, 0 or 1, `(batch, pixels)`."""

    def __getitem__(self, rows: Tensor) -> Path:
        return Path(self.images[rows], self.signs[rows])

    def at(self, epsilon: Tensor) -> Tensor:
        """The pixels at an ε each, `(batch,)`; in float32 just as FGSM makes them."""
        return (self.images + epsilon[:, None] * self.signs).clamp(0, 1)

    def in_float64(self) -> Path:
        """The same path, on which no pixel is rounded."""
        return Path(self.images.double(), self.signs.double())


def fgsm_path(model: nn.Module, images: Tensor, goal: Goal) -> Path:
    """The way of FGSM: up the loss of the labels, or down the loss of the targets."""
    return Path(images, input_gradient(model, images, goal.labels, goal.targets).sign())


def rounded_up(epsilon: Tensor) -> Tensor:
    """The nearest float32 numbers that are not smaller."""
    near = epsilon.float()
    return torch.where(near < epsilon, near.nextafter(near.new_tensor(torch.inf)), near)
