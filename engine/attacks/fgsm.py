"""One step: the fast gradient sign method, and the same along the raw gradient."""

import torch
from torch import Tensor, nn

from mnistop.engine.attacks.base import (
    Attack,
    Goal,
    Progress,
    evaluating,
    iter_batches,
    logits_and_gradient,
)
from mnistop.engine.attacks.norms import steepest
from mnistop.engine.attacks.piecewise import fgsm_path
from mnistop.engine.model import MLP


class _OneStep(Attack):
    """A step of norm ε in the direction that is steepest at the image."""

    def run(self, model: nn.Module, images: Tensor, goal: Goal, epsilons: Tensor) -> Tensor:
        """One step along the gradient."""
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

    The clamping cuts off what would lead out of [0, 1], which for digits on black paper is much of
    the step: the perturbation is then shorter than ε.
    """

    norm = "l2"


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
        for rows in iter_batches(images, _IMAGES_AT_ONCE, progress):
            path = fgsm_path(model, images[rows], Goal(labels, targets).of(rows))
            each = rows.repeat_interleave(len(epsilons))
            pixels = path[each - rows[0]].at(epsilons.repeat(len(rows)))
            reached = Goal(labels, targets).of(each).reached(model(pixels))
            fooled[rows] = reached.view(len(rows), -1)
    return fooled
