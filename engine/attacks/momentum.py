"""Several steps along accumulated gradients: the momentum iterative FGSM."""

import torch
from torch import Tensor, nn

from mnistop.engine.attacks.base import CACHE_SIZED, Attack, Goal, iter_batches, logits_and_gradient
from mnistop.engine.attacks.norms import Norm, clipped, steepest


class MomentumFGSM(Attack):
    """MI-FGSM: Dong et al. 2018, algorithm 1, arXiv:1710.06081.

    With g ← μ·g + ∂loss/∂x / ‖∂loss/∂x‖₁ each step goes by ε / steps in the steepest direction of
    g, and is clipped to within ε and [0, 1]. Momentum carries it past local maxima of the loss, and
    the images found transfer to other models more often. The factor of the cross-entropy's gradient
    that underflows cancels in its normalization.

    Args:
        norm: the norm of ε.
        steps: their number, at least 1.
        decay: μ, the share of g that stays; 0 is the iterative FGSM, 1 the paper's.
    """

    def __init__(self, norm: Norm = "linf", steps: int = 10, decay: float = 1.0) -> None:
        self.norm = norm
        self.steps = steps
        self.decay = decay

    def run(self, model: nn.Module, images: Tensor, goal: Goal, epsilons: Tensor) -> Tensor:
        """Return the images after the last step."""
        moved = images.clone()
        for rows in iter_batches(images, CACHE_SIZED):
            momentum = torch.zeros_like(images[rows])
            for _ in range(self.steps):
                _, gradient = logits_and_gradient(model, moved[rows], goal.of(rows))
                length = gradient.abs().sum(1, keepdim=True)
                momentum = self.decay * momentum + gradient / length.clamp_min(
                    torch.finfo(gradient.dtype).tiny
                )
                step = epsilons[rows] / self.steps * steepest(momentum, self.norm)
                moved[rows] = clipped(moved[rows] + step, images[rows], epsilons[rows], self.norm)
        return moved
