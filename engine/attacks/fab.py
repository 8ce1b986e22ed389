"""Along the decision boundary to where it is nearest to the image."""

import torch
from torch import Tensor, nn

from mnistop.engine.attacks.boundaries import boundary_of_target, nearest_classes
from mnistop.engine.attacks.goal import Goal
from mnistop.engine.attacks.minimal import MinimalAttack
from mnistop.engine.attacks.norms import Norm, cheapest_change, size


class FAB(MinimalAttack):
    """The fast adaptive boundary attack: Croce and Hein 2020, section 3, arXiv:1907.02044.

    It takes the model for linear where it stands, as DeepFool does, but steps to where the boundary
    is near to both itself and the image, and from beyond the boundary back towards the image. So it
    goes on along the boundary to ever smaller perturbations, and keeps the smallest. As in the
    targeted version of AutoAttack (Croce and Hein 2020, arXiv:2003.01690) it does so towards one
    class after another; here these are the ones that are nearest at the image.

    Args:
        norm: what is to be small.
        steps: how many towards each class.
        classes: how many are tried, where no target is given.
        bias: the largest weight of the image's own projection, the paper's α_max.
        overshoot: how far a step goes, as a multiple of that to the boundary, the paper's η.
        back: how much of a perturbation is kept on the way back, the paper's β.
    """

    def __init__(
        self,
        norm: Norm = "linf",
        steps: int = 10,
        classes: int = 2,
        bias: float = 0.1,
        overshoot: float = 1.05,
        back: float = 0.9,
    ) -> None:
        self.norm = norm
        self.steps = steps
        self.classes = classes
        self.bias = bias
        self.overshoot = overshoot
        self.back = back

    def run(self, model: nn.Module, images: Tensor, goal: Goal) -> Tensor:
        """The smallest perturbations that any class has led to."""
        if goal.targets is None:
            targets = nearest_classes(model, images, goal.labels, self.norm, self.classes)
        else:
            targets = goal.targets[:, None]
        count = targets.shape[1]
        rows = torch.arange(len(images), device=images.device).repeat_interleave(count)
        towards = Goal(goal.labels[rows], targets.flatten())
        found, sizes = self._walk(model, images[rows], goal.of(rows), towards)
        best = sizes.reshape(-1, count).argmin(1)
        return found.reshape(len(images), count, -1)[torch.arange(len(images)), best]

    def _walk(
        self, model: nn.Module, images: Tensor, goal: Goal, towards: Goal
    ) -> tuple[Tensor, Tensor]:
        """The nearest points at the goal on a walk towards a class, and their distances."""
        moved, nearest = images, images.clone()
        smallest = torch.full_like(images[:, 0], torch.inf)
        for _ in range(self.steps + 1):
            logits, slopes, rises = boundary_of_target(model, moved, towards)
            reached = goal.clearly_reached(logits)
            sizes = size(moved - images, self.norm)
            smaller = reached & (sizes < smallest)
            nearest[smaller] = moved[smaller]
            smallest[smaller] = sizes[smaller]

            kept = torch.where(reached, self.back, 1.0)[:, None]
            start = torch.lerp(images, moved, kept)
            moved = self._step(images, start, slopes, rises - _dot(slopes, start - moved))
        return nearest, smallest

    def _step(self, images: Tensor, start: Tensor, slopes: Tensor, rises: Tensor) -> Tensor:
        """From the start to near the boundary, drawn to where it is nearest to the image."""
        from_start = cheapest_change(start, slopes, rises, self.norm)
        missing = rises + _dot(slopes, start - images)
        from_image = cheapest_change(images, slopes, missing, self.norm)
        ours, its = size(from_start, self.norm), size(from_image, self.norm)
        weight = torch.where(ours > 0, ours / (ours + its), 0).clamp_max(self.bias)[:, None]
        near_start = start + self.overshoot * from_start
        near_image = images + self.overshoot * from_image
        return torch.lerp(near_start, near_image, weight).clamp(0, 1)


def _dot(first: Tensor, second: Tensor) -> Tensor:
    return (first * second).sum(1)
