"""Whether the fast gradient sign method fools a model, at every ε that is a step of brightness."""

import torch
from torch import Tensor

from mnistop.engine.attacks.base import evaluating
from mnistop.engine.attacks.chunks import Progress, chunks
from mnistop.engine.attacks.goal import Goal
from mnistop.engine.attacks.path import fgsm_path
from mnistop.engine.model import MLP

LEVELS = 255
"""Steps of brightness of a pixel from 0 to 1."""

_IMAGES_AT_ONCE = 16


@torch.no_grad()
def fooled_levels(
    model: MLP,
    images: Tensor,
    labels: Tensor,
    targets: Tensor | None = None,
    progress: Progress | None = None,
) -> Tensor:
    """Whether ε = k/255 along FGSM's direction fools the model, for each k.

    An image may be fooled and come back at a larger ε; here it shows.

    Args:
        model: maps flat images to logits; it is judged in evaluation mode.
        images: float32 `(batch, pixels)` in [0, 1].
        labels: true classes, `(batch,)`.
        targets: the classes to reach, `(batch,)`; None for any but the label.
        progress: told how many images are done, and of how many; what it raises ends the work.

    Returns:
        bool `(batch, 256)`, for k from 0 to 255.
    """
    fooled = torch.zeros(len(images), LEVELS + 1, dtype=torch.bool, device=images.device)
    epsilons = (torch.arange(LEVELS + 1).double() / LEVELS).to(images)
    with evaluating(model):
        for rows in chunks(images, _IMAGES_AT_ONCE, progress):
            path = fgsm_path(model, images[rows], Goal(labels, targets).of(rows))
            each = rows.repeat_interleave(len(epsilons))
            pixels = path[each - rows[0]].at(epsilons.repeat(len(rows)))
            reached = Goal(labels, targets).of(each).reached(model(pixels))
            fooled[rows] = reached.view(len(rows), -1)
    return fooled
