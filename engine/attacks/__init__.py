"""Adversarial attacks on pixels in [0, 1], one file each.

adversarial = PGD("linf", steps=40)(model, images, labels, epsilon=0.1)
smallest = FAB("l2")(model, images, labels).smallest("l2")
"""

from engine.attacks.base import Adversarial, Attack
from engine.attacks.deepfool import DeepFool
from engine.attacks.fab import FAB
from engine.attacks.fgsm import FGSM, FastGradient
from engine.attacks.goal import Goal
from engine.attacks.minimal import MinimalAttack
from engine.attacks.norms import Norm
from engine.attacks.pgd import PGD

__all__ = [
    "FAB",
    "FGSM",
    "PGD",
    "Adversarial",
    "Attack",
    "DeepFool",
    "FastGradient",
    "Goal",
    "MinimalAttack",
    "Norm",
]
