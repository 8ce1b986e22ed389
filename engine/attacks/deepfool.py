"""Steps onto the nearest decision boundary of a model taken for linear."""

import torch
from torch import Tensor, nn

from mnistop.engine.attacks.boundaries import nearest_boundary
from mnistop.engine.attacks.goal import Goal
from mnistop.engine.attacks.minimal import MinimalAttack
from mnistop.engine.attacks.norms import Norm, steepest, steepness


class DeepFool(MinimalAttack):
    """DeepFool: Moosavi-Dezfooli et al. 2016, algorithm 2 and section 3.3, arXiv:1511.04599.

    It takes the model for linear where it stands, steps to the nearest decision boundary and a
    little beyond, and so on until it is across. What leads out of [0, 1] is clipped.

    Args:
        norm: what is to be small.
        steps: the most that are taken.
        overshoot: by what share the perturbation is made longer, to be across.
    """

    def __init__(self, norm: Norm = "l2", steps: int = 50, overshoot: float = 0.02) -> None:
        self.norm = norm
        self.steps = steps
        self.overshoot = overshoot

    def run(self, model: nn.Module, images: Tensor, goal: Goal) -> Tensor:
        """The first points across the boundary."""
        moved, perturbations = images.clone(), torch.zeros_like(images)
        open_ = torch.arange(len(images), device=images.device)
        for _ in range(self.steps):
            here = goal.of(open_)
            logits, slopes, rises = nearest_boundary(model, moved[open_], here, self.norm)
            left = ~here.clearly_reached(logits)
            open_ = open_[left]
            if not len(open_):
                break
            slopes, rises = slopes[left], rises[left]
            distances = rises / steepness(slopes, self.norm).clamp_min(_TINY) + _LEAST
            perturbations[open_] += distances[:, None] * steepest(slopes, self.norm)
            beyond = images[open_] + (1 + self.overshoot) * perturbations[open_]
            moved[open_] = beyond.clamp(0, 1)
        return moved


_LEAST = 1e-4
"""What each step is made longer, as in the authors' own code: where clipping takes its share of
every step, they would else become ever smaller without getting across."""

_TINY = torch.finfo(torch.float32).tiny
