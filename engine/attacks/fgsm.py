"""One step: the fast gradient sign method, and the same along the raw gradient."""

from torch import Tensor, nn

from mnistop.engine.attacks.base import Attack, Goal, logits_and_gradient
from mnistop.engine.attacks.norms import steepest


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
