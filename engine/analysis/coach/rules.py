"""The coach's rules, in order of urgency."""

import numpy as np

from mnistop.engine.analysis.coach import rates, results, start
from mnistop.engine.analysis.coach.advice import Advice
from mnistop.engine.analysis.coach.case import Case

_RULES = (
    start.nearly_blank,
    start.one_class,
    start.diverged,
    start.nothing_yet,
    start.untrained_classes,
    start.unvalidated_classes,
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

_ON_RATE = (start.diverged, rates.stuck, rates.swinging, rates.too_low, rates.dead)
"""Those on the learning rate, in the same order."""


def first_to_speak(case: Case) -> Advice:
    """Return the advice of the first rule that applies to a run."""
    with np.errstate(all="ignore"):  # losses may be of any size
        spoken = (rule(case) for rule in _RULES)
        return next((advice for advice in spoken if advice), None) or results.neutral(case)


def first_on_rate(case: Case) -> Advice | None:
    """Return the advice of the first rule on the learning rate that applies to a run."""
    with np.errstate(all="ignore"):
        return next(filter(None, (rule(case) for rule in _ON_RATE)), None)
