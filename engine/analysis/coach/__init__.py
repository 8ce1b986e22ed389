"""The coach reads a run's curves and gives one piece of advice, with a remedy where there is one.

The rules are listed in order of urgency in `rules`; the first that applies gives the advice. Their
thresholds are the constants beside them, each with its reason. A sentence is true of the run's own
images: validation accuracies within each other's 95% interval are never called different.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mnistop.engine import formatting
from mnistop.engine.config import RunConfig
from mnistop.engine.runs.history import History

if TYPE_CHECKING:
    from mnistop.engine.runs.predictions import EpochPredictions

TOO_HIGH = frozenset({"diverged", "exploded", "stuck", "swinging", "dead ReLUs"})
"""Kinds of advice on a learning rate that is too high."""
TOO_LOW = frozenset({"too low"})
"""Those on one that is too low."""


@dataclass(frozen=True)
class Advice:
    """One true statement about a run, with a remedy."""

    kind: str
    """The rule that applies, as in `over-fitting`."""
    sentence: str
    """The observation, in less than 180 characters."""
    remedy: str = ""
    """The remedy, as a sentence; empty where none is needed."""


NOTHING_YET = Advice("waiting", "There are no curves to read before training starts.")


def number(value: float, places: int = 2) -> str:
    """A loss in as many digits as one compares: `2.30`, `0.53`, `0.0069`."""
    return f"{value:.{places}f}" if 0.1 <= value < 1000 else f"{value + 0.0:.2g}"


def percent(fraction: float | None) -> str:
    """A fraction as `72%`."""
    return formatting.percent(fraction, 0)


def accuracy(fraction: float | None, images: int) -> str:
    """An accuracy with its 95% interval, as in `89.0% (83.9–92.6)`."""
    return formatting.accuracy(fraction and min(max(fraction, 0.0), 1.0), images)


def either(words: list[str]) -> str:
    """A list of remedies as `dropout`, `shifts or dropout`, `shifts, dropout or more samples`."""
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def advise(history: History, config: RunConfig, predictions: EpochPredictions | None) -> Advice:
    """Return the coach's advice on a run after its newest epoch.

    Args:
        history: the run's history.
        config: its hyperparameters.
        predictions: those for the validation images after the newest epoch, if known: without them
            no class can be reported as never predicted.
    """
    return _first_advice(history, config, predictions, on_rate=False) or NOTHING_YET


def advise_on_rate(
    history: History, config: RunConfig, predictions: EpochPredictions | None
) -> Advice | None:
    """Return the advice of the rules on the learning rate alone; None if they find no fault.

    Args:
        history: the run's history.
        config: its hyperparameters.
        predictions: as for `advise`.
    """
    return _first_advice(history, config, predictions, on_rate=True)


def _first_advice(
    history: History, config: RunConfig, predictions: EpochPredictions | None, on_rate: bool
) -> Advice | None:
    if not (history.started or history.ended):
        return None
    from mnistop.engine.analysis.coach import rules  # which need NumPy
    from mnistop.engine.analysis.coach.curves import Curves

    all_rules = rules.RATE_RULES if on_rate else rules.RULES
    applicable = all_rules if history.started else (rules.diverged,)
    return rules.first_advice(applicable, Curves(history, config, predictions))
