"""The layers of a network in float64, and their outputs along a direction, piece by piece.

For a model without a hidden layer that gives the smallest L∞ perturbation in closed form.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mnistop.engine.activations import ACTIVATIONS
from mnistop.engine.attacks.base import Goal, evaluating, iter_batches, logits_and_gradient
from mnistop.engine.model import MLP

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
        """Return the outputs for inputs in the last dimension."""
        return values @ self.weight.t() + self.bias


def layers_of(model: MLP) -> list[Layer]:
    """Return the model's linear layers in float64."""
    return [
        Layer(each.weight.detach().double(), each.bias.detach().double()) for each in model.layers
    ]


def layer_inputs(layers: list[Layer], activation: str, images: Tensor) -> list[Tensor]:
    """Return the inputs of each layer in float64, from the images `(batch, pixels)`, and the
    logits."""
    activate = ACTIVATIONS[activation].function()
    values = [images.double()]
    for layer in layers[:-1]:
        values.append(activate(layer(values[-1])))
    return [*values, layers[-1](values[-1])]


def float32_error(logits: Tensor, exact: Tensor) -> Tensor:
    """Return the largest error of the float32 logits, at least one last digit: `(batch,)`.

    Args:
        logits: as the model gives them, `(batch, classes)`.
        exact: the same in float64.
    """
    last_digit = _FLOAT32.eps * exact.abs().amax(1)
    return (logits - exact).abs().amax(1).maximum(last_digit).clamp(min=_FLOAT32.tiny)


def rounding_bound(layers: list[Layer], sizes: list[Tensor]) -> Tensor:
    """Bound the rounding error of the float32 logits, `(batch,)`.

    The error of a sum of n products is at most √n units of rounding of the sum of their magnitudes,
    but for a tiny probability (Higham and Mary 2019, doi:10.1137/18M1226312), and that of an
    activation a few units. In practice it is a tenth of that.

    Args:
        layers: of the model.
        sizes: the largest magnitudes of the inputs of each layer, `(batch, inputs)` each.
    """
    off = torch.zeros_like(sizes[0])
    for layer, size in zip(layers, sizes, strict=True):
        weight = layer.weight.abs().t()
        unit = (weight.shape[0] ** 0.5 + _FEW) * _FLOAT32.eps / 2
        off = _STEEPEST * off @ weight + unit * (size @ weight + layer.bias.abs())
    return off.amax(1)


@dataclass(frozen=True)
class Path:
    """The paths of images, `clamp(x + ε·signs, 0, 1)`."""

    images: Tensor
    """The starting points, `(batch, pixels)` in [0, 1]."""
    signs: Tensor
    """The direction of each pixel: -1, 0 or 1, `(batch, pixels)`."""

    def __getitem__(self, rows: Tensor) -> Path:
        return Path(self.images[rows], self.signs[rows])

    def at(self, epsilon: Tensor) -> Tensor:
        """Return the pixels at an ε for each image, `(batch,)`; in float32 exactly FGSM's."""
        return (self.images + epsilon[:, None] * self.signs).clamp(0, 1)


def fgsm_path(model: nn.Module, images: Tensor, goal: Goal) -> Path:
    """Return the path of FGSM: up the loss of the labels, or down the loss of the targets."""
    return Path(images, logits_and_gradient(model, images, goal)[1].sign())


def rounded_up(epsilon: Tensor) -> Tensor:
    """Return the nearest float32 numbers that are not smaller."""
    near = epsilon.float()
    return torch.where(near < epsilon, near.nextafter(near.new_tensor(torch.inf)), near)


GRID = 2040
"""Steps from ε = 0 to 1 at which a network that is not piecewise affine is evaluated."""


@dataclass(frozen=True)
class PiecewiseLinear:
    """A layer's outputs on a stretch of the images' paths, linear between the points."""

    epsilon: Tensor
    """The points, ascending from the start of the stretch to its end, `(batch, points)`."""
    values: Tensor
    """The layer's outputs there, `(batch, points, outputs)`."""

    def with_points(self, pieces: Tensor, epsilon: Tensor) -> PiecewiseLinear:
        """Return the same function with more points.

        Args:
            pieces: the piece that each new point lies in, `(batch, new)`.
            epsilon: the new points, `(batch, new)`.
        """
        batch, points, outputs = self.values.shape
        old = torch.arange(points, device=pieces.device).clamp(max=points - 2).expand(batch, -1)
        merged, order = torch.cat([self.epsilon, epsilon], 1).sort(1)
        piece = torch.cat([old, pieces], 1).gather(1, order)
        start = self.epsilon.gather(1, piece)
        length = self.epsilon.diff(dim=1).gather(1, piece)
        share = torch.where(length > 0, (merged - start) / length, 0)
        place = piece + points * torch.arange(batch, device=piece.device)[:, None]
        values = self.values.view(batch * points, outputs)
        before, after = values[place], values[place + 1]
        return PiecewiseLinear(merged, torch.lerp(before, after, share[:, :, None]))

    def with_zeros(self) -> PiecewiseLinear:
        """Add a point wherever an output crosses zero, so that its ReLU is affine in between."""
        before, after = self.values[:, :-1], self.values[:, 1:]
        row, piece, unit = (before * after < 0).nonzero(as_tuple=True)
        start, end = self.epsilon[row, piece], self.epsilon[row, piece + 1]
        low, high = before[row, piece, unit], after[row, piece, unit]
        zeros = start + (end - start) * (low / (low - high))
        counts = row.bincount(minlength=len(self.values))
        slot = torch.arange(len(row), device=row.device) - (counts.cumsum(0) - counts)[row]
        most = int(counts.max())
        pieces = torch.full((len(counts), most), self.values.shape[1] - 2, device=row.device)
        points = self.epsilon[:, -1:].repeat(1, most)
        pieces[row, slot] = piece
        points[row, slot] = zeros
        return self.with_points(pieces, points)

    def with_grid(self, spacing: float) -> PiecewiseLinear:
        """Add points a spacing apart; the stretch must be several spacings long."""
        start, end = float(self.epsilon[0, 0]), float(self.epsilon[0, -1])
        steps = round((end - start) / spacing)
        grid = torch.linspace(start, end, steps + 1, dtype=torch.float64)[1:-1].to(self.epsilon)
        points = grid.expand(len(self.values), -1).contiguous()
        pieces = torch.searchsorted(self.epsilon, points, right=True) - 1
        return self.with_points(pieces.clamp(max=self.epsilon.shape[1] - 2), points)


def logits_along(
    path: Path, layers: list[Layer], activation: str, start: float, end: float
) -> PiecewiseLinear:
    """Return the logits on a stretch of the path.

    With ReLU they are affine in every piece, as is the input of each ReLU; other activations are
    evaluated at the points of a grid.
    """
    activate = ACTIVATIONS[activation].function()
    pieces = first_layer(path, layers[0], start, end)
    for number, layer in enumerate(layers[1:]):
        if ACTIVATIONS[activation].is_relu:
            pieces = pieces.with_zeros()
        elif number == 0:
            pieces = pieces.with_grid(1 / GRID)
        pieces = PiecewiseLinear(pieces.epsilon, layer(activate(pieces.values)))
    return pieces


def first_layer(path: Path, layer: Layer, start: float, end: float) -> PiecewiseLinear:
    """Return the first layer's outputs on a stretch of the path.

    A pixel moves until it reaches 0 or 1, at a known ε; from then on it no longer contributes to
    the slopes of the outputs. So the pieces follow from one sorting and sums of weights.
    """
    pixels, signs = path.images.double(), path.signs.double()
    room = torch.where(signs > 0, 1 - pixels, pixels)
    moving = (signs != 0) & (room > start)
    stops = moving & (room < end)
    most = int(stops.sum(1).max())
    stop, pixel = torch.where(stops, room, end).topk(most, 1, largest=False)
    lost = torch.where(stop < end, signs.gather(1, pixel), 0)
    slope = ((signs * moving) @ layer.weight.t())[:, None]
    slopes = slope - (layer.weight.t()[pixel] * lost[:, :, None]).cumsum(1)
    first, last = (stop.new_full((len(stop), 1), each) for each in (start, end))
    epsilon = torch.cat([first, stop, last], 1)
    rises = torch.cat([slope, slopes], 1) * epsilon.diff(dim=1)[:, :, None]
    values = layer(pixels + signs * room.clamp(max=start))[:, None]
    return PiecewiseLinear(epsilon, torch.cat([values, values + rises.cumsum(1)], 1))


_AT_ONCE = 64
_SMALLEST_STEP = 1e-15


@torch.no_grad()
def smallest_epsilon_linear(model: MLP, images: Tensor, labels: Tensor) -> Tensor:
    """Return the smallest ε at which any L∞ perturbation fools a single-layer model.

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
            needed = 4 * float32_error(logits, layer(images[rows].double()))
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
    """Return the path on which `smallest_epsilon_linear` fools a single-layer model.

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
    """Return the exact radius in which a single layer predicts the label, less float32's rounding.

    Args:
        layer: the only one.
        images: float64 `(batch, pixels)` in [0, 1].
        labels: the predictions for them, `(batch,)`.

    Returns:
        float64 `(batch,)`, inf where it is unbounded.
    """
    exact, _ = _best(layer, images, labels, torch.zeros_like(images[:, 0]))
    furthest = (images + exact[:, None]).clamp(max=1)
    return _best(layer, images, labels, -2 * rounding_bound([layer], [furthest]))[0]


def _only_layer(model: MLP) -> list[Layer]:
    if len(model.layers) > 1:
        raise ValueError("only a model without a hidden layer has a closed form")
    return layers_of(model)


def _best(layer: Layer, images: Tensor, labels: Tensor, needed: Tensor) -> tuple[Tensor, Path]:
    """Return the least ε at which another class can have the margin needed, and the path there.

    The margin of a class is linear in the pixels, so each pixel moves as far as ε and [0, 1] allow,
    up or down by the sign of its weight. Their total gain is a concave function of ε with kinks
    where a pixel reaches 0 or 1; Newton's method, starting from 0, arrives at the right piece and
    solves it exactly.
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
