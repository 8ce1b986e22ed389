"""The radius around an image in which no perturbation at all changes the prediction."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mnistop.engine.attacks.base import Progress, chunks, evaluating
from mnistop.engine.attacks.crown import Box, margins
from mnistop.engine.attacks.float64 import Layer, layers_of
from mnistop.engine.attacks.linear import linear_radius
from mnistop.engine.model import MLP

_PRECISION = 1e-3
_MOST_STEPS = 40


def largest_positive(
    value: Callable[[Tensor, Tensor], Tensor], at_zero: Tensor, guess: Tensor
) -> Tensor:
    """The largest number in [0, 1] at which a falling function was found positive.

    From a first guess along secants until the function is not positive, then between both by the
    Illinois method (Dowell and Jarratt 1971, doi:10.1007/BF01934364). For a function that is nearly
    concave that takes four steps; one that does not fall everywhere only makes the result smaller.

    Args:
        value: of rows and a number for each, `(rows,)` both, the function's values there.
        at_zero: its values at 0, `(batch,)`.
        guess: where it may become 0, `(batch,)`.

    Returns:
        float64 `(batch,)`: right to a thousandth, and 0 where the function is not positive at 0.
    """
    low, at_low = torch.zeros_like(at_zero), at_zero.clone()
    high, at_high = torch.full_like(low, torch.inf), torch.full_like(low, -torch.inf)
    rose = torch.zeros_like(low)
    trial = guess.clone()
    rows = (at_zero > 0).nonzero()[:, 0]
    for _ in range(_MOST_STEPS):
        if not len(rows):
            break
        x = trial[rows].clamp(max=1)
        y = value(rows, x)
        a, at_a, b, at_b, before = (each[rows] for each in (low, at_low, high, at_high, rose))
        up = y > 0
        # An end that stays for a second time pulls with half its value, or it would stay for ever.
        halved_a = torch.where(before < 0, at_a / 2, at_a)
        halved_b = torch.where(before > 0, at_b / 2, at_b)
        next_a, at_next_a = torch.where(up, x, a), torch.where(up, y, halved_a)
        next_b, at_next_b = torch.where(up, b, x), torch.where(up, halved_b, y)
        inside = next_a + (next_b - next_a) * at_next_a / (at_next_a - at_next_b)
        onwards = x + torch.where(at_a > y, (x - a) * y / (at_a - y), x)
        low[rows], at_low[rows], high[rows], at_high[rows] = next_a, at_next_a, next_b, at_next_b
        trial[rows] = torch.where(next_b.isinf(), onwards, inside)
        rose[rows] = torch.where(up, 1.0, -1.0).to(rose.dtype)
        rows = rows[(next_b - next_a > _PRECISION * next_b.clamp(max=1)) & (next_a < 1)]
    return low


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
