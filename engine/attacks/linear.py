"""A model without a hidden layer: what no attack can beat, in closed form."""

from __future__ import annotations

import torch
from torch import Tensor

from mnistop.engine.attacks.base import evaluating, iter_batches
from mnistop.engine.attacks.piecewise import (
    Layer,
    Path,
    layers_of,
    lost_in_float32,
    rounded_up,
    rounding,
)
from mnistop.engine.model import MLP

_AT_ONCE = 64
_SMALLEST_STEP = 1e-15


@torch.no_grad()
def smallest_epsilon_linear(model: MLP, images: Tensor, labels: Tensor) -> Tensor:
    """The smallest ε at which any L∞ perturbation fools a single-layer model.

    Args:
        model: one without a hidden layer.
        images: float32 `(batch, pixels)` in [0, 1].
        labels: true classes, `(batch,)`.

    Returns:
        float32 `(batch,)`: at this ε `optimal_path` leads to an image that fools the float32 model;
        0 where the prediction is wrong already, inf where nothing in [0, 1] can change it.

    Raises:
        ValueError: the model has a hidden layer.
    """
    (layer,) = _only_layer(model)
    epsilon = images.new_zeros(len(images))
    with evaluating(model):
        for rows in iter_batches(images, _AT_ONCE):
            logits = model(images[rows])
            needed = 4 * lost_in_float32(logits, layer(images[rows].double()))
            wanted = (logits.argmax(1) == labels[rows]) & needed.isfinite()
            rows, needed = rows[wanted], needed[wanted]
            while len(rows):
                found, path = _best(layer, images[rows], labels[rows], needed)
                epsilon[rows] = rounded_up(found)
                missed = model(path.at(epsilon[rows])).argmax(1) == labels[rows]
                wanted = missed & found.isfinite()
                rows, needed = rows[wanted], 2 * needed[wanted]
    return epsilon


def optimal_path(model: MLP, images: Tensor, labels: Tensor) -> Path:
    """The path on which `smallest_epsilon_linear` fools a single-layer model.

    Raises:
        ValueError: the model has a hidden layer.
    """
    (layer,) = _only_layer(model)
    paths = []
    for rows in iter_batches(images, _AT_ONCE):
        none = torch.zeros(len(rows), dtype=torch.float64, device=rows.device)
        paths.append(_best(layer, images[rows], labels[rows], none)[1])
    return Path(images, torch.cat([path.signs for path in paths]))


def linear_radius(layer: Layer, images: Tensor, labels: Tensor) -> Tensor:
    """The exact radius in which a single layer predicts the label, less what float32 may lose.

    Args:
        layer: the only one.
        images: float64 `(batch, pixels)` in [0, 1].
        labels: what is predicted for them, `(batch,)`.

    Returns:
        float64 `(batch,)`, inf where there is no end to it.
    """
    exact, _ = _best(layer, images, labels, torch.zeros_like(images[:, 0]))
    furthest = (images + exact[:, None]).clamp(max=1)
    return _best(layer, images, labels, -2 * rounding([layer], [furthest]))[0]


def _only_layer(model: MLP) -> list[Layer]:
    if len(model.layers) > 1:
        raise ValueError("only a model without a hidden layer has a closed form")
    return layers_of(model)


def _best(layer: Layer, images: Tensor, labels: Tensor, needed: Tensor) -> tuple[Tensor, Path]:
    """The least ε at which another class can be ahead by as much as needed, and the way there.

    The lead of a class is linear in the pixels, so that each of them goes as far as ε and [0, 1]
    allow, up or down by the sign of its weight. What they gain together is a concave function of ε
    that bends where a pixel reaches 0 or 1; Newton's method, coming from 0, lands on the piece that
    matters and solves it exactly.
    """
    start = images.double()[:, None]
    forms = layer.weight - layer.weight[labels][:, None]
    logits = layer(start[:, 0])
    missing = needed[:, None] + logits.gather(1, labels[:, None]) - logits
    missing = missing.scatter(1, labels[:, None], torch.inf)
    signs, gains = forms.sign(), forms.abs()
    room = torch.where(signs > 0, 1 - start, start)
    epsilon = torch.zeros_like(logits)
    while True:
        gained = (gains * room.minimum(epsilon[:, :, None])).sum(2)
        slope = (gains * (room > epsilon[:, :, None])).sum(2)
        step = torch.where(missing > gained, (missing - gained) / slope, 0)
        if bool((step <= _SMALLEST_STEP * (1 + epsilon)).logical_or(epsilon.isinf()).all()):
            break
        epsilon = epsilon + step
    best, column = epsilon.min(1)
    chosen = signs.gather(1, column[:, None, None].expand(-1, -1, signs.shape[2]))[:, 0]
    return best, Path(images, chosen.to(images.dtype))
