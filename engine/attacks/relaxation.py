"""Straight lines below and above an activation on an interval."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mnistop.engine.model import ACTIVATIONS


@dataclass(frozen=True)
class Line:
    """`slope·z + offset`, one for each unit: `(batch, units)` both."""

    slope: Tensor
    offset: Tensor


def lines_around(activation: str, low: Tensor, high: Tensor) -> tuple[Line, Line]:
    """A line below and a line above an activation for inputs in an interval.

    Args:
        activation: a name in `ACTIVATIONS`.
        low: the least inputs, `(batch, units)`.
        high: the largest.
    """
    return _around_relu(low, high) if activation == "relu" else _around(activation, low, high)


def _around_relu(low: Tensor, high: Tensor) -> tuple[Line, Line]:
    """Above it the chord; below it 0 or z, whichever leaves less room (CROWN, section 3.3)."""
    low, high = low.clamp(max=0), high.clamp(min=0)
    chord = high / (high - low).clamp(min=torch.finfo(low.dtype).tiny)
    below = (high > -low).to(low.dtype)
    return Line(below, torch.zeros_like(low)), Line(chord, -chord * low)


_POINTS = 33
_CURVATURE = {"tanh": 0.77, "sigmoid": 0.0963, "gelu": 0.798}
"""The largest second derivatives: of tanh 4/(3√3), of sigmoid 1/(6√3), of GELU 2φ(0)."""
_STEP = 1e-3


def _around(activation: str, low: Tensor, high: Tensor) -> tuple[Line, Line]:
    """Of the chord's slope and the tangents' at both ends and the middle, the best for each side.

    What the activation exceeds a slope by is taken at 33 points. Between two of them, h apart, a
    function of curvature M exceeds the line through both by M·h²/8 at most. So the lines hold for
    any smooth activation, be it monotone, S-shaped or neither.
    """
    activate = ACTIVATIONS[activation]
    width = high - low
    shares = torch.linspace(0, 1, _POINTS, dtype=low.dtype, device=low.device)
    points = low[..., None] + width[..., None] * shares
    values = activate(points)
    between = _CURVATURE[activation] * (width / (_POINTS - 1)).square() / 8
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
    """For each unit the line that is highest, or with sign -1 lowest, in the middle."""
    slopes = torch.stack([line.slope for line in lines])
    offsets = torch.stack([line.offset for line in lines])
    best = (sign * (slopes * middle + offsets)).argmax(0, keepdim=True)
    return Line(slopes.gather(0, best)[0], offsets.gather(0, best)[0])
