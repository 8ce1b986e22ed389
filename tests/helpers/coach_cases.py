"""Runs for the tests of the coach."""

import re
from typing import Any

from mnistop.engine.analysis.coach import Advice
from tests.helpers.selection import one_in

SEEDS = one_in(3, (0, 1, 2))
RATES = {"diverged", "exploded", "stuck", "swinging", "too low", "dead ReLUs"}
"""What is said of a learning rate that is wrong."""
TOO_HIGH = {"diverged", "exploded", "stuck", "swinging", "dead ReLUs"}
GOOD: dict[str, dict[str, Any]] = {
    "notebook": {},
    "half the rate": {"lr": 0.05, "epochs": 40},
    "twice the rate": {"lr": 0.2, "epochs": 30},
    "Adam": {"optimizer": "adam", "lr": 0.001},
    "momentum": {"optimizer": "sgd", "lr": 0.01, "epochs": 30},
    "single layer": {"hidden": ()},
    "deep": {"hidden": (128, 128, 128), "epochs": 30},
    "GELU": {"activation": "gelu", "epochs": 20},
    "sigmoid": {"activation": "sigmoid", "epochs": 40},
    "shifted": {"shift": 2},
    "dropout": {"dropout": 0.5, "epochs": 40},
    "weight decay": {"weight_decay": 0.01, "epochs": 40},
    "adversarial": {"adversarial_epsilon": 0.1, "epochs": 12},
    "cosine": {"schedule": "cosine", "epochs": 40},
    "small batches": {"batch_size": 4, "epochs": 10},
    "large batches": {"batch_size": 512, "epochs": 60},
    "all the data": {"samples": None, "epochs": 15},
    "few data": {"samples": 100, "epochs": 60},
    "digits": {"source": "digits", "samples": 400, "epochs": 60},
}
"""Runs whose learning rate works."""


def numbers_of(advice: Advice) -> list[float]:
    return [float(word) for word in re.findall(r"\d+\.?\d*(?:e-\d+)?", advice.sentence)]
