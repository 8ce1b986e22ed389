"""A model's weights in float64, and how far float32 may stray from what they say."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.model import ACTIVATIONS, MLP


@dataclass(frozen=True)
class Layer:
    """A linear layer in float64."""

    weight: Tensor
    """`(outputs, inputs)`"""
    bias: Tensor
    """`(outputs,)`"""

    def __call__(self, values: Tensor) -> Tensor:
        """What the layer gives for inputs in its last dimension."""
        return values @ self.weight.t() + self.bias


def layers_of(model: MLP) -> list[Layer]:
    """The model's linear layers in float64."""
    return [
        Layer(each.weight.detach().double(), each.bias.detach().double()) for each in model.layers
    ]


def values_in(layers: list[Layer], activation: str, images: Tensor) -> list[Tensor]:
    """In float64 what each layer gets, first the images `(batch, pixels)`, and last the logits."""
    activate = ACTIVATIONS[activation]
    values = [images.double()]
    for layer in layers[:-1]:
        values.append(activate(layer(values[-1])))
    return [*values, layers[-1](values[-1])]


def rounding(layers: list[Layer], sizes: list[Tensor]) -> Tensor:
    """By how much the logits that float32 gives may be off, `(batch,)`.

    A sum of n products is off by √n units of rounding of the sum of their magnitudes, but for a
    tiny chance (Higham and Mary 2019, doi:10.1137/18M1226312); in practice it is a tenth of that.

    Args:
        layers: of the model.
        sizes: the magnitudes of what each layer gets, `(batch, inputs)` each.
    """
    off = torch.zeros_like(sizes[0])
    for layer, size in zip(layers, sizes, strict=True):
        weight = layer.weight.abs().t()
        unit = weight.shape[0] ** 0.5 * _UNIT
        off = _STRETCH * off @ weight + unit * (size @ weight + layer.bias.abs())
    return off.amax(1)


_UNIT = torch.finfo(torch.float32).eps / 2
_STRETCH = 1.13
"""No activation has a steeper slope; GELU's reaches 1.129."""
