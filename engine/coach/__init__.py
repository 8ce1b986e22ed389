"""The coach: reads a run's curves and says one true thing, with a remedy where there is one.

The rules stand in order of urgency: those of `start`, then of `rates`, then of `results`; the
first that has something to say speaks. Their thresholds are the constants beside them, each with
its reason. What is said is true of the run's own images: validation accuracies that lie within
each other's 95% interval are never called different.
"""

import numpy as np

from engine.coach import rates, results, start
from engine.coach.advice import Advice
from engine.coach.case import Case
from engine.config import RunConfig
from engine.history import History
from engine.judgement import Judgement

__all__ = ["Advice", "advise"]

_RULES = (
    start.diverged,
    start.nothing_yet,
    start.before_training,
    rates.stuck,
    rates.swinging,
    rates.too_low,
    rates.dead,
    results.underfitting,
    results.never_predicted,
    start.first_epochs,
    results.overfitting,
    results.gap,
    results.still_learning,
    results.all_well,
)
"""In order of urgency."""


def advise(history: History, config: RunConfig, judgement: Judgement | None) -> Advice:
    """What is to say of a run as it stands after its newest epoch.

    Args:
        history: what the run has said.
        config: its hyperparameters.
        judgement: what its model says to the validation images after the newest epoch, where
            that is known: without it no class can be missed.
    """
    case = Case(history, config, judgement)
    with np.errstate(all="ignore"):  # losses may be of any size
        spoken = (rule(case) for rule in _RULES)
        return next((advice for advice in spoken if advice), None) or results.neutral(case)
