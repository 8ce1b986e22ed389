"""Rules for a run that has hardly begun, or came to a bad end."""

import math

from mnistop.engine.coach.advice import NOTHING_YET, Advice, number
from mnistop.engine.coach.case import Case
from mnistop.engine.coach.suggest import after_divergence
from mnistop.engine.words import count

FEW_EPOCHS = 3
"""Fewer say nothing of a curve's course."""

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
    """The untrained model has not been judged."""
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
