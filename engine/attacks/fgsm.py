"""The fast gradient sign method."""

from torch import Tensor, nn

from engine.attacks.base import Attack, input_gradient


class FGSM(Attack):
    """`clamp(x + ε·sign(∂loss/∂x), 0, 1)`: Goodfellow et al. 2015, section 4, arXiv:1412.6572."""

    def run(self, model: nn.Module, images: Tensor, labels: Tensor, epsilon: float) -> Tensor:
        """One step of ε along the sign of the gradient."""
        return images + epsilon * input_gradient(model, images, labels).sign()
