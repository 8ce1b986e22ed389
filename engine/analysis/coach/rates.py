"""Rules on the learning rate, read from the training loss: too high, too low, and dead ReLUs."""

import math

import numpy as np

from mnistop.engine.analysis.coach import Advice, number, percent
from mnistop.engine.analysis.coach.curves import Curve, Curves, falls_steadily
from mnistop.engine.formatting import count
from mnistop.engine.learning_rate import for_example, higher_rate, lower_rate

AT_CHANCE = 0.97
"""Training loss from this share of guessing's loss is guessing."""
STUCK_EPOCHS, STUCK_STEPS = 3, 50
"""Epochs and updates at chance that are more than a slow start: at a rate that works, 50 updates
bring the loss clearly below ln k."""
ROSE, PEAK = 1.1, 1.5
"""A training loss this many times the untrained model's was thrown back by steps that were too
long, or exploded; with the noise of dropout alone it was at most 1.02 times as large."""

SWING, SWING_OF_CHANCE = 0.2, 0.02
"""A rise of the training loss by a fifth, and by 2% of ln k so that tiny losses do not count.
Dropout and shifts, which are drawn again in every epoch, never did that in the tests' runs."""
SWINGS, SWING_EPOCHS = 2, 10
"""This many such rises in this many epochs are swinging; a single one happens early in good
runs."""
SMALL_BATCH = 8
"""Below it the noise of the batches alone makes a usual rate too high."""

LOW_EPOCHS = 5
"""Epochs needed to estimate a pace."""
LOW = 0.5
"""A run that ends above this share of guessing's loss has learned little."""
LATE_SHARE = 0.25
"""A fall of which the last half of the epochs, each counted as its learning rate, has less than
this levels off instead: a straight line has a half there, and a slow start more."""
STILL = 0.001
"""A loss that has not left a band of this share of ln k has not moved at all."""

DEAD = 1 / 3
"""The share of dead neurons from which it matters: at rates that work it was 0 to 28%, at rates
that are too high 39 to 100%."""


def stuck(curves: Curves) -> Advice | None:
    """The training loss stays at chance or above, other than by a slow steady fall."""
    recent = curves.train[-STUCK_EPOCHS:]
    if curves.epochs < STUCK_EPOCHS or curves.steps < STUCK_STEPS:
        return None
    if not recent.min() >= AT_CHANCE * curves.guessing or _slow_curve(curves) is not None:
        return None
    config = curves.config
    above = recent.min() > 1.1 * curves.guessing
    highest = int(curves.train.argmax())
    exploded = has_exploded(float(curves.train[highest]), curves.start)
    if exploded:
        sentence = (
            f"Training loss exploded to {number(curves.train[highest])} in epoch {highest} and is "
            f"{number(curves.train[-1])} now, {'worse' if above else 'no better'} than guessing "
            f"({_chance(curves)})"
        )
    elif above:
        sentence = (
            f"Training loss is {number(curves.train[-1])} after {count(curves.epochs, 'epoch')}, "
            f"worse than guessing ({_chance(curves)})"
        )
    else:
        sentence = (
            f"Training loss stays at that of guessing ({_chance(curves)}) for "
            f"{count(_epochs_at_chance(curves), 'epoch')}"
        )
    if curves.dead >= DEAD:
        sentence += f"; {percent(curves.dead)} of the ReLU neurons are dead"
    if config.activation == "sigmoid" and len(config.hidden) > 1 and not above and not exploded:
        remedy = "Try ReLU or Adam: gradients shrink on their way through layers of sigmoids."
    else:
        remedy = f"Try a lower learning rate{for_example(config, lower_rate(config, 10))}."
    return Advice("exploded" if exploded else "stuck", f"{sentence}.", remedy)


def has_exploded(highest: float, start: float) -> bool:
    """Return whether a run's highest training loss exploded, by the untrained model's loss."""
    return highest > PEAK * max(start, math.ulp(1))


def swinging(curves: Curves) -> Advice | None:
    """The training loss goes up and down by more than noise."""
    recent = curves.train[-SWING_EPOCHS - 1 :]
    rises = np.diff(recent)
    swings = rises > np.maximum(SWING * recent[:-1], SWING_OF_CHANCE * math.log(curves.classes))
    if swings.sum() < SWINGS:
        return None
    example = for_example(curves.config, lower_rate(curves.config, 3), "to ")
    remedy = f"Lower the learning rate{example}"
    return Advice(
        "swinging",
        f"Training loss swings: {swings.sum()} times in the last {count(len(rises), 'epoch')} it "
        f"rose by more than {percent(SWING)}.",
        f"{remedy}, or use larger batches."
        if curves.config.batch_size < SMALL_BATCH
        else f"{remedy}.",
    )


def too_low(curves: Curves) -> Advice | None:
    """The loss falls, but at its pace little will have been learned when the run ends."""
    if curves.epochs < LOW_EPOCHS or (curve := _slow_curve(curves)) is None:
        return None
    start, now = curves.start, float(curve[-1])
    fell = max(0.0, float(curve[-1 - curves.late]) - now)
    to_come = fell / curves.late * curves.left
    end = now - to_come
    if min(end, curves.val_now - to_come) < LOW * curves.guessing:
        return None
    if not _is_still(curve, curves) and fell < LATE_SHARE * (start - now):
        return None
    which = "training" if curve is curves.train else "validation"
    sentence = (
        f"In {count(curves.epochs, 'epoch')} {which} loss has fallen only from "
        f"{number(start, 3)} to {number(now, 3)}"
    )
    if curves.planned > curves.epochs:
        sentence += f"; at this pace {count(curves.planned, 'epoch')} end near {number(end)}"
    example = for_example(curves.config, higher_rate(curves.config), "to ")
    return Advice(
        "too low",
        f"{sentence}.",
        f"Raise the learning rate{example}.",
    )


def dead(curves: Curves) -> Advice | None:
    """Many hidden neurons are 0 for every image."""
    if curves.dead < DEAD:
        return None
    example = for_example(curves.config, lower_rate(curves.config, 3))
    return Advice(
        "dead ReLUs",
        f"{percent(curves.dead)} of the hidden neurons are dead: they are 0 for every validation "
        "image, so they add nothing.",
        f"Train again with a lower learning rate{example}: "
        "dead ReLUs hardly learn and rarely come back.",
    )


def _slow_curve(curves: Curves) -> Curve | None:
    """Return the loss that falls steadily from its start, or does not move; None if neither does.

    Validation loss shows a slow fall that is lost in the noise of dropout and shifts, which only
    training loss has. With many dead neurons it tells nothing about the learning rate.
    """
    if curves.train.max() > ROSE * curves.start:
        return None
    for curve in [curves.train] if curves.dead >= DEAD else [curves.train, curves.val]:
        falls = curve[-1] < curves.start and falls_steadily(curve)
        if falls or _is_still(curve, curves):
            return curve
    return None


def _is_still(curve: Curve, curves: Curves) -> bool:
    return bool(np.ptp(curve) < STILL * curves.guessing)


def _epochs_at_chance(curves: Curves) -> int:
    below = np.flatnonzero(~(curves.train >= AT_CHANCE * curves.guessing))
    return curves.epochs - (int(below[-1]) + 1 if len(below) else 0)


def _chance(curves: Curves) -> str:
    """Return the loss of guessing in words, which depends on the frequencies of the classes."""
    if curves.guessing > AT_CHANCE * math.log(curves.classes):
        return curves.chance
    return f"{curves.guessing:.2f}, knowing only how frequent each class is"
