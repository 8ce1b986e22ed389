"""The learning rate of each epoch of a schedule, and rates to try next."""

import math
from collections.abc import Iterable

from mnistop.engine.config import USUAL_RATES, RunConfig
from mnistop.engine.events import EpochFinished

_SAMPLED = 200
"""Evenly spaced epochs from which a mean is estimated: there may be a million."""


def lr_of_epoch(config: RunConfig, epoch: int) -> float:
    """Return the learning rate during an epoch, counted from 0.

    `cosine` is half a cosine from `lr` to 0 (Loshchilov and Hutter 2017, equation 5, without
    restarts); `step` divides by 10 at half and at three quarters of the epochs (He et al. 2016,
    section 4.2).
    """
    done = epoch / config.epochs
    match config.schedule:
        case "constant":
            return config.lr
        case "cosine":
            return config.lr * (1 + math.cos(math.pi * done)) / 2
        case "step":
            return config.lr * 0.1 ** ((done >= 0.5) + (done >= 0.75))


def follow_schedule(config: RunConfig, epochs: Iterable[EpochFinished]) -> bool:
    """Return whether all epochs had the learning rates of the configuration's schedule."""
    return all(
        epoch.lr is None or math.isclose(epoch.lr, lr_of_epoch(config, epoch.epoch), rel_tol=1e-6)
        for epoch in epochs
    )


def mean_share(config: RunConfig, begin: int, end: int) -> float:
    """Return the mean share of the full rate over the epochs from `begin` to before `end`."""
    some = range(begin, end, max(1, (end - begin) // _SAMPLED))
    return sum(lr_of_epoch(config, epoch) / config.lr for epoch in some) / len(some)


_NEAR = 3
"""A rate up to this many times the usual one may still work."""


def lower_rate(config: RunConfig, factor: float) -> str:
    """Return a rate lower by a factor, or the usual one if that would still be far too high."""
    lower = config.lr / factor
    return _in_one_digit(lower if lower <= _NEAR * 1.01 * _usual(config) else _usual(config))


def for_example(config: RunConfig, rate: str, to: str = "") -> str:
    """An example as `, for example 0.01`; empty if a recorded run does not name its rate."""
    return "" if "lr" in config.without_effect() else f", for example {to}{rate}"


def after_divergence(config: RunConfig) -> str:
    """Return the remedy for a run whose loss is no longer a number."""
    other = "" if config.clip_norm else ", or gradient clipping"
    return f"Try a lower learning rate{for_example(config, lower_rate(config, 10))}{other}."


def higher_rate(config: RunConfig) -> str:
    """Return a rate ten times as high, but not above the usual one unless this one is."""
    usual = _usual(config)
    higher = 3 * config.lr if config.lr >= usual else min(10 * config.lr, usual)
    return _in_one_digit(min(higher, 1000))


def _usual(config: RunConfig) -> float:
    momentum = config.momentum if config.optimizer == "sgd" else 0
    return USUAL_RATES[config.optimizer] * (1 - momentum)


def _in_one_digit(rate: float) -> str:
    return f"{float(f'{rate:.1g}'):g}"
