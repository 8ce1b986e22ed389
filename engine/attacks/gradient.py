"""Attacks along the gradient of the loss: one step, steps with momentum, and projected descent."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from mnistop.engine.attacks.base import CACHE_SIZED, Attack, Goal, iter_batches, logits_and_gradient
from mnistop.engine.attacks.deepfool import nearest_classes
from mnistop.engine.attacks.norms import Norm, clipped, steepest


class _OneStep(Attack):
    """One step of norm ε in the steepest direction at the image."""

    def run(self, model: nn.Module, images: Tensor, goal: Goal, epsilons: Tensor) -> Tensor:
        """Take one step along the gradient."""
        _, gradient = logits_and_gradient(model, images, goal)
        return images + epsilons * steepest(gradient, self.norm)


class FGSM(_OneStep):
    """`clamp(x + ε·sign(∂loss/∂x), 0, 1)`: Goodfellow et al. 2015, section 4, arXiv:1412.6572.

    Towards a target it is `clamp(x - ε·sign(∂loss_target/∂x), 0, 1)`: Kurakin et al. 2017, section
    2, arXiv:1611.01236, there called the one-step target class method.
    """

    norm = "linf"


class FastGradient(_OneStep):
    """`clamp(x + ε·g/‖g‖₂, 0, 1)` with g = ∂loss/∂x: Liu et al. 2017, section 2, arXiv:1611.02770.

    Clamping to [0, 1] removes a large part of the step for digits on a black background: the
    perturbation is then shorter than ε.
    """

    norm = "l2"


class MomentumFGSM(Attack):
    """MI-FGSM: Dong et al. 2018, algorithm 1, arXiv:1710.06081.

    With g ← μ·g + ∂loss/∂x / ‖∂loss/∂x‖₁ each step goes by ε / steps in the steepest direction of
    g, and is clipped to within ε and [0, 1]. Momentum carries it past local maxima of the loss, and
    the images found transfer to other models more often. The factor of the cross-entropy's gradient
    that underflows cancels in its normalization.

    Args:
        norm: the norm of ε.
        steps: their number, at least 1.
        decay: μ, the share of g that stays; 0 is the iterative FGSM, 1 the paper's.
    """

    def __init__(self, norm: Norm = "linf", steps: int = 10, decay: float = 1.0) -> None:
        self.norm = norm
        self.steps = steps
        self.decay = decay

    def run(self, model: nn.Module, images: Tensor, goal: Goal, epsilons: Tensor) -> Tensor:
        """Return the images after the last step."""
        moved = images.clone()
        for rows in iter_batches(images, CACHE_SIZED):
            momentum = torch.zeros_like(images[rows])
            for _ in range(self.steps):
                _, gradient = logits_and_gradient(model, moved[rows], goal.of(rows))
                length = gradient.abs().sum(1, keepdim=True)
                momentum = self.decay * momentum + gradient / length.clamp_min(
                    torch.finfo(gradient.dtype).tiny
                )
                step = epsilons[rows] / self.steps * steepest(momentum, self.norm)
                moved[rows] = clipped(moved[rows] + step, images[rows], epsilons[rows], self.norm)
        return moved


class PGD(Attack):
    """Projected gradient descent: Madry et al. 2018, section 2.1, arXiv:1706.06083.

    It repeats a step in the steepest direction and a projection to within ε and [0, 1]: first from
    the image, then from random points within the budget. The steps shrink along half a cosine, as
    steps of constant length either do not get far or do not converge. Without a given target the
    random starts move towards the classes with the nearest boundaries, one after another, which is
    stronger than moving away from the label (both as in AutoAttack: Croce and Hein 2020,
    arXiv:2003.01690). Of all points visited, the one nearest to the goal is kept; an image that has
    reached it is done, a misclassified one at once. With the default step the first one is FGSM's,
    so it is never weaker than FGSM.

    Args:
        norm: the norm of ε.
        steps: the number of steps from each start.
        step: the length of the first, as a multiple of ε.
        starts: the number of starts.
        seed: of the random points. All images of a batch share them, so that the result for an
            image depends neither on the others nor on its place among them.
    """

    def __init__(
        self,
        norm: Norm = "linf",
        steps: int = 20,
        step: float = 1.0,
        starts: int = 3,
        seed: int = 0,
    ) -> None:
        self.norm = norm
        self.steps = steps
        self.step = step
        self.starts = starts
        self.seed = seed

    def run(self, model: nn.Module, images: Tensor, goal: Goal, epsilons: Tensor) -> Tensor:
        """Return the iterates that came nearest to the goal."""
        nearest = images.clone()
        for rows in iter_batches(images, CACHE_SIZED):
            nearest[rows] = self._run(model, images[rows], goal.of(rows), epsilons[rows])
        return nearest

    def _run(self, model: nn.Module, images: Tensor, goal: Goal, epsilons: Tensor) -> Tensor:
        nearest = images.clone()
        margins = torch.full_like(images[:, 0], -torch.inf)
        open_ = torch.arange(len(images), device=images.device)
        for start, towards in self._starts(model, images, goal):
            moved = clipped(images + epsilons * start, images, epsilons, self.norm)
            for length in cosine_steps(self.steps, self.step):
                here = goal.of(open_)
                logits, gradient = logits_and_gradient(model, moved[open_], towards.of(open_))
                reached = here.margins(logits)
                nearer = reached > margins[open_]
                nearest[open_[nearer]] = moved[open_[nearer]]
                margins[open_[nearer]] = reached[nearer]

                left = ~here.clearly_reached(logits)
                open_ = open_[left]
                if not len(open_):
                    return nearest
                budgets = epsilons[open_]
                further = moved[open_] + length * budgets * steepest(gradient[left], self.norm)
                moved[open_] = clipped(further, images[open_], budgets, self.norm)
        return nearest

    def _starts(
        self, model: nn.Module, images: Tensor, goal: Goal
    ) -> Iterator[tuple[Tensor, Goal]]:
        """Yield perturbations of at most norm 1 to start from, `(pixels,)`, and goals to move
        towards."""
        yield images.new_zeros(images.shape[1]), goal
        if self.starts > 1:
            goals = _nearer_goals(model, images, goal, self.norm, self.starts - 1)
        random = torch.Generator().manual_seed(self.seed)
        for number in range(self.starts - 1):
            if self.norm == "linf":
                start = 2 * torch.rand(images.shape[1], generator=random) - 1
            else:
                start = torch.randn(images.shape[1], generator=random)
                start *= torch.rand(1, generator=random) / start.norm()
            yield start.to(images), goals[number % len(goals)]


def cosine_steps(steps: int, first: float) -> list[float]:
    """Return the lengths of steps that shrink along half a cosine, as multiples of ε.

    The last, 0, is for evaluating the last point.
    """
    return [first * (1 + math.cos(math.pi * step / steps)) / 2 for step in range(steps + 1)]


def _nearer_goals(
    model: nn.Module, images: Tensor, goal: Goal, norm: Norm, count: int
) -> list[Goal]:
    """Return the goal itself if it has targets, otherwise the nearest classes as targets."""
    if goal.targets is not None:
        return [goal]
    classes = nearest_classes(model, images, goal.labels, norm, count)
    return [Goal(goal.labels, targets) for targets in classes.unbind(1)]
