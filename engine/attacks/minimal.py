"""What the attacks without a budget share, which look for the smallest perturbation."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from mnistop.engine.attacks.base import Adversarial, evaluating, named, parts
from mnistop.engine.attacks.goal import Goal
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
            for rows in parts(images):
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
