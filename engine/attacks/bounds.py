"""Bounds on the smallest ε that fools a model: proven below, shown above."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mnistop.engine.attacks.base import (
    Adversarial,
    Goal,
    evaluating,
    logits_and_gradient,
    shrunk_to_boundary,
)
from mnistop.engine.attacks.crown import certified_radius
from mnistop.engine.attacks.deepfool import FAB, DeepFool
from mnistop.engine.attacks.exact_fgsm import smallest_epsilon
from mnistop.engine.attacks.gradient import PGD, cosine_steps
from mnistop.engine.attacks.norms import clipped, size
from mnistop.engine.attacks.piecewise import fgsm_path, optimal_path, smallest_epsilon_linear
from mnistop.engine.model import MLP

FINDERS = ("fgsm", "deepfool", "fab", "pgd", "closed-form")
"""The attacks that can find the smallest ε, and the formula for a single layer."""

_USUAL = 40
"""PGD is first tried at the largest multiple of 1/40 below the ε that the others found."""
_SHARES = (0.998, 0.99)
"""The shares of the smallest ε so far at which PGD then searches for a smaller one."""
_PGD_STEPS = 10
_PGD_STEP = 0.2


@dataclass(frozen=True)
class EpsilonBounds:
    """Bounds on the smallest L∞ perturbation of each image of a batch that fools a model."""

    certified: Tensor
    """float32 `(batch,)`: nothing up to this changes the prediction; proven."""
    found: Tensor
    """float32 `(batch,)`: the smallest ε at which any of the attacks fooled the model; 0 where the
    goal is reached from the start, infinite where none succeeded."""
    found_by: Tensor
    """uint8 `(batch,)`: the place in `FINDERS` of that attack."""
    fgsm: Tensor
    """float32 `(batch,)`: the smallest ε at which FGSM's image fools it."""
    deepfool: Tensor
    """float32 `(batch,)`: the size of DeepFool's perturbation; infinite where it found none."""


@torch.no_grad()
def epsilon_bounds(
    model: MLP, images: Tensor, labels: Tensor, targets: Tensor | None = None
) -> tuple[EpsilonBounds, Tensor]:
    """Search for the smallest perturbation of each image by all attacks in L∞.

    FGSM's path is followed, DeepFool and FAB search for near boundaries, and PGD is tried at a
    round ε below these and, from the nearest adversarial image so far, just below that one. For a
    single layer without targets the minimum is computed.

    Args:
        model: maps flat images to logits; it is evaluated in evaluation mode.
        images: float32 `(batch, pixels)` in [0, 1].
        labels: true classes, `(batch,)`.
        targets: the classes to reach, `(batch,)`; None for any but the label.

    Returns:
        The bounds, and for each image an adversarial one as near as `found`, `(batch, pixels)`; the
        image itself where none was found, or none is needed.
    """
    goal = Goal(labels, targets)
    certified = certified_radius(model, images, labels)
    fgsm = smallest_epsilon(model, images, labels, targets)
    nearest = _Nearest(images)
    rows = torch.arange(len(images), device=images.device)
    with evaluating(model):
        path = fgsm_path(model, images, goal)
        nearest.offer("fgsm", fgsm, path.at(fgsm.nan_to_num(posinf=0)))
        by_deepfool = DeepFool("linf")(model, images, labels, targets)
        nearest.offer_some("deepfool", rows, by_deepfool)
        if len(model.layers) == 1 and targets is None:
            exact = smallest_epsilon_linear(model, images, labels)
            there = optimal_path(model, images, labels).at(exact.nan_to_num(posinf=0))
            nearest.offer("closed-form", exact, there, ties=True)
        else:
            by_fab = FAB("linf")(model, images, labels, targets)
            nearest.offer_some("fab", rows, by_fab)
            usual = ((nearest.epsilon.clamp(max=1).double() * _USUAL).ceil() - 1) / _USUAL
            rows = (usual > certified).nonzero()[:, 0]
            if len(rows):
                here, originals = goal.of(rows), images[rows]
                tried = PGD()(model, originals, here.labels, usual[rows], here.targets)
                moved = shrunk_to_boundary(model, originals, tried.images, here)
                tried = Adversarial.of(model, originals, moved, here)
                nearest.offer_some("pgd", rows, tried, usual[rows].float())
            for share in _SHARES:
                rows = (nearest.epsilon.isfinite() & (nearest.epsilon > certified)).nonzero()[:, 0]
                below = torch.maximum(nearest.epsilon * share, certified)[rows]
                start = nearest.images[rows]
                found = _pgd_from(model, images[rows], goal.of(rows), start, below[:, None])
                nearest.offer_some("pgd", rows, found)
    found_by = nearest.found_by.to(torch.uint8)
    deepfool = by_deepfool.smallest("linf")
    return EpsilonBounds(certified, nearest.epsilon, found_by, fgsm, deepfool), nearest.images


class _Nearest:
    """The nearest adversarial images so far."""

    def __init__(self, images: Tensor) -> None:
        self.images = images.clone()
        self.epsilon = torch.full_like(images[:, 0], torch.inf)
        self.found_by = torch.zeros_like(self.epsilon, dtype=torch.long)

    def offer(self, finder: str, epsilon: Tensor, images: Tensor, ties: bool = False) -> None:
        """Keep those that are nearer; with `ties`, also those that are equally near."""
        nearer = epsilon <= self.epsilon if ties else epsilon < self.epsilon
        nearer &= epsilon.isfinite()
        self.images[nearer] = images[nearer]
        self.epsilon[nearer] = epsilon[nearer]
        self.found_by[nearer] = FINDERS.index(finder)

    def offer_some(
        self, finder: str, rows: Tensor, found: Adversarial, budget: float | Tensor = 1.0
    ) -> None:
        """Offer images for some rows, of sizes that exceed the budget by rounding only."""
        epsilon = torch.full_like(self.epsilon, torch.inf)
        within = found.linf.clamp(max=budget)
        epsilon[rows] = within.where(found.success, torch.inf)
        self.offer(finder, epsilon, self.images.index_copy(0, rows, found.images))


def _pgd_from(
    model: MLP, images: Tensor, goal: Goal, start: Tensor, epsilons: Tensor
) -> Adversarial:
    """Run PGD within ε, `(batch, 1)`, from given images, until each clearly reaches the goal."""
    moved = clipped(start, images, epsilons, "linf")
    success = torch.zeros(len(images), dtype=torch.bool, device=images.device)
    logits = images.new_zeros(len(images), model.sizes[-1])
    open_ = torch.arange(len(images), device=images.device)
    for length in cosine_steps(_PGD_STEPS, _PGD_STEP):
        if not len(open_):
            break
        logits[open_], gradient = logits_and_gradient(model, moved[open_], goal.of(open_))
        success[open_] = goal.of(open_).clearly_reached(logits[open_])
        left = ~success[open_]
        open_, gradient = open_[left], gradient[left]
        further = moved[open_] + length * epsilons[open_] * gradient.sign()
        moved[open_] = clipped(further, images[open_], epsilons[open_], "linf")
    return Adversarial(images, moved, logits, success)


def reconciled(
    attacked: Adversarial,
    model: MLP,
    goal: Goal,
    smallest: Tensor,
    certified: Tensor,
    epsilon: float,
    nearest: Tensor | None = None,
) -> Adversarial:
    """Return the outcome of an attack, made consistent with the smallest ε that was found.

    An attack with a given ε is a search of its own: it may find an adversarial image that is nearer
    than any that the search for the smallest ε has found, or miss that one. The search for the
    smallest ε decides, so that an image is fooled at an ε on every screen and in every table, or on
    none. A perturbation that fools the model at a smaller ε is shrunk to the certified size, at
    which nothing does.

    Args:
        attacked: the outcome in L∞.
        model: as it was attacked, in evaluation mode.
        goal: as it was attacked.
        smallest: the smallest ε with which the attack fools the model, `(batch,)`.
        certified: the ε at which nothing fools it, `(batch,)`.
        epsilon: of the attack, compared as a float32 number.
        nearest: adversarial images to use where the attack missed them, `(batch, pixels)`.
    """
    early = attacked.success & (smallest > epsilon)
    missed = ~attacked.success & (smallest <= epsilon)
    if nearest is None:
        missed = torch.zeros_like(missed)
    if not (early | missed).any():
        return attacked
    images = attacked.images.clone()
    shares = (certified / size(attacked.perturbations, "linf")).clamp(max=1)[:, None]
    images[early] = (attacked.originals + shares * attacked.perturbations)[early]
    if nearest is not None:
        images[missed] = nearest[missed]
    return Adversarial.of(model, attacked.originals, images, goal)


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
    """Return the smallest ε at which an attack was seen to succeed.

    Each round divides the range that it lies in into equal parts and tries their ends: with one at
    a time that is bisection, best for many images; a few images take less time with more.

    An attack that fails with some ε may succeed with a smaller one; so there may be a smaller ε
    than the one found, but at the one found there is an adversarial image.

    Args:
        attack: the attack to try.
        model: maps flat images to logits; it is evaluated in evaluation mode.
        images: `(batch, pixels)` in [0, 1].
        labels: true classes, `(batch,)`.
        targets: the classes to reach, `(batch,)`; None for any but the label.
        most: the largest ε, for all images or for each, `(batch,)`.
        at_once: the number of ε tried at once for each image.
        rounds: the ε is found to `most / (at_once + 1)**rounds`.

    Returns:
        float32 `(batch,)`: 0 where the goal is reached already, inf where even `most` fails.
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
