"""The norms L∞ and L2 of perturbations, steps and projections in them, within the box [0, 1]."""

from typing import Literal

import torch
from torch import Tensor

Norm = Literal["linf", "l2"]


def size(perturbation: Tensor, norm: Norm) -> Tensor:
    """Return the norm of each perturbation, `(batch,)`, of `(batch, pixels)`."""
    return perturbation.abs().amax(1) if norm == "linf" else _length(perturbation)[:, 0]


def steepest(gradient: Tensor, norm: Norm) -> Tensor:
    """Return the perturbations of norm 1 along which a linear function rises most.

    Args:
        gradient: of the function, `(batch, pixels)`.
        norm: L∞, for the gradient's sign, or L2, for the gradient scaled to length 1.
    """
    if norm == "linf":
        return gradient.sign()
    return gradient / _length(gradient).clamp_min(torch.finfo(gradient.dtype).tiny)


def steepness(gradient: Tensor, norm: Norm) -> Tensor:
    """Return the rise of a linear function along `steepest`, `(...)` for `(..., pixels)`."""
    return gradient.abs().sum(-1) if norm == "linf" else gradient.norm(dim=-1)


def clipped(moved: Tensor, images: Tensor, epsilons: Tensor, norm: Norm) -> Tensor:
    """Clip moved images to within ε of the images, and to [0, 1].

    The images lie in [0, 1], so clipping to it takes no pixel farther away: both hold in the end.

    Args:
        moved: `(batch, pixels)`.
        images: `(batch, pixels)` in [0, 1].
        epsilons: the largest norm of the change, `(batch, 1)`.
        norm: of the change.
    """
    if norm == "linf":
        return moved.clamp(images - epsilons, images + epsilons).clamp(0, 1)
    perturbation = moved - images
    length = _length(perturbation).clamp_min(torch.finfo(moved.dtype).tiny)
    return (images + perturbation * (epsilons / length).clamp_max(1)).clamp(0, 1)


def _length(vectors: Tensor) -> Tensor:
    """Return Euclidean lengths, `(batch, 1)`, without underflow of the squares of small numbers."""
    largest = vectors.abs().amax(1, keepdim=True)
    largest = torch.where(largest > 0, largest, 1)
    return largest * (vectors / largest).square().sum(1, keepdim=True).sqrt()


def project_to_boundary(images: Tensor, slopes: Tensor, changes: Tensor, norm: Norm) -> Tensor:
    """Return the smallest perturbation in the box that changes a linear function by given amounts.

    Each pixel moves in the direction of its slope, all at one speed in L∞ and in proportion to
    their slopes in L2, until it stops at 0 or 1. The gain is concave and piecewise linear in time,
    so that Newton's method from time 0 approaches it from below in a few steps. The result is the
    projection of Croce and Hein 2020, section 2.2, arXiv:1907.02044, which they find by sorting.

    Args:
        images: the starting points, `(n, pixels)` in [0, 1].
        slopes: the function's gradient, `(n, pixels)`.
        changes: the rise of the function or, if negative, its fall, `(n,)`.
        norm: of the perturbation.

    Returns:
        Perturbations, `(n, pixels)`. Where no point of the box changes it enough, the corner with
        the largest change.
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
"""The most steps of Newton's method."""

_TOLERANCE = 1e-3
"""The share of a change that may be missing."""

_STOPPED = 1e-30
"""For the rate where every pixel has hit a bound: small, and divides without overflow."""
