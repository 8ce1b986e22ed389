"""Rules on the result of training, read from the validation images."""

from __future__ import annotations

import math

import numpy as np

from mnistop.engine.analysis.coach import Advice, either, number, percent
from mnistop.engine.analysis.coach.curves import RECENT, Curve, Curves, falls_steadily, median
from mnistop.engine.evaluate import wilson_interval
from mnistop.engine.events import RunFinished
from mnistop.engine.formatting import count, name_list
from mnistop.engine.learning_rate import for_example, lower_rate

ENOUGH_IMAGES = 5
"""A class with fewer validation images may be missed by bad luck: a model that finds half of them
misses all of 5 once in 32 times."""
RARE = 0.5
"""A class with less than this share of an equal part of the images is rare."""
NAMED = 3
"""The most classes named."""

RISE = 1.1
"""Validation loss this far above its lowest has risen: with 200 images the medians of runs that
do not over-fit stay within 8% of it."""
FALL = 0.7
"""Training loss below this share of its value then has gone on falling."""
PAST_LOWEST = 5
"""Epochs that must have passed since the lowest: fewer may be a bump."""
GAP = 0.1
"""Training loss below this share of validation loss: the training images are memorised."""
APART = 0.5
"""Training loss below this share of validation loss: more images would bring the two together."""
HIGH = 0.3
"""Losses above this share of guessing's are high: with ten classes 0.69, where some 80% are
right."""

LEVEL = 0.02
"""A loss whose median over the last 5 epochs is this close to that over the 5 before has levelled
off: the medians of a level curve differ this much by chance."""
STOPPED = 0.1
"""A training loss that fell by more than this share in the last half of all steps, each counted as
its learning rate, has been stopped by the schedule, which levels all curves."""


def underfitting(curves: Curves) -> Advice | None:
    """The training loss has levelled off, and high."""
    if curves.epochs < 2 * RECENT or min(curves.train[-1], curves.val_now) < HIGH * curves.guessing:
        return None
    before, now = _last_two_medians(curves.train)
    if (
        math.isnan(now)
        or abs(now - before) > LEVEL * before
        or (curves.left and falls_steadily(curves.train))
    ):
        return None
    config = curves.config
    if config.schedule != "constant":
        halfway = median(curves.train[: -curves.late][-RECENT:])
        if now < (1 - STOPPED) * halfway:
            return None
    less = {
        "less weight decay": config.weight_decay,
        "less dropout": config.dropout,
        "smaller shifts": config.shift,
        "a smaller epsilon": config.adversarial_epsilon,
    }
    words = [word for word, used in less.items() if used]
    return Advice(
        "under-fitting",
        f"Training loss has levelled off at {number(now)} with "
        f"{percent(curves.history.epochs[-1].train_acc)} of the training images right: this model "
        "fits them no better.",
        f"Try {either([*words, 'more or wider hidden layers'])}.",
    )


def never_predicted(curves: Curves) -> Advice | None:
    """A class has validation images, but is never predicted."""
    predictions = curves.predictions
    if not (predictions and curves.epochs and predictions.epochs):
        return None
    size = max(predictions.classes, curves.classes)
    images = np.bincount(predictions.labels, minlength=size)
    predicted = np.bincount(predictions.predicted, minlength=size)
    missing = np.flatnonzero((images >= ENOUGH_IMAGES) & (predicted == 0)).tolist()
    if not missing:
        return None
    names = [_name(curves.started.class_names, index) for index in missing[:NAMED]]
    if len(missing) == 1:
        of = f"though {images[missing[0]]:,} of {len(predictions):,} are of that class"
        sentence = f"No validation image is taken for {names[0]}, {of}."
    else:
        more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
        sentence = f"{len(missing)} classes are never predicted: {name_list(names)}{more}."
    if images[missing].max() < RARE * len(predictions) / curves.classes:
        remedy = _for_rare_classes(curves)
    elif curves.epochs <= RECENT or _falls(curves.val):
        remedy = "More epochs may bring that."
    else:
        remedy = "Look at the labels, or try another learning rate."
    return Advice("never predicted", sentence, remedy)


def _name(names: list[str], index: int) -> str:
    return names[index] if index < len(names) else str(index)


def rare_classes(curves: Curves) -> Advice | None:
    """Classes with few training images are recognised clearly less often than the others."""
    predictions, counts, config = curves.predictions, curves.counts, curves.config
    if not (predictions and curves.epochs and predictions.epochs and counts):
        return None
    if "balanced" in (config.sampler, config.class_weights):
        return None
    training = np.array(counts.training)
    usual = training.sum() / max(1, np.count_nonzero(training))
    rare = np.flatnonzero((training > 0) & (training < RARE * usual)).tolist()
    is_rare = np.isin(predictions.labels, rare)
    is_right = predictions.predicted == predictions.labels
    if not is_rare.any() or is_rare.all():
        return None
    of_rare, of_others = float(is_right[is_rare].mean()), float(is_right[~is_rare].mean())
    _, at_most = wilson_interval(of_rare, int(is_rare.sum()))
    at_least, _ = wilson_interval(of_others, int((~is_rare).sum()))
    if at_most >= at_least:
        return None
    return Advice(
        "rare classes",
        f"Classes with few training images ({counts.listed(rare)}) are learned worse: "
        f"{percent(of_rare)} of their validation images are right, {percent(of_others)} of others.",
        _for_rare_classes(curves),
    )


def _for_rare_classes(curves: Curves) -> str:
    """Suggest what helps rare classes and is not used yet."""
    if "balanced" in (curves.config.sampler, curves.config.class_weights):
        return "More images of what is rare would help."
    return "Try balanced class weights or the balanced sampler."


def overfitting(curves: Curves) -> Advice | None:
    """Validation loss rises from its lowest while training loss goes on falling."""
    since, lowest = curves.lowest, float(curves.val[curves.lowest])
    if curves.epochs - 1 - since < PAST_LOWEST or not curves.val_now > RISE * lowest:
        return None
    if not curves.train[-1] < FALL * curves.train[since]:
        return None
    return Advice(
        "over-fitting",
        f"Over-fitting since about epoch {since}: validation loss rose from {number(lowest)} to "
        f"{number(curves.val_now)}, training loss fell to {number(curves.train[-1])}; "
        f"accuracy {_accuracy_since(curves, since)}.",
        _against_overfitting(curves),
    )


def _accuracy_since(curves: Curves, since: int) -> str:
    """Describe the change of validation accuracy, by its 95% interval."""
    then, now = curves.accuracy_around(since), curves.accuracy_around(curves.epochs - 1)
    low, high = wilson_interval(then, curves.images)
    if low <= now <= high:
        return f"holds at {curves.accuracy_now}"
    return f"{'fell' if now < low else 'still rose'} from {percent(then)} to {percent(now)}"


def _against_overfitting(curves: Curves) -> str:
    """Suggest up to three things that the run does not use, the most effective on MNIST first."""
    config = curves.config
    unused = {
        "shifts": not config.shift,
        "more samples": curves.could_use_more,
        "early stopping": not config.early_stopping,
        "weight decay": not config.weight_decay,
        "dropout": not config.dropout and bool(config.hidden),
    }
    words = [word for word, is_unused in unused.items() if is_unused]
    return f"Try {either(words[:3])}." if words else "More images would help most."


def gap(curves: Curves) -> Advice | None:
    """The training images are fitted, the validation images are not."""
    if not curves.train[-1] < GAP * curves.val_now or curves.val_now < HIGH * curves.guessing:
        return None
    worse = curves.val_now > curves.guessing
    return Advice(
        "gap",
        f"Training loss is {number(curves.train[-1])}, validation loss {number(curves.val_now)}"
        f"{f', above guessing ({curves.chance})' if worse else ''}: the training images are "
        f"memorised; accuracy {curves.accuracy_now}.",
        f"Try a lower learning rate{for_example(curves.config, lower_rate(curves.config, 3))}."
        if worse
        else _against_overfitting(curves),
    )


def still_learning(curves: Curves) -> Advice | None:
    """Both losses fall."""
    if not (_falls(curves.val) and _falls(curves.train)) or curves.stopped_early:
        return None
    before, now = _last_two_medians(curves.val)
    return Advice(
        "still learning",
        f"Still learning: validation loss fell from {number(before)} to {number(now)} "
        f"recently, training loss to {number(curves.train[-1])}.",
        "More epochs may help." if isinstance(curves.history.ended, RunFinished) else "",
    )


def all_well(curves: Curves) -> Advice | None:
    """Validation loss is low and near its lowest."""
    lowest = float(curves.val[curves.lowest])
    if curves.epochs < RECENT or curves.val_now > min(RISE * lowest, HIGH * curves.guessing):
        return None
    return Advice(
        "all well",
        f"All well: validation loss {number(curves.val_now)} is near its lowest, "
        f"{number(lowest)} at epoch {curves.lowest}; accuracy {curves.accuracy_now}.",
        "More samples may lower it further."
        if curves.could_use_more and curves.train[-1] < APART * curves.val_now
        else "",
    )


def neutral(curves: Curves) -> Advice:
    """Return the plain facts, for a run to which no rule applies."""
    if not curves.epochs or math.isnan(curves.val_now):
        return Advice("neutral", "The curves say nothing yet.")
    return Advice(
        "neutral",
        f"After {count(curves.epochs, 'epoch')} validation loss is {number(curves.val_now)}; its "
        f"lowest was {number(float(curves.val[curves.lowest]))} at epoch {curves.lowest}.",
    )


def _last_two_medians(curve: Curve) -> tuple[float, float]:
    """Return the medians of the five epochs before the last five, and of those; of fewer if need
    be."""
    part = max(1, min(RECENT, len(curve) // 2))
    return median(curve[-2 * part : -part]), median(curve[-part:])


def _falls(curve: Curve) -> bool:
    before, now = _last_two_medians(curve)
    return len(curve) > 1 and now < (1 - LEVEL) * before
