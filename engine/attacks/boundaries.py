"""A model's decision boundaries, each linearized at the images."""

import torch
from torch import Tensor, nn

from mnistop.engine.attacks.goal import Goal
from mnistop.engine.attacks.norms import Norm, cheapest_change, size, steepness


def nearest_boundary(
    model: nn.Module, images: Tensor, goal: Goal, norm: Norm
) -> tuple[Tensor, Tensor, Tensor]:
    """The boundary that is nearest if the model were linear, seen from each image.

    Without targets it is one between the label and another class; with them, the one between the
    target and the class that is ahead of all others.

    Returns:
        The logits, `(n, classes)`; the gradient of a linear function, `(n, pixels)`; and how much
        that function must change to get to the boundary, `(n,)`.
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
    """The boundary between the target and the class ahead of all others, as `nearest_boundary`."""
    images = images.detach().requires_grad_()
    with torch.enable_grad():
        logits = model(images)
        margins = goal.margins(logits)
        (slopes,) = torch.autograd.grad(margins.sum(), images)
    return logits.detach(), slopes, -margins.detach()


def nearest_classes(
    model: nn.Module, images: Tensor, labels: Tensor, norm: Norm, count: int
) -> Tensor:
    """The classes whose boundaries with the label are nearest within [0, 1], `(n, count)`.

    They are sought among the `2 · count` that would be nearest if pixels had no bounds.
    """
    _, slopes, rises = _boundaries_of_labels(model, images, labels)
    distances = _distances(slopes, rises, labels, norm)
    count = min(count, distances.shape[1] - 1)
    some = min(2 * count, distances.shape[1] - 1)
    classes = distances.topk(some, largest=False).indices
    rows = torch.arange(len(images), device=images.device)[:, None]
    within = cheapest_change(
        images.repeat_interleave(some, 0),
        slopes[rows, classes].flatten(0, 1),
        rises[rows, classes].flatten(),
        norm,
    )
    nearest = size(within, norm).reshape(-1, some).topk(count, largest=False).indices
    return classes.gather(1, nearest)


def _distances(slopes: Tensor, rises: Tensor, labels: Tensor, norm: Norm) -> Tensor:
    """How far the boundaries of all classes are, were there no bounds of pixels, `(n, classes)`."""
    distances = (rises / steepness(slopes, norm)).nan_to_num(torch.inf)
    return distances.scatter(1, labels[:, None], torch.inf)


def _boundaries_of_labels(
    model: nn.Module, images: Tensor, labels: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """As `nearest_boundary`, with all classes for the boundaries of each label with them."""
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
