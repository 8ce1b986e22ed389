"""The common part of all attacks: goal, budget, pixel range, batches, and success recomputed."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mnistop.engine.attacks.norms import Norm, clipped, size


@dataclass(frozen=True)
class Goal:
    """The aim of an attack: any class but the true one or, with targets, the target."""

    labels: Tensor
    """True classes, `(batch,)`."""
    targets: Tensor | None = None
    """The classes to be predicted, `(batch,)`; None if any wrong one will do."""

    def reached(self, logits: Tensor) -> Tensor:
        """Return which predictions reach the goal, `(batch,)`."""
        predicted = logits.argmax(1)
        return predicted != self.labels if self.targets is None else predicted == self.targets

    def clearly_reached(self, logits: Tensor) -> Tensor:
        """Return which predictions reach it by more than the rounding of float32, `(batch,)`.

        A logit's last digits depend on the size of the batch, so a smaller margin may be lost when
        an image is evaluated alone.
        """
        return self.margins(logits) > 1e-5 * logits.abs().amax(1)

    def margins(self, logits: Tensor) -> Tensor:
        """Return the margins by which the goal is reached, `(batch,)`: negative where it is not.

        Without targets it is the largest other logit minus the label's; with targets, the target's
        minus the largest other.
        """
        return self._difference(logits, torch.amax)

    def losses(self, logits: Tensor) -> Tensor:
        """Return the function that an attack maximizes, `(batch,)`: margins smoothed by logsumexp.

        It rises as the label's cross-entropy rises, or as the target's falls. The gradient of the
        cross-entropy is that of `logsumexp(others) - z_label` times a positive factor, 1 - p. In
        float32 that factor is 0 once p rounds to 1, and the gradient with it, though its direction
        is still well defined; so the factor is left out.
        """
        return self._difference(logits, torch.logsumexp)

    def of(self, rows: Tensor) -> "Goal":
        """Return the goal for some of the images, given their rows or a mask."""
        return Goal(self.labels[rows], None if self.targets is None else self.targets[rows])

    def _difference(self, logits: Tensor, largest: Callable[[Tensor, int], Tensor]) -> Tensor:
        classes = (self.labels if self.targets is None else self.targets)[:, None]
        of_class = logits.gather(1, classes)[:, 0]
        of_others = largest(logits.scatter(1, classes, -torch.inf), 1)
        return of_others - of_class if self.targets is None else of_class - of_others


def logits_and_gradient(
    model: nn.Module,
    images: Tensor,
    goal: Goal,
    objective: Callable[[Goal, Tensor], Tensor] = Goal.losses,
) -> tuple[Tensor, Tensor]:
    """Return a model's logits for images, and the direction towards the goal.

    Args:
        model: in evaluation mode.
        images: `(batch, pixels)`.
        goal: of the attack.
        objective: a function of the goal and the logits, `(batch,)`.

    Returns:
        The logits, `(batch, classes)`, and the gradient of the objective with regard to the pixels,
        `(batch, pixels)`.
    """
    images = images.detach().requires_grad_()
    with torch.enable_grad():
        logits = model(images)
        (gradient,) = torch.autograd.grad(objective(goal, logits).sum(), images)
    return logits.detach(), gradient


def iter_batches(images: Tensor, size: int) -> Sequence[Tensor]:
    """Return the row numbers of images, at most `size` at a time, or one if it is less."""
    everything = torch.arange(len(images), device=images.device)
    return torch.split(everything, max(1, size)) if len(images) else ()


@dataclass(frozen=True)
class Adversarial:
    """The outcome of an attack on a batch."""

    originals: Tensor
    """The images that were attacked, `(batch, pixels)`, in [0, 1]."""
    images: Tensor
    """The perturbed images, `(batch, pixels)`, in [0, 1]."""
    logits: Tensor
    """The model's logits for them, `(batch, classes)`."""
    success: Tensor
    """True where an image is now predicted as its target or, without targets, as any class but its
    label, `(batch,)`."""

    @property
    def perturbations(self) -> Tensor:
        """The perturbed images minus the originals, `(batch, pixels)`."""
        return self.images - self.originals

    @property
    def linf(self) -> Tensor:
        """The largest change of any pixel, `(batch,)`."""
        return size(self.perturbations, "linf")

    @property
    def l2(self) -> Tensor:
        """The Euclidean lengths of the perturbations, `(batch,)`."""
        return size(self.perturbations, "l2")

    @property
    def l0(self) -> Tensor:
        """The number of changed pixels, `(batch,)`."""
        return self.perturbations.count_nonzero(1)

    def smallest(self, norm: Norm) -> Tensor:
        """The norms of the successful perturbations, `(batch,)`; infinite where there is none."""
        return torch.where(self.success, size(self.perturbations, norm), torch.inf)

    @classmethod
    @torch.no_grad()
    def of(cls, model: nn.Module, originals: Tensor, images: Tensor, goal: Goal) -> "Adversarial":
        """Return the outcome of perturbed images, by a model in evaluation mode."""
        logits = model(images)
        return cls(originals, images, logits, goal.reached(logits))


class _Configured:
    """An attack with its settings."""

    norm: Norm = "linf"
    """The norm of a perturbation."""

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({settings})"


class Attack(_Configured, ABC):
    """A configured attack within a budget ε: a subclass implements `run`.

    Calling it clips the perturbed images to ε and to [0, 1], up to the rounding of float32.
    """

    @abstractmethod
    def run(self, model: nn.Module, images: Tensor, goal: Goal, epsilons: Tensor) -> Tensor:
        """Return perturbed images, which need not be clipped yet.

        Args:
            model: in evaluation mode.
            images: `(batch, pixels)` in [0, 1].
            goal: the predictions to reach.
            epsilons: the budgets, `(batch, 1)`.
        """

    def __call__(
        self,
        model: nn.Module,
        images: Tensor,
        labels: Tensor,
        epsilon: float | Tensor,
        targets: Tensor | None = None,
    ) -> Adversarial:
        """Attack a batch.

        Args:
            model: maps flat images to logits; it is evaluated in evaluation mode.
            images: `(batch, pixels)` in [0, 1].
            labels: true classes, `(batch,)`.
            epsilon: the largest norm of a perturbation, for all images or for each, `(batch,)`: in
                L∞ the largest change of a pixel, in [0, 1]; in L2 any length from 0 up.
            targets: the classes to reach, `(batch,)`; None for any but the label.

        Raises:
            ValueError: `epsilon` is out of range.
        """
        goal = Goal(labels, targets)
        epsilons = self._budgets(epsilon, images)
        with evaluating(model):
            moved = self.run(model, images, goal, epsilons)
            moved = clipped(moved, images, epsilons, self.norm)
            return Adversarial.of(model, images, moved, goal)

    def _budgets(self, epsilon: float | Tensor, images: Tensor) -> Tensor:
        most = 1 if self.norm == "linf" else torch.finfo(images.dtype).max
        if isinstance(epsilon, Tensor):
            outside = epsilon[~((epsilon >= 0) & (epsilon <= most))].tolist()
            epsilons = epsilon.to(images).expand(len(images))[:, None]
        else:  # checked without waiting for the device, as a captured step must be
            outside = [] if 0 <= epsilon <= most else [epsilon]
            epsilons = images.new_full((len(images), 1), epsilon)
        if outside:
            range_ = "lie in [0, 1]" if self.norm == "linf" else "be a length from 0 up"
            raise ValueError(f"epsilon must {range_}, not {outside[0]:g}")
        return epsilons


CACHE_SIZED = 128
"""Images that fit into a processor's cache with all that an attack keeps of them."""


class MinimalAttack(_Configured, ABC):
    """A configured attack that searches for the smallest perturbation: a subclass implements
    `run`."""

    @abstractmethod
    def run(self, model: nn.Module, images: Tensor, goal: Goal) -> Tensor:
        """Return perturbed images in [0, 1], which may lie farther beyond the boundary than needed.

        Args:
            model: in evaluation mode.
            images: `(batch, pixels)` in [0, 1].
            goal: the predictions to reach.
        """

    def __call__(
        self, model: nn.Module, images: Tensor, labels: Tensor, targets: Tensor | None = None
    ) -> Adversarial:
        """Attack a batch, and shrink each perturbation along its line as far as possible.

        Args:
            model: maps flat images to logits; it is evaluated in evaluation mode.
            images: `(batch, pixels)` in [0, 1].
            labels: true classes, `(batch,)`.
            targets: the classes to reach, `(batch,)`; None for any but the label.

        Returns:
            The smallest perturbations found. An image at the goal from the start stays as it is, a
            success of size 0; one for which nothing was found stays too, a failure.
        """
        goal = Goal(labels, targets)
        with evaluating(model):
            moved = images.clone()
            for rows in iter_batches(images, CACHE_SIZED):
                with torch.no_grad():
                    rows = rows[~goal.of(rows).reached(model(images[rows]))]
                if len(rows):
                    here, originals = goal.of(rows), images[rows]
                    found = self.run(model, originals, here)
                    moved[rows] = shrunk_to_boundary(model, originals, found, here)
            return Adversarial.of(model, images, moved, goal)


@torch.no_grad()
def shrunk_to_boundary(model: nn.Module, images: Tensor, found: Tensor, goal: Goal) -> Tensor:
    """Return the last points still at the goal on the way back to the images, by bisection."""
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


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Keep a model in evaluation mode, and restore its mode afterwards."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)
