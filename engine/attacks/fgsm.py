"""One step: the fast gradient sign method, and the same along the raw gradient."""

from torch import Tensor, nn

from mnistop.engine.attacks.base import Attack, Goal, logits_and_gradient
from mnistop.engine.attacks.norms import steepest


class _OneStep(Attack):
    """One step of norm ε in the steepest direction at the image."""

    def run(self, model: nn.Module, images: Tensor, goal: Goal, epsilons: Tensor) -> Tensor:
        """Take one step along the gradient."""
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

    Clamping to [0, 1] removes a large part of the step for digits on a black background: the
    perturbation is then shorter than ε.
    """

    norm = "l2"
