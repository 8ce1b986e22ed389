"""What an attack is after, any wrong class or a chosen one, and which way it lies."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Goal:
    """Away from the true classes or, with targets, to the targets."""

    labels: Tensor
    """True classes, `(batch,)`."""
    targets: Tensor | None = None
    """The classes to be predicted, `(batch,)`; None where any wrong one will do."""

    def reached(self, logits: Tensor) -> Tensor:
        """Whether the prediction is as the attack wants it, `(batch,)`."""
        predicted = logits.argmax(1)
        return predicted != self.labels if self.targets is None else predicted == self.targets

    def clearly_reached(self, logits: Tensor) -> Tensor:
        """Whether it is, by more than the rounding of float32, `(batch,)`.

        A logit's last digits depend on how many images the model is shown at once, so what is
        reached by less may be lost when an image is shown alone.
        """
        return self.margins(logits) > 1e-5 * logits.abs().amax(1)

    def margins(self, logits: Tensor) -> Tensor:
        """By how much the goal is reached, `(batch,)`: negative where it is not.

        Without targets the largest other logit minus the label's; with them the target's minus the
        largest other.
        """
        return self._difference(logits, torch.amax)

    def losses(self, logits: Tensor) -> Tensor:
        """What an attack lets rise, `(batch,)`: the margins, smoothed by logsumexp.

        It rises as the label's cross-entropy does, or as the target's falls: see `input_gradient`.
        """
        return self._difference(logits, torch.logsumexp)

    def of(self, rows: Tensor) -> "Goal":
        """The goal for some of the images: their numbers, or a mask."""
        return Goal(self.labels[rows], None if self.targets is None else self.targets[rows])

    def _difference(self, logits: Tensor, largest: Callable[[Tensor, int], Tensor]) -> Tensor:
        classes = (self.labels if self.targets is None else self.targets)[:, None]
        of_class = logits.gather(1, classes)[:, 0]
        of_others = largest(logits.scatter(1, classes, -torch.inf), 1)
        return of_others - of_class if self.targets is None else of_class - of_others


def logits_and_gradient(model: nn.Module, images: Tensor, goal: Goal) -> tuple[Tensor, Tensor]:
    """What a model says to images, `(batch, classes)`, and how to get nearer to the goal.

    Returns:
        The logits, and the gradient of `Goal.losses` with regard to the pixels, `(batch, pixels)`.
    """
    images = images.detach().requires_grad_()
    with torch.enable_grad():
        logits = model(images)
        (gradient,) = torch.autograd.grad(goal.losses(logits).sum(), images)
    return logits.detach(), gradient


def input_gradient(
    model: nn.Module, images: Tensor, labels: Tensor, targets: Tensor | None = None
) -> Tensor:
    """The direction in which the label's loss rises, `(batch, pixels)`, without underflow.

    The cross-entropy's gradient is the gradient of `logsumexp(others) - z_label` times a positive
    factor, 1 - p. In float32 that factor is 0 once p rounds to 1, and the gradient with it, though
    the direction is as clear as ever; so the factor is left out. With `targets` it is the direction
    in which the target's loss falls: the gradient of `z_target - logsumexp(others)`.
    """
    return logits_and_gradient(model, images, Goal(labels, targets))[1]
