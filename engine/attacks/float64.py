"""A model's weights in float64, and how far float32 may stray from what they say."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mnistop.engine.model import ACTIVATIONS, MLP

_FLOAT32 = torch.finfo(torch.float32)
_FEW = 4
_STEEPEST = 1.13
"""No activation has a steeper slope; GELU's reaches 1.129."""


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


def lost_in_float32(logits: Tensor, exact: Tensor) -> Tensor:
    """What float32 has lost of the worst logit, at least its last digit: `(batch,)`.

    Args:
        logits: as the model gives them, `(batch, classes)`.
        exact: the same in float64.
    """
    last_digit = _FLOAT32.eps * exact.abs().amax(1)
    return (logits - exact).abs().amax(1).maximum(last_digit).clamp(min=_FLOAT32.tiny)


def rounding(layers: list[Layer], sizes: list[Tensor]) -> Tensor:
    """By how much the logits of float32 may be off where values are at most so large, `(batch,)`.

    A sum of n products is off by √n units of rounding of the sum of their magnitudes, but for a
    tiny chance (Higham and Mary 2019, doi:10.1137/18M1226312), and an activation by a few units. In
    practice it is a tenth of that.

    Args:
        layers: of the model.
        sizes: the largest magnitudes of what each layer gets, `(batch, inputs)` each.
    """
    off = torch.zeros_like(sizes[0])
    for layer, size in zip(layers, sizes, strict=True):
        weight = layer.weight.abs().t()
        unit = (weight.shape[0] ** 0.5 + _FEW) * _FLOAT32.eps / 2
        off = _STEEPEST * off @ weight + unit * (size @ weight + layer.bias.abs())
    return off.amax(1)
