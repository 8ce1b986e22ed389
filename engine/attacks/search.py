"""The smallest budget with which an attack succeeds."""

import torch
from torch import Tensor, nn

from engine.attacks.base import Attack
from engine.attacks.goal import Goal


def smallest_budget(
    attack: Attack,
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    targets: Tensor | None = None,
    most: float | Tensor = 1.0,
    halvings: int = 8,
) -> Tensor:
    """The smallest ε with which an attack was seen to succeed, by bisection.

    An attack that fails with some ε may succeed with a smaller one; so there may be a smaller ε
    than the one found, but at the one found there is an adversarial image.

    Args:
        attack: what is tried.
        model: maps flat images to logits; it is judged in evaluation mode.
        images: `(batch, pixels)` in [0, 1].
        labels: true classes, `(batch,)`.
        targets: the classes to reach, `(batch,)`; None where any but the label will do.
        most: the largest ε, for all images or for each, `(batch,)`.
        halvings: of the range in which the ε lies: it is found to `most / 2**halvings`.

    Returns:
        float32 `(batch,)`: 0 where nothing has to be done, inf where even `most` does not do.
    """
    goal = Goal(labels, targets)
    high = torch.as_tensor(most, dtype=images.dtype).expand(len(images)).clone()
    outcome = attack(model, images, labels, high, targets)
    high = torch.where(outcome.success, outcome.smallest(attack.norm).minimum(high), torch.inf)
    rows = (outcome.success & (high > 0)).nonzero()[:, 0]
    low = torch.zeros_like(high)
    for _ in range(halvings):
        here = goal.of(rows)
        middle = (low[rows] + high[rows]) / 2
        outcome = attack(model, images[rows], here.labels, middle, here.targets)
        reached = outcome.smallest(attack.norm).minimum(middle)
        high[rows] = torch.where(outcome.success, reached, high[rows])
        low[rows] = torch.where(outcome.success, low[rows], middle)
    return high
