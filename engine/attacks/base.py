"""The common part of all attacks: goal, budget, pixel range, batches, and success recomputed."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mnistop.engine.attacks.norms import Norm, clipped, size


@dataclass(frozen=True)
class Goal:
    """Away from the true classes or, with targets, to the targets."""

    labels: Tensor
    """True classes, `(batch,)`."""
    targets: Tensor | None = None
    """The classes to be predicted, `(batch,)`; None where any wrong one will do."""

    def reached(self, logits: Tensor) -> Tensor:
        """Whether the prediction is as the attack wants it, `(batch,)`."""
        predicted = logits.argmax(1)
        return predicted != self.labels if self.targets is None else predicted == self.targets

    def clearly_reached(self, logits: Tensor) -> Tensor:
        """Whether it is, by more than the rounding of float32, `(batch,)`.

        A logit's last digits depend on how many images the model is shown at once, so what is
        reached by less may be lost when an image is shown alone.
        """
        return self.margins(logits) > 1e-5 * logits.abs().amax(1)

    def margins(self, logits: Tensor) -> Tensor:
        """By how much the goal is reached, `(batch,)`: negative where it is not.

        Without targets the largest other logit minus the label's; with them the target's minus the
        largest other.
        """
        return self._difference(logits, torch.amax)

    def losses(self, logits: Tensor) -> Tensor:
        """What an attack lets rise, `(batch,)`: the margins, smoothed by logsumexp.

        It rises as the label's cross-entropy does, or as the target's falls: see `input_gradient`.
        """
        return self._difference(logits, torch.logsumexp)

    def of(self, rows: Tensor) -> "Goal":
        """The goal for some of the images: their numbers, or a mask."""
        return Goal(self.labels[rows], None if self.targets is None else self.targets[rows])

    def _difference(self, logits: Tensor, largest: Callable[[Tensor, int], Tensor]) -> Tensor:
        classes = (self.labels if self.targets is None else self.targets)[:, None]
        of_class = logits.gather(1, classes)[:, 0]
        of_others = largest(logits.scatter(1, classes, -torch.inf), 1)
        return of_others - of_class if self.targets is None else of_class - of_others


def logits_and_gradient(model: nn.Module, images: Tensor, goal: Goal) -> tuple[Tensor, Tensor]:
    """What a model says to images, `(batch, classes)`, and how to get nearer to the goal.

    Returns:
        The logits, and the gradient of `Goal.losses` with regard to the pixels, `(batch, pixels)`.
    """
    images = images.detach().requires_grad_()
    with torch.enable_grad():
        logits = model(images)
        (gradient,) = torch.autograd.grad(goal.losses(logits).sum(), images)
    return logits.detach(), gradient


def input_gradient(
    model: nn.Module, images: Tensor, labels: Tensor, targets: Tensor | None = None
) -> Tensor:
    """The direction in which the label's loss rises, `(batch, pixels)`, without underflow.

    The cross-entropy's gradient is the gradient of `logsumexp(others) - z_label` times a positive
    factor, 1 - p. In float32 that factor is 0 once p rounds to 1, and the gradient with it, though
    the direction is as clear as ever; so the factor is left out. With `targets` it is the direction
    in which the target's loss falls: the gradient of `z_target - logsumexp(others)`.
    """
    return logits_and_gradient(model, images, Goal(labels, targets))[1]


Progress = Callable[[int, int], object]
"""Told how many images are done, and of how many. What it raises ends the work."""


def iter_batches(images: Tensor, size: int, progress: Progress | None = None) -> Iterator[Tensor]:
    """The row numbers of images, at most `size` at a time.

    Args:
        images: `(batch, …)`.
        size: at least 1 is taken.
        progress: called after each batch.
    """
    everything = torch.arange(len(images), device=images.device)
    for rows in torch.split(everything, max(1, size)) if len(images) else ():
        yield rows
        if progress:
            progress(int(rows[-1]) + 1, len(images))


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
    """Whether each is now predicted as its target, or without targets as another class than its
    label, `(batch,)`."""

    @property
    def perturbations(self) -> Tensor:
        """What was added to the originals, `(batch, pixels)`."""
        return self.images - self.originals

    @property
    def linf(self) -> Tensor:
        """The most that any pixel has changed, `(batch,)`."""
        return size(self.perturbations, "linf")

    @property
    def l2(self) -> Tensor:
        """The Euclidean lengths of the perturbations, `(batch,)`."""
        return size(self.perturbations, "l2")

    @property
    def l0(self) -> Tensor:
        """How many pixels have changed, `(batch,)`."""
        return self.perturbations.count_nonzero(1)

    def smallest(self, norm: Norm) -> Tensor:
        """The norms of the successful perturbations, `(batch,)`; infinite where there is none."""
        return torch.where(self.success, size(self.perturbations, norm), torch.inf)

    def with_images(self, images: Tensor, model: nn.Module, goal: Goal) -> "Adversarial":
        """The outcome with other perturbed images, of a model in evaluation mode."""
        with torch.no_grad():
            logits = model(images)
        return Adversarial(self.originals, images, logits, goal.reached(logits))


class Attack(ABC):
    """A configured attack within a budget ε. A subclass gives `run`; calling it keeps the promises.

    All promises hold to the rounding of float32.
    """

    norm: Norm = "linf"
    """How ε is measured."""

    @abstractmethod
    def run(self, model: nn.Module, images: Tensor, goal: Goal, epsilons: Tensor) -> Tensor:
        """Perturbed images, which need not be clipped yet.

        Args:
            model: in evaluation mode.
            images: `(batch, pixels)` in [0, 1].
            goal: which predictions are wanted.
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
        """Attacks a batch.

        Args:
            model: maps flat images to logits; it is judged in evaluation mode.
            images: `(batch, pixels)` in [0, 1].
            labels: true classes, `(batch,)`.
            epsilon: the largest norm of a perturbation, for all images or for each, `(batch,)`: in
                L∞ the most that a pixel may change, in [0, 1]; in L2 any length from 0 up.
            targets: the classes to reach, `(batch,)`; None where any but the label will do.

        Raises:
            ValueError: `epsilon` is out of range.
        """
        goal = Goal(labels, targets)
        epsilons = self._budgets(epsilon, images)
        with evaluating(model):
            moved = self.run(model, images, goal, epsilons)
            moved = clipped(moved, images, epsilons, self.norm)
            with torch.no_grad():
                logits = model(moved)
        return Adversarial(images, moved, logits, goal.reached(logits))

    def _budgets(self, epsilon: float | Tensor, images: Tensor) -> Tensor:
        most = 1 if self.norm == "linf" else torch.finfo(images.dtype).max
        if isinstance(epsilon, Tensor):
            outside = epsilon[~((epsilon >= 0) & (epsilon <= most))].tolist()
            epsilons = epsilon.to(images).expand(len(images))[:, None]
        else:  # checked without a look at the device, as in a step that is captured
            outside = [] if 0 <= epsilon <= most else [epsilon]
            epsilons = images.new_full((len(images), 1), epsilon)
        if outside:
            range_ = "lie in [0, 1]" if self.norm == "linf" else "be a length from 0 up"
            raise ValueError(f"epsilon must {range_}, not {outside[0]:g}")
        return epsilons

    def __repr__(self) -> str:
        return named(self)


CACHE_SIZED = 128
"""Images that fit into a processor's cache with all that an attack keeps of them."""


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
            for rows in iter_batches(images, CACHE_SIZED):
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
            moved[open_] = shrunk_to_boundary(model, images[open_], found, goal.of(open_))
        return moved

    def __repr__(self) -> str:
        return named(self)


@torch.no_grad()
def shrunk_to_boundary(model: nn.Module, images: Tensor, found: Tensor, goal: Goal) -> Tensor:
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


def named(attack: object) -> str:
    """An attack with its settings, as it would be written in Python."""
    settings = ", ".join(f"{name}={value!r}" for name, value in vars(attack).items())
    return f"{type(attack).__name__}({settings})"


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """The model in evaluation mode, and back in the mode that it was in."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)
