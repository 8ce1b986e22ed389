"""CROWN: what a network can say at least, for all images of a box."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mnistop.engine.attacks.float64 import Layer, rounding
from mnistop.engine.attacks.relaxation import Line, lines_around


@dataclass(frozen=True)
class Box:
    """All images whose pixels lie between two bounds."""

    low: Tensor
    """`(batch, pixels)`"""
    high: Tensor

    @classmethod
    def around(cls, images: Tensor, epsilon: Tensor) -> Box:
        """All images in [0, 1] that are at most an ε, `(batch,)`, from the given ones."""
        reach = epsilon[:, None]
        return cls((images - reach).clamp(min=0), (images + reach).clamp(max=1))


def margins(
    layers: list[Layer], activation: str, box: Box, labels: Tensor
) -> tuple[Tensor, Tensor]:
    """Lower bounds on how far the label's logit is ahead of each other one's.

    Every activation is put between two lines, so that each margin is bounded by a linear function
    of the pixels, the least value of which in a box is a sum: Zhang et al. 2018, arXiv:1811.00866.
    What float32 may lose has been taken off.

    Args:
        layers: of the model.
        activation: a name in `ACTIVATIONS`.
        box: where the images may lie.
        labels: `(batch,)`.

    Returns:
        The bounds, `(batch, classes)`, inf for the label itself; and how steeply each falls with
        the size of the box, its lines and the bounds of pixels apart.
    """
    around: list[tuple[Line, Line]] = []
    sizes = [box.high]
    for number in range(1, len(layers)):
        low, high = _range(layers[:number], around, box)
        around.append(lines_around(activation, low, high))
        sizes.append(torch.maximum(low.abs(), high.abs()).clamp(min=1))
    last = layers[-1]
    forms = last.weight[labels][:, None] - last.weight
    offsets = last.bias[labels][:, None] - last.bias
    bounds, steepness = _least(forms, offsets, layers[:-1], around, box)
    bounds = bounds - 2 * rounding(layers, sizes)[:, None]
    return bounds.scatter(1, labels[:, None], torch.inf), steepness


def _range(layers: list[Layer], around: list[tuple[Line, Line]], box: Box) -> tuple[Tensor, Tensor]:
    """Between which bounds the last layer's outputs lie, `(batch, outputs)` each."""
    *before, last = layers
    if not before:
        middle, reach = (box.high + box.low) / 2, (box.high - box.low) / 2
        values, spread = last(middle), reach @ last.weight.abs().t()
        return values - spread, values + spread
    count = len(box.low)
    low, _ = _least(last.weight.expand(count, -1, -1), last.bias, before, around, box)
    minus_high, _ = _least(-last.weight.expand(count, -1, -1), -last.bias, before, around, box)
    return low, -minus_high


def _least(
    forms: Tensor, offsets: Tensor, layers: list[Layer], around: list[tuple[Line, Line]], box: Box
) -> tuple[Tensor, Tensor]:
    """Lower bounds on linear forms of what layers give after their activation.

    Args:
        forms: `(batch, forms, outputs)`, replaced on the way back to the images by others that are
            never larger.
        offsets: what is added to them.
        layers: from the first one on.
        around: the lines below and above the activation after each.
        box: where the images lie.

    Returns:
        The bounds and the sums of the weights of pixels, `(batch, forms)` each.
    """
    for layer, (below, above) in zip(reversed(layers), reversed(around), strict=True):
        plus, minus = forms.clamp(min=0), forms.clamp(max=0)
        offsets = (
            offsets + (plus @ below.offset[:, :, None] + minus @ above.offset[:, :, None])[..., 0]
        )
        forms = plus * below.slope[:, None] + minus * above.slope[:, None]
        offsets = offsets + forms @ layer.bias
        forms = forms @ layer.weight
    middle, reach = (box.high + box.low) / 2, (box.high - box.low) / 2
    size = forms.abs()
    least = (forms @ middle[:, :, None] - size @ reach[:, :, None])[..., 0] + offsets
    return least, size.sum(2)
