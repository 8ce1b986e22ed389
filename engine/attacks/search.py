"""The smallest budget with which an attack succeeds."""

import torch
from torch import Tensor, nn

from mnistop.engine.attacks.base import Attack, evaluating
from mnistop.engine.attacks.goal import Goal


@torch.no_grad()
def smallest_budget(
    attack: Attack,
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    targets: Tensor | None = None,
    most: float | Tensor = 1.0,
    at_once: int = 1,
    rounds: int = 8,
) -> Tensor:
    """The smallest ε with which an attack was seen to succeed.

    Each round divides the range in which it lies into equal parts and tries their ends: with one
    try at once that is bisection, best for many images; few images are done sooner with more.

    An attack that fails with some ε may succeed with a smaller one; so there may be a smaller ε
    than the one found, but at the one found there is an adversarial image.

    Args:
        attack: what is tried.
        model: maps flat images to logits; it is judged in evaluation mode.
        images: `(batch, pixels)` in [0, 1].
        labels: true classes, `(batch,)`.
        targets: the classes to reach, `(batch,)`; None where any but the label will do.
        most: the largest ε, for all images or for each, `(batch,)`.
        at_once: how many ε are tried at once for each image.
        rounds: the ε is found to `most / (at_once + 1)**rounds`.

    Returns:
        float32 `(batch,)`: 0 where nothing has to be done, inf where even `most` does not do.
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
