"""Preset sweeps that each show one effect, and rough estimates of training times."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from mnistop.engine.config import RunConfig
from mnistop.engine.errors import ConfigError
from mnistop.engine.sweep.grid import Changes, plan

_UPDATE, _WEIGHT, _START = 60e-6, 1e-10, 0.5
"""Seconds on one core of today: for an update besides its arithmetic, for a weight and an image,
and for a run before its first epoch. The notebook's run then takes a second."""
_IMAGES = {"bundled": 4502, "digits": 1797, "openml": 70_000}
_PIXELS = {"digits": 64}
_USUAL_IMAGES, _USUAL_PIXELS = 60_000, 784
"""Guesses for other sources."""
_CLASSES = 10


def effort(config: RunConfig) -> float:
    """Estimate the seconds that a run trains for on one core."""
    images = _IMAGES.get(config.source, _USUAL_IMAGES)
    images = min(images, config.samples) if config.samples else images
    trained = images * (1 - config.val_fraction)
    layers = (_PIXELS.get(config.source, _USUAL_PIXELS), *config.hidden, _CLASSES)
    weights = sum(below * above for below, above in pairwise(layers))
    passes = 3 if config.adversarial_epsilon else 1
    updates = trained / config.batch_size + 1
    return config.epochs * passes * (updates * _UPDATE + trained * weights * _WEIGHT)


def pace(known: Iterable[tuple[RunConfig, float]]) -> float:
    """Return the factor between real training times on this machine and `effort`.

    Args:
        known: finished runs with their training times in seconds.

    Returns:
        Their median; 1 without runs.
    """
    ratios = [seconds / effort(config) for config, seconds in known if seconds > 0]
    return statistics.median(ratios) if ratios else 1.0


def duration_of(configs: Sequence[RunConfig], jobs: int, factor: float = 1.0) -> float:
    """Estimate the seconds that runs take together.

    Args:
        configs: at least one.
        jobs: the number of runs trained at once.
        factor: see `pace`.
    """
    each = [_START + factor * effort(config) for config in configs]
    return max(max(each), sum(each) / max(1, jobs))


@dataclass(frozen=True)
class SweepPreset:
    """The variants of a sweep, and the number of seeds for each."""

    question: str
    """The question that the sweep answers."""
    variants: Sequence[Changes]
    """The changes of the base for each kind of run."""
    seeds: int = 3
    base: Changes = field(default_factory=dict)
    """The changes of the notebook's run for all runs."""
    epsilon: float | None = None
    """The ε of the attack for comparing the models; None for no attack."""

    def configs(
        self,
        base: RunConfig | None = None,
        texts: Mapping[str, str] | None = None,
        seeds: int | None = None,
        sample: int | None = None,
        sample_seed: int = 0,
    ) -> list[RunConfig]:
        """Return the configurations, see `mnistop.engine.sweep.grid.plan`.

        Args:
            base: the common values unless the preset changes them; the notebook's if not given.
            texts: values that override those of the preset; several multiply its runs.
            seeds: the number of seeds for each kind of run; the preset's if not given.
            sample: the number of kinds of runs to draw at random, None for all.
            sample_seed: of the random draw.

        Raises:
            ConfigError: a sentence for each text that is wrong.
        """
        base = replace(base or RunConfig(), **self.base)
        count = self.seeds if seeds is None else seeds
        return plan(base, texts or {}, count, sample, sample_seed, self.variants)


def _each(name: str, *values: Any) -> tuple[dict[str, Any], ...]:
    return tuple({name: value} for value in values)


SWEEPS: dict[str, SweepPreset] = {
    "learning rates": SweepPreset(
        "Which learning rate is too low, which is right, which too high?",
        _each("lr", 0.0001, 0.001, 0.01, 0.1, 1.0, 10.0),
        seeds=1,
    ),
    "more data": SweepPreset(
        "What are more images worth?", _each("samples", 500, 1000, 2000, 4000)
    ),
    "much more data": SweepPreset(
        "What are all 60,000 training images of MNIST worth? (They are fetched once.)",
        _each("samples", 1000, 10_000, None),
        seeds=1,
        base={"source": "openml", "epochs": 30},
    ),
    "optimizers": SweepPreset(
        "How do SGD by hand, SGD with momentum and Adam compare, each at a rate that suits it?",
        (
            {"optimizer": "manual", "lr": 0.1},
            {"optimizer": "sgd", "lr": 0.01, "momentum": 0.9},
            {"optimizer": "adam", "lr": 0.001},
        ),
    ),
    "hidden layers": SweepPreset(
        "What are hidden layers worth, and wider ones?",
        _each("hidden", (), (32,), (128,), (512,), (256, 128)),
    ),
    "shifts": SweepPreset(
        "Does it help to shift the training images a little, differently in each epoch?",
        _each("shift", 0, 1, 2, 3),
    ),
    "adversarial training": SweepPreset(
        "How much harder are models to fool that were trained on perturbed images?",
        _each("adversarial_epsilon", 0.0, 0.05, 0.1, 0.2),
        epsilon=0.1,
    ),
}
"""By name, in the order in which they are offered."""


def sweep_preset(name: str) -> SweepPreset:
    """Return the preset of a name, written with spaces or dashes.

    Raises:
        ConfigError: there is none.
    """
    wanted = " ".join(name.lower().replace("-", " ").split())
    if wanted not in SWEEPS:
        raise ConfigError(
            {"preset": f"There is no preset {name} of sweeps; there are {', '.join(SWEEPS)}."}
        )
    return SWEEPS[wanted]
