"""Attacks that linearize the decision boundaries: DeepFool and FAB."""

import torch
from torch import Tensor, nn

from mnistop.engine.attacks.base import Goal, MinimalAttack, logits_and_gradient
from mnistop.engine.attacks.norms import Norm, project_to_boundary, size, steepest, steepness


def nearest_boundary(
    model: nn.Module, images: Tensor, goal: Goal, norm: Norm
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the nearest decision boundary of the model linearized at each image.

    Without targets it is one between the label and another class; with them, the one between the
    target and the class that is ahead of all others.

    Returns:
        The logits, `(n, classes)`; the gradient of a linear function, `(n, pixels)`; and the change
        of that function up to the boundary, `(n,)`.
    """
    if goal.targets is not None:
        return boundary_of_target(model, images, goal)
    logits, slopes, rises = _boundaries_of_labels(model, images, goal.labels)
    nearest = _distances(slopes, rises, goal.labels, norm).argmin(1)
    rows = torch.arange(len(images), device=images.device)
    return logits, slopes[rows, nearest], rises[rows, nearest]


def boundary_of_target(
    model: nn.Module, images: Tensor, goal: Goal
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the boundary between target and leading other class, as `nearest_boundary` does."""
    logits, slopes = logits_and_gradient(model, images, goal, Goal.margins)
    return logits, slopes, -goal.margins(logits)


def nearest_classes(
    model: nn.Module, images: Tensor, labels: Tensor, norm: Norm, count: int
) -> Tensor:
    """Return the classes with the nearest boundaries within [0, 1], `(n, count)`.

    They are chosen among the `2 · count` that would be nearest if pixels had no bounds.
    """
    _, slopes, rises = _boundaries_of_labels(model, images, labels)
    distances = _distances(slopes, rises, labels, norm)
    count = min(count, distances.shape[1] - 1)
    some = min(2 * count, distances.shape[1] - 1)
    classes = distances.topk(some, largest=False).indices
    rows = torch.arange(len(images), device=images.device)[:, None]
    within = project_to_boundary(
        images.repeat_interleave(some, 0),
        slopes[rows, classes].flatten(0, 1),
        rises[rows, classes].flatten(),
        norm,
    )
    nearest = size(within, norm).reshape(-1, some).topk(count, largest=False).indices
    return classes.gather(1, nearest)


def _distances(slopes: Tensor, rises: Tensor, labels: Tensor, norm: Norm) -> Tensor:
    """Return the distances to the boundaries of all classes, for unbounded pixels, `(n,
    classes)`."""
    distances = (rises / steepness(slopes, norm)).nan_to_num(torch.inf)
    return distances.scatter(1, labels[:, None], torch.inf)


def _boundaries_of_labels(
    model: nn.Module, images: Tensor, labels: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the boundaries of each label with all classes, as `nearest_boundary` does."""
    images = images.detach().requires_grad_()
    with torch.enable_grad():
        logits = model(images)
        slopes = torch.stack(
            [
                torch.autograd.grad(of_class.sum(), images, retain_graph=True)[0]
                for of_class in logits.unbind(1)
            ],
            1,
        )
    logits = logits.detach()
    rows = torch.arange(len(images), device=images.device)
    slopes = slopes - slopes[rows, labels][:, None]
    return logits, slopes, logits.gather(1, labels[:, None]) - logits


class DeepFool(MinimalAttack):
    """DeepFool: Moosavi-Dezfooli et al. 2016, algorithm 2 and section 3.3, arXiv:1511.04599.

    It linearizes the model at the current point, steps to the nearest decision boundary and a
    little beyond, and repeats that until it is across. Pixels are clipped to [0, 1].

    Args:
        norm: the norm to minimize.
        steps: the largest number of steps.
        overshoot: the share by which the perturbation is lengthened, to get across.
    """

    def __init__(self, norm: Norm = "l2", steps: int = 50, overshoot: float = 0.02) -> None:
        self.norm = norm
        self.steps = steps
        self.overshoot = overshoot

    def run(self, model: nn.Module, images: Tensor, goal: Goal) -> Tensor:
        """Return the first points across the boundary."""
        moved, perturbations = images.clone(), torch.zeros_like(images)
        open_ = torch.arange(len(images), device=images.device)
        for _ in range(self.steps):
            here = goal.of(open_)
            logits, slopes, rises = nearest_boundary(model, moved[open_], here, self.norm)
            left = ~here.clearly_reached(logits)
            open_ = open_[left]
            if not len(open_):
                break
            slopes, rises = slopes[left], rises[left]
            distances = rises / steepness(slopes, self.norm).clamp_min(_TINY) + _LEAST
            perturbations[open_] += distances[:, None] * steepest(slopes, self.norm)
            beyond = images[open_] + (1 + self.overshoot) * perturbations[open_]
            moved[open_] = beyond.clamp(0, 1)
        return moved


_LEAST = 1e-4
"""Added to the length of each step, as in the authors' own code: with clipping the steps could
otherwise become ever smaller without getting across."""

_TINY = torch.finfo(torch.float32).tiny


class FAB(MinimalAttack):
    """The fast adaptive boundary attack: Croce and Hein 2020, section 3, arXiv:1907.02044.

    It linearizes the model at the current point, as DeepFool does, but steps to where the boundary
    is near to both that point and the image, and from beyond the boundary back towards the image.
    So it moves along the boundary to ever smaller perturbations, and keeps the smallest. As in the
    targeted version of AutoAttack (Croce and Hein 2020, arXiv:2003.01690) it does so towards one
    class after another; here these are the nearest ones at the image.

    Args:
        norm: the norm to minimize.
        steps: the number of steps towards each class.
        classes: the number of classes tried, if no target is given.
        bias: the largest weight of the image's own projection, the paper's α_max.
        overshoot: the length of a step, as a multiple of the distance to the boundary, the paper's
            η.
        back: the share of a perturbation kept on the way back, the paper's β.
    """

    def __init__(
        self,
        norm: Norm = "linf",
        steps: int = 10,
        classes: int = 2,
        bias: float = 0.1,
        overshoot: float = 1.05,
        back: float = 0.9,
    ) -> None:
        self.norm = norm
        self.steps = steps
        self.classes = classes
        self.bias = bias
        self.overshoot = overshoot
        self.back = back

    def run(self, model: nn.Module, images: Tensor, goal: Goal) -> Tensor:
        """Return the smallest perturbations found for any of the classes."""
        if goal.targets is None:
            targets = nearest_classes(model, images, goal.labels, self.norm, self.classes)
        else:
            targets = goal.targets[:, None]
        count = targets.shape[1]
        rows = torch.arange(len(images), device=images.device).repeat_interleave(count)
        towards = Goal(goal.labels[rows], targets.flatten())
        found, sizes = self._walk(model, images[rows], goal.of(rows), towards)
        best = sizes.reshape(-1, count).argmin(1)
        return found.reshape(len(images), count, -1)[torch.arange(len(images)), best]

    def _walk(
        self, model: nn.Module, images: Tensor, goal: Goal, towards: Goal
    ) -> tuple[Tensor, Tensor]:
        """Return the nearest points at the goal on a walk towards a class, and their distances."""
        moved, nearest = images, images.clone()
        smallest = torch.full_like(images[:, 0], torch.inf)
        for _ in range(self.steps + 1):
            logits, slopes, rises = boundary_of_target(model, moved, towards)
            reached = goal.clearly_reached(logits)
            sizes = size(moved - images, self.norm)
            smaller = reached & (sizes < smallest)
            nearest[smaller] = moved[smaller]
            smallest[smaller] = sizes[smaller]

            kept = torch.where(reached, self.back, 1.0)[:, None]
            start = torch.lerp(images, moved, kept)
            moved = self._step(images, start, slopes, rises - _dot(slopes, start - moved))
        return nearest, smallest

    def _step(self, images: Tensor, start: Tensor, slopes: Tensor, rises: Tensor) -> Tensor:
        """Step from the start to the boundary, biased towards its nearest point to the image."""
        from_start = project_to_boundary(start, slopes, rises, self.norm)
        missing = rises + _dot(slopes, start - images)
        from_image = project_to_boundary(images, slopes, missing, self.norm)
        ours, its = size(from_start, self.norm), size(from_image, self.norm)
        weight = torch.where(ours > 0, ours / (ours + its), 0).clamp_max(self.bias)[:, None]
        near_start = start + self.overshoot * from_start
        near_image = images + self.overshoot * from_image
        return torch.lerp(near_start, near_image, weight).clamp(0, 1)


def _dot(first: Tensor, second: Tensor) -> Tensor:
    return (first * second).sum(1)
