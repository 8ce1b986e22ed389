"""Sweeps that each show one effect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mnistop.engine.config import RunConfig
from mnistop.engine.errors import ConfigError
from mnistop.engine.sweep.grid import Changes, plan


@dataclass(frozen=True)
class SweepPreset:
    """What varies, in which order, and how often each is repeated."""

    question: str
    """What the sweep answers, as a sentence."""
    variants: Sequence[Changes]
    """What each kind of run changes of the base."""
    seeds: int = 3
    base: Changes = field(default_factory=dict)
    """What all runs change of the notebook's."""
    epsilon: float | None = None
    """The ε of the attack under which the models are to be compared; None for no attack."""

    def configs(
        self,
        base: RunConfig | None = None,
        texts: Mapping[str, str] | None = None,
        seeds: int | None = None,
        sample: int | None = None,
        sample_seed: int = 0,
    ) -> list[RunConfig]:
        """The configurations, as `mnistop.engine.sweep.grid.plan` has them.

        Args:
            base: what is the same in all runs unless the preset says otherwise; the notebook's
                values if not given.
            texts: values that win over those of the preset, and multiply its runs if they are
                several.
            seeds: how many each kind of run is trained with; the preset's number if not given.
            sample: how many kinds of runs to draw at random, None for all.
            sample_seed: decides which.

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
        "What are all 70,000 images of MNIST worth? (They are fetched once.)",
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
        "What is it worth to shift the training images a little, anew in each epoch?",
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
    """The preset of a name, written with spaces or dashes.

    Raises:
        ConfigError: there is none.
    """
    wanted = " ".join(name.lower().replace("-", " ").split())
    if wanted not in SWEEPS:
        raise ConfigError(
            {"preset": f"There is no preset {name} of sweeps; there are {', '.join(SWEEPS)}."}
        )
    return SWEEPS[wanted]
