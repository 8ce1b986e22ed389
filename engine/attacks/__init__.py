"""Adversarial attacks on pixels in [0, 1], one file each."""

from engine.attacks.base import Adversarial, Attack
from engine.attacks.fgsm import FGSM, FastGradient
from engine.attacks.goal import Goal
from engine.attacks.norms import Norm
from engine.attacks.pgd import PGD

__all__ = ["FGSM", "PGD", "Adversarial", "Attack", "FastGradient", "Goal", "Norm"]
