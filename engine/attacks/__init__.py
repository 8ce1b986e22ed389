"""Adversarial attacks on pixels in [0, 1], one file each, and what no attack can do.

adversarial = PGD("linf", steps=40)(model, images, labels, epsilon=0.1)
smallest = FAB("l2")(model, images, labels).smallest("l2")
safe_below = certified_radius(model, images, labels)
"""

from engine.attacks.base import Adversarial, Attack
from engine.attacks.bounds import FINDERS, EpsilonBounds, epsilon_bounds, settled
from engine.attacks.certified import certified_radius
from engine.attacks.deepfool import DeepFool
from engine.attacks.fab import FAB
from engine.attacks.fgsm import FGSM, FastGradient
from engine.attacks.goal import Goal
from engine.attacks.levels import fooled_levels
from engine.attacks.linear import smallest_epsilon_linear
from engine.attacks.minimal import MinimalAttack
from engine.attacks.norms import Norm
from engine.attacks.pgd import PGD
from engine.attacks.search import smallest_budget
from engine.attacks.smallest import SmallestEpsilon, smallest_epsilon

__all__ = [
    "FAB",
    "FGSM",
    "FINDERS",
    "PGD",
    "Adversarial",
    "Attack",
    "DeepFool",
    "EpsilonBounds",
    "FastGradient",
    "Goal",
    "MinimalAttack",
    "Norm",
    "SmallestEpsilon",
    "certified_radius",
    "epsilon_bounds",
    "fooled_levels",
    "settled",
    "smallest_budget",
    "smallest_epsilon",
    "smallest_epsilon_linear",
]
