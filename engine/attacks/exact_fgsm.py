"""The smallest ε at which the fast gradient sign method fools a model, exactly: along its
direction the logits of a ReLU network are piecewise linear. And the success at each ε = k/255."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from mnistop.engine.activations import ACTIVATIONS
from mnistop.engine.attacks.base import Goal, evaluating, iter_batches
from mnistop.engine.attacks.piecewise import (
    Layer,
    Path,
    PiecewiseLinear,
    fgsm_path,
    float32_error,
    layer_inputs,
    layers_of,
    logits_along,
    rounded_up,
)
from mnistop.engine.model import MLP

LEVELS = 255
"""Steps of brightness of a pixel from 0 to 1."""


def logit_margins(goal: Goal, logits: Tensor) -> Tensor:
    """Return the margin of each class over the label or, with targets, of the target over each.

    Without targets one positive margin is a success, with targets all must be positive.

    Args:
        goal: of the batch.
        logits: `(batch, points, classes)`.
    """
    own, sign = (goal.labels, 1) if goal.targets is None else (goal.targets, -1)
    index = own[:, None, None].expand(-1, logits.shape[1], -1)
    return (sign * (logits - logits.gather(2, index))).scatter(2, index, -sign * torch.inf)


def attack_succeeds(goal: Goal, ahead: Tensor) -> Tensor:
    """Return where margins `(batch, points, classes)` mean success, `(batch, points)`."""
    return (ahead.amax(2) if goal.targets is None else ahead.amin(2)) > 0


def first_share(goal: Goal, before: Tensor, after: Tensor) -> Tensor:
    """Find the point of each piece with affine margins at which success begins, `(batch, pieces)`.

    Args:
        goal: of the batch.
        before: the margins at the starts of the pieces, `(batch, pieces, classes)`.
        after: the margins at their ends.

    Returns:
        Fractions of the way from start to end, in [0, 1]; inf where there is no success.
    """
    crossing = before / (before - after)
    begins = torch.where(before > 0, 0, torch.where(after > 0, crossing, torch.inf))
    if goal.targets is None:
        return begins.amin(2)
    ends = torch.where(after > 0, 1, torch.where(before > 0, crossing, -torch.inf))
    first = begins.amax(2)
    return torch.where(first <= ends.amin(2), first, torch.inf)


_STRETCHES = tuple(level / LEVELS for level in (0, 8, 16, 32, 64, 128, LEVELS))
"""The path is followed from one of these ε to the next, for the images not yet fooled."""
_HALVINGS = 26
_UNITS_AT_ONCE = 1 << 13
_IMAGES_AT_ONCE = 16


@torch.no_grad()
def smallest_epsilon(
    model: MLP,
    images: Tensor,
    labels: Tensor,
    targets: Tensor | None = None,
) -> Tensor:
    """Return the smallest ε at which `clamp(x + ε·sign(gradient), 0, 1)` fools the model.

    An image can fool the model and fail at a larger ε, so bisection may end anywhere. But a network
    of ReLUs is piecewise affine along the path: it has kinks where a pixel reaches 0 or 1 and where
    the input of a ReLU crosses zero, all at ε that are found one layer after the other. In between,
    the ε at which a logit overtakes the label's is a quotient. Other activations are evaluated on a
    grid, and the first success is narrowed down by bisection.

    Args:
        model: maps flat images to logits; it is evaluated in evaluation mode.
        images: float32 `(batch, pixels)` in [0, 1].
        labels: true classes, `(batch,)`.
        targets: the classes to reach, `(batch,)`; None for any but the label.

    Returns:
        float32 `(batch,)`: the smallest ε in [0, 1] at which the image is predicted as another
        class than its label, or as its target; 0 where it is from the start, inf where it never is.
        The float32 model is fooled there in the batch that was evaluated, in other batches up to
        its rounding; below it, if at all, within its rounding only. On a grid of steps of 1/2040,
        as for smooth activations (see `is_exact`), an ε between two points may be missed.
    """
    layers = layers_of(model)
    epsilon = images.new_zeros(len(images))
    widest = max(model.sizes[1:])
    with evaluating(model):
        for rows in iter_batches(images, _UNITS_AT_ONCE // widest):
            goal = Goal(labels, targets).of(rows)
            path = fgsm_path(model, images[rows], goal)
            epsilon[rows] = _Search(model, layers, path, goal).first()
    return epsilon


def is_exact(model: MLP) -> bool:
    """Return whether the logits are piecewise affine along a path, with kinks that can be
    computed."""
    return ACTIVATIONS[model.activation].is_relu or len(model.layers) == 1


@dataclass(frozen=True)
class _Search:
    """The search for the first success of some images on their paths."""

    model: MLP
    layers: list[Layer]
    path: Path
    goal: Goal

    def __getitem__(self, rows: Tensor) -> _Search:
        return _Search(self.model, self.layers, self.path[rows], self.goal.of(rows))

    def first(self) -> Tensor:
        """Return the smallest ε of each image, float32, inf where there is none."""
        epsilon = torch.where(self.fooled(self.path.images), 0, torch.inf)
        for start, end in pairwise(_STRETCHES):
            safe = epsilon.isinf().nonzero()[:, 0]
            if len(safe):
                epsilon[safe] = self[safe].first_between(start, end)
        return epsilon

    def first_between(self, start: float, end: float) -> Tensor:
        """Return the same for a stretch, at the start of which no image fools the model.

        A margin must be clearly more than the rounding of float32 at the ends of the stretch, which
        depends on the size of the batch. Where the float32 model is still not fooled, a larger
        margin is required.
        """
        logits = logits_along(self.path, self.layers, self.model.activation, start, end)
        lost = (
            self.float32_error(start, logits.values[:, 0]),
            self.float32_error(end, logits.values[:, -1]),
        )
        needed = 4 * torch.maximum(*lost)
        ahead = logit_margins(self.goal, logits.values)
        epsilon = self.path.images.new_full((len(ahead),), torch.inf)
        rows = torch.arange(len(ahead), device=ahead.device)
        while len(rows):
            enough = PiecewiseLinear(logits.epsilon[rows], ahead[rows] - needed[rows, None, None])
            found = self[rows].first_of(enough, needed[rows])
            epsilon[rows] = rounded_up(found)
            rows = rows[found.isfinite()]
            rows = rows[~self[rows].fooled(self.path[rows].at(epsilon[rows]))]
            needed[rows] *= 2
        return epsilon

    def first_of(self, ahead: PiecewiseLinear, needed: Tensor) -> Tensor:
        """Return the first ε with sufficient margins, exactly or by bisection of a grid step."""
        if is_exact(self.model):
            shares = first_share(self.goal, ahead.values[:, :-1], ahead.values[:, 1:])
            piece = shares.isfinite().int().argmax(1, keepdim=True)  # the first that is
            share = shares.gather(1, piece)
            start, end = ahead.epsilon.gather(1, piece), ahead.epsilon.gather(1, piece + 1)
            return torch.where(share.isfinite(), torch.lerp(start, end, share), share)[:, 0]
        succeeds = attack_succeeds(self.goal, ahead.values)
        found = torch.where(succeeds.any(1), 0, torch.inf).to(needed.dtype)
        rows = succeeds.any(1).nonzero()[:, 0]
        point = succeeds.int()[rows].argmax(1, keepdim=True)
        high = ahead.epsilon[rows].gather(1, point)[:, 0]
        low = ahead.epsilon[rows].gather(1, (point - 1).clamp(min=0))[:, 0]
        found[rows] = self[rows].narrowed(low, high, needed[rows])
        return found

    def narrowed(self, low: Tensor, high: Tensor, needed: Tensor) -> Tensor:
        """Bisect an interval whose upper end succeeds, to an ε at which success begins."""
        path = Path(self.path.images.double(), self.path.signs.double())
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            logits = layer_inputs(self.layers, self.model.activation, path.at(middle))[-1]
            ahead = logit_margins(self.goal, logits[:, None]) - needed[:, None, None]
            succeeds = attack_succeeds(self.goal, ahead)[:, 0]
            low, high = torch.where(succeeds, low, middle), torch.where(succeeds, middle, high)
        return high

    def float32_error(self, epsilon: float, exact: Tensor) -> Tensor:
        """Return the float32 error at an ε of the path, given the exact logits, `(batch,)`."""
        at = self.path.images.new_full((1,), epsilon)
        return float32_error(self.model(self.path.at(at)), exact)

    def fooled(self, images: Tensor) -> Tensor:
        """Return which of these images fool the float32 model, `(batch,)`."""
        return self.goal.reached(self.model(images))


@torch.no_grad()
def fooled_levels(
    model: MLP,
    images: Tensor,
    labels: Tensor,
    targets: Tensor | None = None,
) -> Tensor:
    """Return for each k whether ε = k/255 along FGSM's direction fools the model.

    An image may fool the model at some ε and fail at a larger one.

    Args:
        model: maps flat images to logits; it is evaluated in evaluation mode.
        images: float32 `(batch, pixels)` in [0, 1].
        labels: true classes, `(batch,)`.
        targets: the classes to reach, `(batch,)`; None for any but the label.

    Returns:
        bool `(batch, 256)`, for k from 0 to 255.
    """
    fooled = torch.zeros(len(images), LEVELS + 1, dtype=torch.bool, device=images.device)
    epsilons = (torch.arange(LEVELS + 1).double() / LEVELS).to(images)
    with evaluating(model):
        for rows in iter_batches(images, _IMAGES_AT_ONCE):
            path = fgsm_path(model, images[rows], Goal(labels, targets).of(rows))
            each = rows.repeat_interleave(len(epsilons))
            pixels = path[each - rows[0]].at(epsilons.repeat(len(rows)))
            reached = Goal(labels, targets).of(each).reached(model(pixels))
            fooled[rows] = reached.view(len(rows), -1)
    return fooled
