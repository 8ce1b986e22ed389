"""The coach's rules in order of urgency, and those on the data and on the first epochs."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from mnistop.engine.analysis.coach import Advice, number, rates, results
from mnistop.engine.analysis.coach.curves import Curves
from mnistop.engine.data.notes import low_contrast
from mnistop.engine.formatting import count
from mnistop.engine.learning_rate import after_divergence

Rule = Callable[[Curves], Advice | None]

FEW_EPOCHS = 3
"""Fewer epochs do not show a trend."""

NEAR = 0.1
"""An untrained loss this close to ln k, as a share of it, knows nothing: PyTorch's first weights
give logits of some ±0.3, and with them a loss within 3% of ln 10."""


def diverged(curves: Curves) -> Advice | None:
    """The loss became infinite or not a number."""
    if not getattr(curves.history.ended, "diverged", False):
        return None
    return Advice(
        "diverged",
        f"Diverged in epoch {curves.epochs}: each step went too far and the next one further, "
        "until the loss was no longer a number.",
        after_divergence(curves.config),
    )


def nothing_to_read(curves: Curves) -> Advice | None:
    """A recorded run has no losses of validation images to read."""
    if curves.epochs and not np.isnan(curves.val).all():
        return None
    if not curves.started.validation_images:
        return Advice(
            "nothing to read",
            "Recorded without validation images: only its metrics are known.",
            "mnistop.init(validation=...) records predictions too.",
        )
    if math.isnan(curves.start):
        return Advice("nothing to read", "The model has not been evaluated yet.")
    return None


def before_training(curves: Curves) -> Advice | None:
    """The loss of the untrained model."""
    if curves.epochs:
        return None
    k, loss = curves.classes, curves.start
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


def first_epochs(curves: Curves) -> Advice | None:
    """The plain facts while there are too few epochs for a trend."""
    if curves.epochs >= FEW_EPOCHS:
        return None
    began = f"The loss began at {number(curves.start)} (guessing has {curves.chance})"
    if curves.started.val_loss is None:
        began = f"Guessing has a loss of {curves.chance}"
    part, loss = "training", float(curves.train[-1])
    if math.isnan(loss):
        part, loss = "validation", curves.val_now
    sentence = f"{began}; after {count(curves.epochs, 'epoch')} {part} loss is {number(loss)}."
    return Advice("start", sentence)


def nearly_blank(curves: Curves) -> Advice | None:
    """A typical image has next to no contrast."""
    contrast = curves.started.contrast
    return None if contrast is None else _advice("blank images", *low_contrast(contrast))


def one_class(curves: Curves) -> Advice | None:
    """All training images have the same label."""
    counts = curves.counts
    return _advice("one class", *counts.one_class) if counts and counts.is_of_one_class else None


def untrained_classes(curves: Curves) -> Advice | None:
    """Classes without a training image: of few, only a new run says so."""
    counts = curves.counts
    if counts is None or not _is_due(curves, counts.untrained):
        return None
    return _advice("missing classes", *counts.missing_training)


def unvalidated_classes(curves: Curves) -> Advice | None:
    """Classes without a validation image: of few, only a new run says so."""
    counts = curves.counts
    if counts is None or not _is_due(curves, counts.unvalidated):
        return None
    return _advice("missing classes", *counts.missing_validation)


def _is_due(curves: Curves, missing: Sequence[int]) -> bool:
    assert curves.counts
    return curves.epochs < FEW_EPOCHS or curves.counts.is_notable(missing)


def _advice(kind: str, sentence: str, remedy: str) -> Advice | None:
    return Advice(kind, sentence, remedy) if sentence else None


RULES: tuple[Rule, ...] = (
    nearly_blank,
    one_class,
    diverged,
    untrained_classes,
    unvalidated_classes,
    nothing_to_read,
    before_training,
    rates.stuck,
    rates.swinging,
    rates.too_low,
    rates.dead,
    results.underfitting,
    results.never_predicted,
    first_epochs,
    results.rare_classes,
    results.overfitting,
    results.gap,
    results.still_learning,
    results.all_well,
    results.neutral,
)

RATE_RULES = (diverged, rates.stuck, rates.swinging, rates.too_low, rates.dead)
"""The rules on the learning rate, in the same order."""


def first_advice(rules: Sequence[Rule], curves: Curves) -> Advice | None:
    """Return the advice of the first rule that applies to a run; None if none does."""
    with np.errstate(all="ignore"):  # losses may be of any size
        return next(filter(None, (rule(curves) for rule in rules)), None)
