"""The coach's rules in order of urgency; here those on the data and on the first epochs."""

import math
from collections.abc import Sequence

import numpy as np

from mnistop.engine.analysis.coach import NOTHING_YET, Advice, number, rates, results
from mnistop.engine.analysis.coach.case import Case
from mnistop.engine.data.notes import faint
from mnistop.engine.formatting import count
from mnistop.engine.learning_rate import after_divergence

FEW_EPOCHS = 3
"""Fewer epochs do not show a trend."""

NEAR = 0.1
"""An untrained loss this close to ln k, as a share of it, knows nothing: PyTorch's first weights
give logits of some ±0.3, and with them a loss within 3% of ln 10."""


def diverged(case: Case) -> Advice | None:
    """The loss became infinite or not a number."""
    if not getattr(case.history.ended, "diverged", False):
        return None
    return Advice(
        "diverged",
        f"Diverged in epoch {case.epochs}: each step went too far and the next one further, "
        "until the loss was no longer a number.",
        after_divergence(case.config),
    )


def nothing_yet(case: Case) -> Advice | None:
    """The untrained model has not been evaluated."""
    if case.history.started:
        return None
    return NOTHING_YET


def before_training(case: Case) -> Advice | None:
    """Why the loss starts where it does."""
    if case.epochs:
        return None
    k, loss = case.classes, case.start
    if abs(loss / math.log(k) - 1) < NEAR:
        sentence = (
            f"Before training the loss is {loss:.3f}: a model that knows nothing gives each of "
            f"{k} classes 1/{k}, and -ln(1/{k}) = ln {k} = {math.log(k):.3f}."
        )
    else:
        sentence = (
            f"Before training the loss is {number(loss)}, not ln {k} = {math.log(k):.3f}: the "
            "first weights already prefer some classes."
        )
    return Advice("start", sentence)


def first_epochs(case: Case) -> Advice | None:
    """The neutral fact while there are too few epochs for any other."""
    if case.epochs >= FEW_EPOCHS:
        return None
    sentence = (
        f"The loss began at {number(case.start)} (guessing has {case.chance}); after "
        f"{count(case.epochs, 'epoch')} training loss is {number(case.train[-1])}."
    )
    return Advice("start", sentence)


def nearly_blank(case: Case) -> Advice | None:
    """A usual image has next to no contrast."""
    started = case.history.started
    if started is None or started.contrast is None:
        return None
    return _advice("blank images", *faint(started.contrast))


def one_class(case: Case) -> Advice | None:
    """All training images have the same label."""
    counts = case.counts
    return _advice("one class", *counts.one_class) if counts and counts.is_of_one_class else None


def untrained_classes(case: Case) -> Advice | None:
    """Classes without a training image: of few, only a new run says so."""
    counts = case.counts
    if counts is None or not _is_due(case, counts.untrained):
        return None
    return _advice("missing classes", *counts.missing_training)


def unvalidated_classes(case: Case) -> Advice | None:
    """Classes without a validation image: of few, only a new run says so."""
    counts = case.counts
    if counts is None or not _is_due(case, counts.unvalidated):
        return None
    return _advice("missing classes", *counts.missing_validation)


def _is_due(case: Case, missing: Sequence[int]) -> bool:
    assert case.counts
    return case.epochs < FEW_EPOCHS or case.counts.is_notable(missing)


def _advice(kind: str, sentence: str, remedy: str) -> Advice | None:
    return Advice(kind, sentence, remedy) if sentence else None


_RULES = (
    nearly_blank,
    one_class,
    diverged,
    nothing_yet,
    untrained_classes,
    unvalidated_classes,
    before_training,
    rates.stuck,
    rates.swinging,
    rates.too_low,
    rates.dead,
    results.underfitting,
    results.never_predicted,
    first_epochs,
    results.overfitting,
    results.gap,
    results.still_learning,
    results.all_well,
)

_ON_RATE = (diverged, rates.stuck, rates.swinging, rates.too_low, rates.dead)
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
