"""Adversarial attacks on pixels in [0, 1], one file each."""

from engine.attacks.base import Adversarial, Attack
from engine.attacks.fgsm import FGSM

__all__ = ["FGSM", "Adversarial", "Attack"]
