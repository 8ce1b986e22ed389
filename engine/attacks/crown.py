"""CROWN: bounds on a network's logits for all images of a box (Zhang et al. 2018,
https://arxiv.org/abs/1811.00866), and the certified radius."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mnistop.engine.activations import ACTIVATIONS
from mnistop.engine.attacks.base import evaluating, iter_batches
from mnistop.engine.attacks.piecewise import Layer, layers_of, linear_radius, rounding_bound
from mnistop.engine.model import MLP


@dataclass(frozen=True)
class Line:
    """`slope·z + offset`, one for each unit: `(batch, units)` both."""

    slope: Tensor
    offset: Tensor


def enclosing_lines(activation: str, low: Tensor, high: Tensor) -> tuple[Line, Line]:
    """Return a line below and a line above an activation for inputs in an interval.

    Args:
        activation: a name in `ACTIVATIONS`.
        low: the least inputs, `(batch, units)`.
        high: the largest.
    """
    record = ACTIVATIONS[activation]
    if record.curvature is None:
        return _around_relu(low, high)
    return _around(record.function(), record.curvature, low, high)


def _around_relu(low: Tensor, high: Tensor) -> tuple[Line, Line]:
    """Return the chord above it, and 0 or z below, whichever is tighter (CROWN, section 3.3)."""
    low, high = low.clamp(max=0), high.clamp(min=0)
    chord = high / (high - low).clamp(min=torch.finfo(low.dtype).tiny)
    below = (high > -low).to(low.dtype)
    return Line(below, torch.zeros_like(low)), Line(chord, -chord * low)


_POINTS = 33
_STEP = 1e-3


def _around(
    activate: Callable[[Tensor], Tensor], curvature: float, low: Tensor, high: Tensor
) -> tuple[Line, Line]:
    """Choose the best of four slopes for each side: the chord's, and three tangents'.

    The difference of the activation to a slope is evaluated at 33 points. Between two of them, h
    apart, a function of curvature M exceeds the line through both by M·h²/8 at most. So the lines
    hold for any smooth activation, whether monotone, S-shaped or neither.
    """
    width = high - low
    shares = torch.linspace(0, 1, _POINTS, dtype=low.dtype, device=low.device)
    points = low[..., None] + width[..., None] * shares
    values = activate(points)
    between = curvature * (width / (_POINTS - 1)).square() / 8
    middle = (low + high) / 2
    slopes = [
        (activate(at + _STEP) - activate(at - _STEP)) / (2 * _STEP) for at in (low, middle, high)
    ]
    slopes.append(torch.where(width > _STEP, (values[..., -1] - values[..., 0]) / width, slopes[1]))
    below, above = [], []
    for slope in slopes:
        rest = values - slope[..., None] * points
        below.append(Line(slope, rest.amin(-1) - between))
        above.append(Line(slope, rest.amax(-1) + between))
    return _best(below, middle, 1), _best(above, middle, -1)


def _best(lines: list[Line], middle: Tensor, sign: int) -> Line:
    """Return for each unit the line that is highest, or with sign -1 lowest, in the middle."""
    slopes = torch.stack([line.slope for line in lines])
    offsets = torch.stack([line.offset for line in lines])
    best = (sign * (slopes * middle + offsets)).argmax(0, keepdim=True)
    return Line(slopes.gather(0, best)[0], offsets.gather(0, best)[0])


@dataclass(frozen=True)
class Box:
    """All images whose pixels lie between two bounds."""

    low: Tensor
    """`(batch, pixels)`"""
    high: Tensor

    @classmethod
    def around(cls, images: Tensor, epsilon: Tensor) -> Box:
        """Return the box of all images in [0, 1] within an ε, `(batch,)`, of the given ones."""
        reach = epsilon[:, None]
        return cls((images - reach).clamp(min=0), (images + reach).clamp(max=1))


def margin_bounds(
    layers: list[Layer], activation: str, box: Box, labels: Tensor
) -> tuple[Tensor, Tensor]:
    """Return lower bounds on the margins of the label's logit over the others.

    Every activation is enclosed by two lines, so that each margin is bounded by a linear function
    of the pixels, whose least value in a box is a sum: Zhang et al. 2018, arXiv:1811.00866. The
    rounding of float32 is subtracted.

    Args:
        layers: of the model.
        activation: a name in `ACTIVATIONS`.
        box: of the images.
        labels: `(batch,)`.

    Returns:
        The bounds, `(batch, classes)`, inf for the label itself; and the rate at which each falls
        with the size of the box, if its lines and the bounds of pixels are disregarded.
    """
    around: list[tuple[Line, Line]] = []
    sizes = [box.high]
    for number in range(1, len(layers)):
        low, high = _range(layers[:number], around, box)
        around.append(enclosing_lines(activation, low, high))
        sizes.append(torch.maximum(low.abs(), high.abs()).clamp(min=1))
    last = layers[-1]
    forms = last.weight[labels][:, None] - last.weight
    offsets = last.bias[labels][:, None] - last.bias
    bounds, steepness = _least(forms, offsets, layers[:-1], around, box)
    bounds = bounds - 2 * rounding_bound(layers, sizes)[:, None]
    return bounds.scatter(1, labels[:, None], torch.inf), steepness


def _range(layers: list[Layer], around: list[tuple[Line, Line]], box: Box) -> tuple[Tensor, Tensor]:
    """Return lower and upper bounds on the last layer's outputs, `(batch, outputs)` each."""
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
    """Return lower bounds on linear forms of the outputs of layers after their activation.

    Args:
        forms: `(batch, forms, outputs)`, replaced on the way back to the images by others that are
            never larger.
        offsets: added to them.
        layers: from the first one on.
        around: the lines below and above the activation after each.
        box: of the images.

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


_PRECISION = 1e-3
_MOST_STEPS = 40


def largest_root(
    value: Callable[[Tensor, Tensor], Tensor], at_zero: Tensor, guess: Tensor
) -> Tensor:
    """Find the largest number in [0, 1] at which a falling function is positive.

    It follows secants from a first guess until the function is not positive, then narrows the
    interval by the Illinois method (Dowell and Jarratt 1971, doi:10.1007/BF01934364). A nearly
    concave function takes four steps; one that does not fall everywhere gives a smaller result.

    Args:
        value: returns the function's values for rows and a number for each, `(rows,)` both.
        at_zero: its values at 0, `(batch,)`.
        guess: of its zero, `(batch,)`.

    Returns:
        float64 `(batch,)`: accurate to a thousandth, and 0 where the function is not positive at 0.
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
        # An end that stays a second time counts with half its value, or it would stay for ever.
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
def certified_radius(model: MLP, images: Tensor, labels: Tensor) -> Tensor:
    """Return a lower bound on the change of every pixel that can change the prediction.

    A single layer's radius is exact; otherwise it is the largest ε at which CROWN's bounds still
    hold, to a thousandth of it.

    Args:
        model: maps flat images to logits; it is evaluated in evaluation mode.
        images: float32 `(batch, pixels)` in [0, 1].
        labels: true classes, `(batch,)`.

    Returns:
        float32 `(batch,)` in [0, 1]: the model predicts the label for all images in [0, 1] whose
        pixels differ by no more than this from the given one's. 0 where it does not predict it, and
        1 where nothing can change that.
    """
    layers = layers_of(model)
    radius = images.new_zeros(len(images))
    at_once = _NUMBERS_AT_ONCE // (max(model.sizes[2:], default=model.sizes[-1]) * max(model.sizes))
    with evaluating(model):
        for rows in iter_batches(images, at_once):
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
        return margin_bounds(layers, activation, Box.around(images[rows], epsilon), labels[rows])

    everything = torch.arange(len(images), device=images.device)
    at_zero, steepness = bounds(everything, torch.zeros_like(images[:, 0]))
    guess = (at_zero / steepness).amin(1)
    return largest_root(lambda *ball: bounds(*ball)[0].amin(1), at_zero.amin(1), guess)


def _rounded_down(radius: Tensor) -> Tensor:
    near = radius.float()
    return torch.where(near > radius, near.nextafter(near.new_tensor(-torch.inf)), near)
