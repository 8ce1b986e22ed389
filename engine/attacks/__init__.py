"""Adversarial attacks on pixels in [0, 1], and bounds that no attack can break.

adversarial = PGD("linf", steps=40)(model, images, labels, epsilon=0.1)
smallest = FAB("l2")(model, images, labels).smallest("l2")
safe_below = certified_radius(model, images, labels)
"""

from mnistop.engine.attacks.base import Adversarial, Attack, Goal, MinimalAttack
from mnistop.engine.attacks.bounds import (
    FINDERS,
    EpsilonBounds,
    epsilon_bounds,
    reconciled,
    smallest_budget,
)
from mnistop.engine.attacks.crown import certified_radius
from mnistop.engine.attacks.deepfool import FAB, DeepFool
from mnistop.engine.attacks.exact_fgsm import fooled_levels, smallest_epsilon
from mnistop.engine.attacks.gradient import FGSM, PGD, FastGradient, MomentumFGSM
from mnistop.engine.attacks.norms import Norm
from mnistop.engine.attacks.piecewise import smallest_epsilon_linear

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
    "MomentumFGSM",
    "Norm",
    "certified_radius",
    "epsilon_bounds",
    "fooled_levels",
    "reconciled",
    "smallest_budget",
    "smallest_epsilon",
    "smallest_epsilon_linear",
]
