"""How far an attack is ahead in the logits, and where on an affine piece it first is."""

import torch
from torch import Tensor

from mnistop.engine.attacks.goal import Goal


def leads(goal: Goal, logits: Tensor) -> Tensor:
    """How far each class is ahead of the label, or with targets, the target ahead of each class.

    Without targets it takes one lead above 0, with targets all of them.

    Args:
        goal: of the batch.
        logits: `(batch, points, classes)`.
    """
    own, sign = (goal.labels, 1) if goal.targets is None else (goal.targets, -1)
    index = own[:, None, None].expand(-1, logits.shape[1], -1)
    return (sign * (logits - logits.gather(2, index))).scatter(2, index, -sign * torch.inf)


def suffice(goal: Goal, ahead: Tensor) -> Tensor:
    """Whether leads `(batch, points, classes)` mean success, `(batch, points)`."""
    return (ahead.amax(2) if goal.targets is None else ahead.amin(2)) > 0


def first_share(goal: Goal, before: Tensor, after: Tensor) -> Tensor:
    """Where in pieces with affine leads success begins, `(batch, pieces)`.

    Args:
        goal: of the batch.
        before: the leads at the starts of the pieces, `(batch, pieces, classes)`.
        after: the leads at their ends.

    Returns:
        Shares of the way from start to end, in [0, 1]; inf where there is no success.
    """
    crossing = before / (before - after)
    begins = torch.where(before > 0, 0, torch.where(after > 0, crossing, torch.inf))
    if goal.targets is None:
        return begins.amin(2)
    ends = torch.where(after > 0, 1, torch.where(before > 0, crossing, -torch.inf))
    first = begins.amax(2)
    return torch.where(first <= ends.amin(2), first, torch.inf)
