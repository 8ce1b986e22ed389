"""Rules on the learning rate, read from the training loss: too high, too low, and dead ReLUs."""

import math

import numpy as np

from mnistop.engine.analysis.coach import Advice, number, percent
from mnistop.engine.analysis.coach.case import Case, Curve, falls_steadily
from mnistop.engine.formatting import count
from mnistop.engine.learning_rate import higher_rate, lower_rate

AT_CHANCE = 0.97
"""Training loss from this share of guessing's on is guessing."""
STUCK_EPOCHS, STUCK_STEPS = 3, 50
"""Epochs and updates at chance that are no slow start any more: at a rate that works, 50
updates bring the loss clearly below ln k."""
ROSE, PEAK = 1.1, 1.5
"""A training loss of so many times the untrained model's has been thrown back by steps that were
too long, or has exploded; the noise of dropout alone was at most 1.02 times that."""

SWING, SWING_OF_CHANCE = 0.2, 0.02
"""A rise of the training loss by a fifth, and by 2% of ln k so that tiny losses do not count.
Dropout and shifts, which draw anew in every epoch, never did that in the runs of the tests."""
SWINGS, SWING_EPOCHS = 2, 10
"""So many such rises in so many epochs are swinging; one alone happens early in good runs."""
SMALL_BATCH = 8
"""Below it the noise of the batches alone makes a usual rate too high."""

LOW_EPOCHS = 5
"""A pace wants some epochs to be read from."""
LOW = 0.5
"""Above this share of guessing's loss, when the run ends, little has been learned."""
LATE_SHARE = 0.25
"""A fall of which the last half of the epochs, each counted as its learning rate, has less than
this levels off instead: a straight line has a half there, and a slow start more."""
STILL = 0.001
"""A loss that has not left a band of this share of ln k has not moved at all."""

DEAD = 1 / 3
"""The share of dead neurons from which on it matters: at rates that work it was 0 to 28%, at
rates that are too high 39 to 100%."""


def stuck(case: Case) -> Advice | None:
    """The training loss stays at chance or above, other than by a slow steady fall."""
    recent = case.train[-STUCK_EPOCHS:]
    if case.epochs < STUCK_EPOCHS or case.steps < STUCK_STEPS:
        return None
    if not recent.min() >= AT_CHANCE * case.guessing or _creeping(case) is not None:
        return None
    config = case.config
    above = recent.min() > 1.1 * case.guessing
    highest = int(case.train.argmax())
    exploded = has_exploded(float(case.train[highest]), case.start)
    if exploded:
        sentence = (
            f"Training loss exploded to {number(case.train[highest])} in epoch {highest} and is "
            f"{number(case.train[-1])} now, {'worse' if above else 'no better'} than guessing "
            f"({_chance(case)})"
        )
    elif above:
        sentence = (
            f"Training loss is {number(case.train[-1])} after {count(case.epochs, 'epoch')}, "
            f"worse than guessing ({_chance(case)})"
        )
    else:
        sentence = (
            f"Training loss stays at that of guessing ({_chance(case)}) for "
            f"{count(_epochs_at_chance(case), 'epoch')}"
        )
    if case.dead >= DEAD:
        sentence += f"; {percent(case.dead)} of the ReLU neurons are dead"
    if config.activation == "sigmoid" and len(config.hidden) > 1 and not above and not exploded:
        remedy = "Try ReLU or Adam: gradients shrink on their way through layers of sigmoids."
    else:
        remedy = f"Try a lower learning rate, for example {lower_rate(config, 10)}."
    return Advice("exploded" if exploded else "stuck", f"{sentence}.", remedy)


def has_exploded(highest: float, start: float) -> bool:
    """Return whether a run's highest training loss exploded, by the untrained model's loss."""
    return highest > PEAK * max(start, math.ulp(1))


def swinging(case: Case) -> Advice | None:
    """The training loss goes up and down by more than noise."""
    recent = case.train[-SWING_EPOCHS - 1 :]
    rises = np.diff(recent)
    swings = rises > np.maximum(SWING * recent[:-1], SWING_OF_CHANCE * math.log(case.classes))
    if swings.sum() < SWINGS:
        return None
    remedy = f"Lower the learning rate, for example to {lower_rate(case.config, 3)}"
    return Advice(
        "swinging",
        f"Training loss swings: {swings.sum()} times in the last {count(len(rises), 'epoch')} it "
        f"rose by more than {percent(SWING)}.",
        f"{remedy}, or use larger batches."
        if case.config.batch_size < SMALL_BATCH
        else f"{remedy}.",
    )


def too_low(case: Case) -> Advice | None:
    """The loss falls, but at its pace little will have been learned when the run ends."""
    if case.epochs < LOW_EPOCHS or (curve := _creeping(case)) is None:
        return None
    start, now = case.start, float(curve[-1])
    fell = max(0.0, float(curve[-1 - case.late]) - now)
    to_come = fell / case.late * case.left
    end = now - to_come
    if min(end, case.val_now - to_come) < LOW * case.guessing:
        return None
    if not _stands(curve, case) and fell < LATE_SHARE * (start - now):
        return None
    which = "training" if curve is case.train else "validation"
    sentence = (
        f"In {count(case.epochs, 'epoch')} {which} loss has fallen only from "
        f"{number(start, 3)} to {number(now, 3)}"
    )
    if case.planned > case.epochs:
        sentence += f"; at this pace {count(case.planned, 'epoch')} end near {number(end)}"
    return Advice(
        "too low",
        f"{sentence}.",
        f"Raise the learning rate, for example to {higher_rate(case.config)}.",
    )


def dead(case: Case) -> Advice | None:
    """Many hidden neurons are 0 whatever they see."""
    if case.dead < DEAD:
        return None
    return Advice(
        "dead ReLUs",
        f"{percent(case.dead)} of the hidden neurons are dead: they are 0 for every validation "
        "image, so they add nothing.",
        f"Train again with a lower learning rate, for example {lower_rate(case.config, 3)}: "
        "dead ReLUs hardly learn and rarely come back.",
    )


def _creeping(case: Case) -> Curve | None:
    """The loss that falls steadily from where it was before training, or stands; None if none does.

    Validation loss shows a slow fall that is lost in the noise of dropout and shifts, which only
    training loss has. Of a model with many dead neurons it tells nothing on the learning rate.
    """
    if case.train.max() > ROSE * case.start:
        return None
    curves = [case.train] if case.dead >= DEAD else [case.train, case.val]
    return next((curve for curve in curves if _creeps(curve, case)), None)


def _creeps(curve: Curve, case: Case) -> bool:
    falls = curve[-1] < case.start and falls_steadily(curve)
    return bool(falls or _stands(curve, case))


def _stands(curve: Curve, case: Case) -> bool:
    return bool(np.ptp(curve) < STILL * case.guessing)


def _epochs_at_chance(case: Case) -> int:
    below = np.flatnonzero(~(case.train >= AT_CHANCE * case.guessing))
    return case.epochs - (int(below[-1]) + 1 if len(below) else 0)


def _chance(case: Case) -> str:
    """The loss of guessing, and what it is where the classes are not alike."""
    if case.guessing > AT_CHANCE * math.log(case.classes):
        return case.chance
    return f"{case.guessing:.2f}, knowing only how frequent each class is"
