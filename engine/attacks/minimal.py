"""The smallest perturbation: by attacks without a budget, and by search over the budget."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from mnistop.engine.attacks.base import Adversarial, Goal, cache_sized_batches, evaluating, named
from mnistop.engine.attacks.norms import Norm


class MinimalAttack(ABC):
    """A configured attack that looks for the smallest perturbation. A subclass gives `run`."""

    norm: Norm = "linf"
    """How a perturbation is measured."""

    @abstractmethod
    def run(self, model: nn.Module, images: Tensor, goal: Goal) -> Tensor:
        """Perturbed images in [0, 1], which may lie farther beyond the boundary than they need.

        Args:
            model: in evaluation mode.
            images: `(batch, pixels)` in [0, 1].
            goal: which predictions are wanted.
        """

    def __call__(
        self, model: nn.Module, images: Tensor, labels: Tensor, targets: Tensor | None = None
    ) -> Adversarial:
        """Attacks a batch; perturbations are taken back along their line as far as they can be.

        Args:
            model: maps flat images to logits; it is judged in evaluation mode.
            images: `(batch, pixels)` in [0, 1].
            labels: true classes, `(batch,)`.
            targets: the classes to reach, `(batch,)`; None where any but the label will do.

        Returns:
            The smallest perturbations found. An image that is already predicted as wanted stays as
            it is, a success of size 0; one for which nothing was found stays too, a failure.
        """
        goal = Goal(labels, targets)
        with evaluating(model):
            moved = images.clone()
            for rows in cache_sized_batches(images):
                moved[rows] = self._attack(model, images[rows], goal.of(rows))
            with torch.no_grad():
                logits = model(moved)
        return Adversarial(images, moved, logits, goal.reached(logits))

    def _attack(self, model: nn.Module, images: Tensor, goal: Goal) -> Tensor:
        with torch.no_grad():
            open_ = (~goal.reached(model(images))).nonzero()[:, 0]
        moved = images.clone()
        if len(open_):
            found = self.run(model, images[open_], goal.of(open_))
            moved[open_] = taken_back(model, images[open_], found, goal.of(open_))
        return moved

    def __repr__(self) -> str:
        return named(self)


@torch.no_grad()
def taken_back(model: nn.Module, images: Tensor, found: Tensor, goal: Goal) -> Tensor:
    """The last points still at the goal, on the way back to the images, by bisection."""
    way = found - images
    too_near = torch.zeros_like(way[:, :1])
    far_enough = torch.ones_like(too_near)
    reached = goal.clearly_reached(model(images + way))[:, None]
    for _ in range(_HALVINGS):
        middle = (too_near + far_enough) / 2
        enough = goal.clearly_reached(model(images + middle * way))[:, None]
        far_enough = torch.where(enough, middle, far_enough)
        too_near = torch.where(enough, too_near, middle)
    return torch.where(reached, images + far_enough * way, images)


_HALVINGS = 12


@torch.no_grad()
def smallest_budget(
    attack: Callable[[nn.Module, Tensor, Tensor, Tensor, Tensor | None], Adversarial],
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    targets: Tensor | None = None,
    most: float | Tensor = 1.0,
    at_once: int = 1,
    rounds: int = 8,
) -> Tensor:
    """The smallest ε with which an attack was seen to succeed.

    Each round divides the range in which it lies into equal parts and tries their ends: with one
    try at once that is bisection, best for many images; few images are done sooner with more.

    An attack that fails with some ε may succeed with a smaller one; so there may be a smaller ε
    than the one found, but at the one found there is an adversarial image.

    Args:
        attack: what is tried.
        model: maps flat images to logits; it is judged in evaluation mode.
        images: `(batch, pixels)` in [0, 1].
        labels: true classes, `(batch,)`.
        targets: the classes to reach, `(batch,)`; None where any but the label will do.
        most: the largest ε, for all images or for each, `(batch,)`.
        at_once: how many ε are tried at once for each image.
        rounds: the ε is found to `most / (at_once + 1)**rounds`.

    Returns:
        float32 `(batch,)`: 0 where nothing has to be done, inf where even `most` does not do.
    """
    goal = Goal(labels, targets)
    with evaluating(model):
        reached = goal.reached(model(images))
    high = torch.as_tensor(most, dtype=images.dtype).expand(len(images)).clone()
    high = torch.where(attack(model, images, labels, high, targets).success, high, torch.inf)
    high = torch.where(reached, 0, high)
    rows = (high.isfinite() & (high > 0)).nonzero()[:, 0]
    low = torch.zeros_like(high)
    shares = torch.arange(1, at_once + 1) / (at_once + 1)
    copies = rows.repeat_interleave(at_once)
    here = goal.of(copies)
    for _ in range(rounds if len(rows) else 0):
        tried = low[rows, None] + (high - low)[rows, None] * shares
        outcome = attack(model, images[copies], here.labels, tried.flatten(), here.targets)
        success = outcome.success.reshape(tried.shape)
        first = torch.where(success.any(1), success.int().argmax(1), at_once)
        ends = torch.cat([low[rows, None], tried, high[rows, None]], 1)
        low[rows] = ends.gather(1, first[:, None])[:, 0]
        high[rows] = ends.gather(1, first[:, None] + 1)[:, 0]
    return high
