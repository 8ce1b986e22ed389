"""The coach: reads a run's curves and says one true thing, with a remedy where there is one.

The rules stand in order of urgency in `rules`: on the data, then those of `rates`, then of
`results`; the first that has something to say speaks. Their thresholds are the constants beside
them, each with its reason. What is said is true of the run's own images: validation accuracies
that lie within each other's 95% interval are never called different.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mnistop.engine.analysis.coach.advice import NOTHING_YET, Advice
from mnistop.engine.config import RunConfig
from mnistop.engine.runs.history import History

if TYPE_CHECKING:
    from mnistop.engine.runs.predictions import EpochPredictions

__all__ = ["Advice", "advise", "advise_on_rate"]


def advise(history: History, config: RunConfig, predictions: EpochPredictions | None) -> Advice:
    """Return the coach's advice on a run after its newest epoch.

    Args:
        history: what the run has said.
        config: its hyperparameters.
        predictions: what its model says to the validation images after the newest epoch, where
            that is known: without it no class can be missed.
    """
    if not (history.started or history.ended):
        return NOTHING_YET
    from mnistop.engine.analysis.coach.case import Case  # which needs NumPy
    from mnistop.engine.analysis.coach.rules import first_to_speak

    return first_to_speak(Case(history, config, predictions))


def advise_on_rate(
    history: History, config: RunConfig, predictions: EpochPredictions | None
) -> Advice | None:
    """Return the advice of the rules on the learning rate alone; None if they find no fault.

    Args:
        history: what the run has said.
        config: its hyperparameters.
        predictions: as for `advise`.
    """
    if not (history.started or history.ended):
        return None
    from mnistop.engine.analysis.coach.case import Case
    from mnistop.engine.analysis.coach.rules import first_on_rate

    return first_on_rate(Case(history, config, predictions))
