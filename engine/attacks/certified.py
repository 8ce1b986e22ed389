"""The radius around an image in which no perturbation at all changes the prediction."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from engine.attacks.base import evaluating
from engine.attacks.crown import Box, margins
from engine.attacks.float64 import layers_of
from engine.attacks.linear import linear_radius
from engine.model import MLP

Progress = Callable[[int, int], object]

_NUMBERS_AT_ONCE = 1 << 19
_PRECISION = 1e-3
_MOST_STEPS = 20


@torch.no_grad()
def certified_radius(
    model: MLP, images: Tensor, labels: Tensor, progress: Progress | None = None
) -> Tensor:
    """An ε for each image below which nothing can change its prediction, by CROWN.

    Args:
        model: maps flat images to logits; it is judged in evaluation mode.
        images: float32 `(batch, pixels)` in [0, 1].
        labels: true classes, `(batch,)`.
        progress: told how many images are done, and of how many; what it raises ends the work.

    Returns:
        float32 `(batch,)` in [0, 1]: no image with pixels in [0, 1], none of which differs from the
        given one's by this or less, is predicted as another class than the label. 0 where the
        prediction is wrong already.
    """
    layers = layers_of(model)
    radius = images.new_zeros(len(images))
    rows_of_forms = max(len(layer.bias) for layer in layers)
    at_once = max(1, _NUMBERS_AT_ONCE // (rows_of_forms * max(model.sizes[:-1])))
    with evaluating(model):
        for rows in torch.arange(len(images), device=images.device).split(at_once):
            right = rows[model(images[rows]).argmax(1) == labels[rows]]
            pass
    return radius
