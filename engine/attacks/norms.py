"""How large a perturbation is, and keeping it small: the norms L∞ and L2 within the box [0, 1]."""

from typing import Literal

import torch
from torch import Tensor

Norm = Literal["linf", "l2"]


def size(perturbation: Tensor, norm: Norm) -> Tensor:
    """The norm of each perturbation, `(batch,)`, of `(batch, pixels)`."""
    return perturbation.abs().amax(1) if norm == "linf" else _length(perturbation)[:, 0]


def steepest(gradient: Tensor, norm: Norm) -> Tensor:
    """The perturbations of norm 1 along which a linear function rises most; 0 for a gradient of 0.

    Args:
        gradient: of the function, `(batch, pixels)`.
        norm: L∞, where it is the gradient's sign, or L2, where it is the gradient made length 1.
    """
    if norm == "linf":
        return gradient.sign()
    return gradient / _length(gradient).clamp_min(torch.finfo(gradient.dtype).tiny)


def steepness(gradient: Tensor, norm: Norm) -> Tensor:
    """By how much a linear function rises along `steepest`, `(...)` for `(..., pixels)`."""
    return gradient.abs().sum(-1) if norm == "linf" else gradient.norm(dim=-1)


def clipped(moved: Tensor, images: Tensor, epsilons: Tensor, norm: Norm) -> Tensor:
    """Moved images brought back to within ε of the images, and to [0, 1].

    The images lie in [0, 1], so the second step takes no pixel farther away: both hold in the end.

    Args:
        moved: `(batch, pixels)`.
        images: `(batch, pixels)` in [0, 1].
        epsilons: the most that an image may change, `(batch, 1)`.
        norm: how the change is measured.
    """
    if norm == "linf":
        return moved.clamp(images - epsilons, images + epsilons).clamp(0, 1)
    perturbation = moved - images
    length = _length(perturbation).clamp_min(torch.finfo(moved.dtype).tiny)
    return (images + perturbation * (epsilons / length).clamp_max(1)).clamp(0, 1)


def _length(vectors: Tensor) -> Tensor:
    """Euclidean lengths, `(batch, 1)`, without the underflow of squared small numbers."""
    largest = vectors.abs().amax(1, keepdim=True)
    largest = torch.where(largest > 0, largest, 1)
    return largest * (vectors / largest).square().sum(1, keepdim=True).sqrt()
