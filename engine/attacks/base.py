"""What all attacks share: the budget, the range of pixels, batches, and an honest account of
success."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mnistop.engine.attacks.goal import Goal, input_gradient
from mnistop.engine.attacks.norms import Norm, clipped, size

Progress = Callable[[int, int], object]
"""Told how many images are done, and of how many. What it raises ends the work."""


def chunks(images: Tensor, size: int, progress: Progress | None = None) -> Iterator[Tensor]:
    """The row numbers of images, at most `size` at a time.

    Args:
        images: `(batch, …)`.
        size: at least 1 is taken.
        progress: told after each chunk.
    """
    everything = torch.arange(len(images), device=images.device)
    for rows in torch.split(everything, max(1, size)) if len(images) else ():
        yield rows
        if progress:
            progress(int(rows[-1]) + 1, len(images))


__all__ = ["Adversarial", "Attack", "evaluating", "input_gradient"]


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


def parts(images: Tensor) -> Iterator[Tensor]:
    """The rows of images, as many at a time as fit into a processor's cache with what they take."""
    for start in range(0, len(images), _AT_A_TIME):
        end = min(start + _AT_A_TIME, len(images))
        yield torch.arange(start, end, device=images.device)


_AT_A_TIME = 128


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
