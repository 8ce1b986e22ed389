"""Adversarial attacks on pixels in [0, 1], one file each."""

from engine.attacks.base import Adversarial, Attack
from engine.attacks.certified import certified_radius
from engine.attacks.fgsm import FGSM, FastGradient
from engine.attacks.goal import Goal
from engine.attacks.linear import smallest_epsilon_linear
from engine.attacks.norms import Norm
from engine.attacks.pgd import PGD
from engine.attacks.search import smallest_budget
from engine.attacks.smallest import SmallestEpsilon, smallest_epsilon

__all__ = [
    "FGSM",
    "PGD",
    "Adversarial",
    "Attack",
    "FastGradient",
    "Goal",
    "Norm",
    "SmallestEpsilon",
    "certified_radius",
    "smallest_budget",
    "smallest_epsilon",
    "smallest_epsilon_linear",
]
