"""How long runs will take, roughly: enough to tell seconds from hours before they begin."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from itertools import pairwise

from mnistop.engine.config import RunConfig

_UPDATE, _WEIGHT, _START = 60e-6, 1e-10, 0.5
"""Seconds on one core of today: of an update besides its arithmetic, of a weight and an image, and
of a run before its first epoch. The notebook's run then takes a second."""
_IMAGES = {"bundled": 4502, "digits": 1797, "openml": 70_000}
_PIXELS = {"digits": 64}
_USUAL_IMAGES, _USUAL_PIXELS = 60_000, 784
"""Of sources that nobody has looked at yet."""
_CLASSES = 10


def effort(config: RunConfig) -> float:
    """Seconds that a run trains for, roughly, on one core."""
    images = _IMAGES.get(config.source, _USUAL_IMAGES)
    images = min(images, config.samples) if config.samples else images
    trained = images * (1 - config.val_fraction)
    layers = (_PIXELS.get(config.source, _USUAL_PIXELS), *config.hidden, _CLASSES)
    weights = sum(below * above for below, above in pairwise(layers))
    passes = 3 if config.adversarial_epsilon else 1
    updates = trained / config.batch_size + 1
    return config.epochs * passes * (updates * _UPDATE + trained * weights * _WEIGHT)


def pace(known: Iterable[tuple[RunConfig, float]]) -> float:
    """How much longer than `effort` says runs take on this machine.

    Args:
        known: finished runs with the seconds that each has trained for.

    Returns:
        A factor; 1 where nothing is known.
    """
    ratios = [seconds / effort(config) for config, seconds in known if seconds > 0]
    return statistics.median(ratios) if ratios else 1.0


def duration_of(configs: Sequence[RunConfig], jobs: int, factor: float = 1.0) -> float:
    """Seconds that runs take, roughly, some of them at once.

    Args:
        configs: at least one.
        jobs: how many are trained at once.
        factor: what `pace` says.
    """
    each = [_START + factor * effort(config) for config in configs]
    return max(max(each), sum(each) / max(1, jobs))
