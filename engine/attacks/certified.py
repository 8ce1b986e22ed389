"""The radius around an image in which no perturbation at all changes the prediction."""

from __future__ import annotations

import torch
from torch import Tensor

from mnistop.engine.attacks.base import evaluating
from mnistop.engine.attacks.chunks import Progress, chunks
from mnistop.engine.attacks.crown import Box, margins
from mnistop.engine.attacks.float64 import Layer, layers_of
from mnistop.engine.attacks.linear import linear_radius
from mnistop.engine.attacks.secant import largest_positive
from mnistop.engine.model import MLP

_NUMBERS_AT_ONCE = 1 << 20


@torch.no_grad()
def certified_radius(
    model: MLP, images: Tensor, labels: Tensor, progress: Progress | None = None
) -> Tensor:
    """How far every pixel may change at least without changing the prediction.

    A single layer's radius is exact; else CROWN's bounds are searched for the largest ε at which
    they still hold, to a thousandth of it.

    Args:
        model: maps flat images to logits; it is judged in evaluation mode.
        images: float32 `(batch, pixels)` in [0, 1].
        labels: true classes, `(batch,)`.
        progress: told how many images are done, and of how many; what it raises ends the work.

    Returns:
        float32 `(batch,)` in [0, 1]: the model predicts the label for all images in [0, 1] of which
        no pixel differs by more from the given one's. 0 where it does not predict it, and 1 where
        nothing can change that.
    """
    layers = layers_of(model)
    radius = images.new_zeros(len(images))
    at_once = _NUMBERS_AT_ONCE // (max(model.sizes[2:], default=model.sizes[-1]) * max(model.sizes))
    with evaluating(model):
        for rows in chunks(images, at_once, progress):
            right = rows[model(images[rows]).argmax(1) == labels[rows]]
            exact = images[right].double()
            if len(layers) == 1:
                found = linear_radius(layers[0], exact, labels[right])
            else:
                found = _crown_radius(layers, model.activation, exact, labels[right])
            radius[right] = _rounded_down(found.clamp(max=1))
    return radius


def _crown_radius(layers: list[Layer], activation: str, images: Tensor, labels: Tensor) -> Tensor:
    def bounds(rows: Tensor, epsilon: Tensor) -> tuple[Tensor, Tensor]:
        return margins(layers, activation, Box.around(images[rows], epsilon), labels[rows])

    everything = torch.arange(len(images), device=images.device)
    at_zero, steepness = bounds(everything, torch.zeros_like(images[:, 0]))
    guess = (at_zero / steepness).amin(1)
    return largest_positive(lambda *ball: bounds(*ball)[0].amin(1), at_zero.amin(1), guess)


def _rounded_down(radius: Tensor) -> Tensor:
    near = radius.float()
    return torch.where(near > radius, near.nextafter(near.new_tensor(-torch.inf)), near)
