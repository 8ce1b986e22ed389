"""The nearest point of the box [0, 1] where a linear function has changed as much as wanted."""

import torch
from torch import Tensor

from mnistop.engine.attacks.norms import Norm


def cheapest_change(images: Tensor, slopes: Tensor, changes: Tensor, norm: Norm) -> Tensor:
    """The smallest perturbation in the box along which a linear function changes so much.

    Each pixel moves as its slope points, all at one speed in L∞ and in proportion to their slopes
    in L2, until it stops at 0 or 1. What is gained by a time is concave and piecewise linear in it,
    so that Newton's method from time 0 climbs it from below in a few steps. The result is the
    projection of Croce and Hein 2020, section 2.2, arXiv:1907.02044, which they find by sorting.

    Args:
        images: where from, `(n, pixels)` in [0, 1].
        slopes: the function's gradient, `(n, pixels)`.
        changes: how much it is to rise or, where negative, to fall, `(n,)`.
        norm: how the perturbation is measured.

    Returns:
        Perturbations, `(n, pixels)`. Where no point of the box has changed enough, the corner where
        it has changed most.
    """
    directions = slopes.sign() * changes.sign()[:, None]
    steepness = slopes.abs()
    room = (1 + directions) / 2 - directions * images
    most = steepness * room
    power = steepness if norm == "linf" else steepness.square()
    wanted = changes.abs()[:, None]
    time = torch.zeros_like(wanted)
    for _ in range(_STEPS):
        gained = torch.minimum(time * power, most)
        missing = wanted - gained.sum(1, keepdim=True)
        short = missing > _TOLERANCE * wanted
        if not short.any():
            break
        still_moving = (most - gained).sign()
        rate = (power * still_moving).sum(1, keepdim=True).clamp_min(_STOPPED)
        time = time + short * missing / rate
    far = time if norm == "linf" else time * steepness
    return directions * torch.minimum(far, room)


_STEPS = 20
"""Of Newton's method, at most."""

_TOLERANCE = 1e-3
"""What may be missing of a change, as a share."""

_STOPPED = 1e-30
"""For the rate where every pixel has hit a bound: small, and divides without overflow."""
