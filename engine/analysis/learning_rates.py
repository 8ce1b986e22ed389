"""Assessment of a run's learning rate, too low, too high or working, and a recommended one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from mnistop.engine.analysis.coach import (
    TOO_HIGH,
    TOO_LOW,
    accuracy,
    advise,
    advise_on_rate,
    number,
)
from mnistop.engine.analysis.coach.rates import has_exploded
from mnistop.engine.analysis.learning_rate_finder import LEARNED, LITTLE, RangeTest, in_one_digit
from mnistop.engine.config import RunConfig
from mnistop.engine.data.notes import ClassCounts
from mnistop.engine.events import RunFailed
from mnistop.engine.formatting import count
from mnistop.engine.runs.history import History, or_nan
from mnistop.engine.runs.predictions import EpochPredictions

ROSE = 1.02
"""A run that is stuck, but whose training loss was never above this multiple of the first one, was
not thrown back by steps that were too long."""


ONE_CLASS = "one class"
"""The verdict on a run whose images, all of one class, cannot show whether a rate works."""


@dataclass(frozen=True)
class RateAssessment:
    """The assessment of a run's learning rate after its newest epoch."""

    verdict: str
    """`too low`, `works` or `too high`; `learned little` if the curve does not show in which
    direction the rate is wrong; empty while undecided."""
    sentence: str
    """A description of its curve."""
    accuracy: str
    """The accuracy of its newest epoch with its 95% interval: on unseen images once it was tested
    on them, before that on validation images; empty before the first epoch."""
    val_acc: float = 0.0
    """Its newest validation accuracy as a fraction; 0 before the first epoch."""


def assess_rate(
    history: History, config: RunConfig, predictions: EpochPredictions | None
) -> RateAssessment:
    """Assess a run's curves by the coach's rules on the learning rate alone.

    Args:
        history: the run's history.
        config: its hyperparameters.
        predictions: those for the validation images after the newest epoch, if known.
    """
    known = _accuracy(history), or_nan(history.epochs[-1].val_acc) if history.epochs else 0.0
    failure = _failure(history)
    if failure:
        return RateAssessment("", failure, *known)
    counts = ClassCounts.of(history.started) if history.started else None
    if counts and counts.is_of_one_class:
        return RateAssessment(ONE_CLASS, counts.one_class[0], *known)
    on_rate = advise_on_rate(history, config, predictions)
    advice = on_rate or advise(history, config, predictions)
    verdict = _verdict(on_rate.kind if on_rate else "", history)
    peak = "" if advice.kind == "exploded" else _peak(history)
    return RateAssessment(verdict, advice.sentence + peak, *known)


def _failure(history: History) -> str:
    """Return the error of a run that failed other than by diverging."""
    failed = isinstance(history.ended, RunFailed) and not history.ended.diverged
    return getattr(history.ended, "message", "") if failed else ""


def _verdict(kind: str, history: History) -> str:
    losses = [or_nan(epoch.train_loss) for epoch in history.epochs]
    start = or_nan(history.started.val_loss) if history.started else math.inf
    if kind == "stuck" and max(losses) <= ROSE * start:
        return "learned little"
    if kind in TOO_HIGH:
        return "too high"
    if kind in TOO_LOW:
        return "too low"
    if not (history.ended and losses):
        return ""
    ended = min(
        losses[-1], or_nan(history.epochs[-1].val_loss)
    )  # training loss is a mean over its epoch
    return "works" if ended < LEARNED * start else "learned little"


def _accuracy(history: History) -> str:
    if not (history.epochs and history.started):
        return ""
    if tested := history.tested:
        return f"{accuracy(tested.acc, tested.images)} on {count(tested.images, 'unseen image')}"
    return accuracy(history.epochs[-1].val_acc, history.started.validation_images)


def _peak(history: History) -> str:
    """Describe a rise of the training loss above its start; empty if there was none."""
    losses = [or_nan(epoch.train_loss) for epoch in history.epochs]
    if not (losses and history.started):
        return ""
    highest = max(losses)
    if not has_exploded(highest, or_nan(history.started.val_loss)):
        return ""
    return f" It had risen to {number(highest)} in epoch {losses.index(highest)}."


EXPECTED = {
    "too low": ("too low", "learned little"),
    "good": ("works",),
    "too high": ("too high", "learned little"),
}
"""The verdicts on runs that agree with each mark of a range test."""
_APART = 4
"""If a rate too low and one too high differ by this factor, one in between is worth a try."""
_LOWER = 10
"""If all rates were too high, a rate lower by this factor is suggested."""


@dataclass(frozen=True)
class Recommendation:
    """The rate to train with, or to try."""

    rate: float | None
    """The rate to train with; None if none is known to work."""
    is_shown: bool = False
    """True if a run at this rate has shown that it works."""
    to_try: float | None = None
    """The rate to try next, if none is known to work."""


def recommend(test: RangeTest, answers: Mapping[str, RateAssessment]) -> Recommendation:
    """Recommend a rate: the results of runs outrank the range test.

    Args:
        test: the range test.
        answers: the assessments of the runs at its marks, by mark; empty before there are any.
    """
    verdicts = {mark: found.verdict for mark, found in answers.items()}
    if ONE_CLASS in verdicts.values():
        return Recommendation(None)
    shown = verdicts.get("good", "")
    if test.good is not None and shown in ("", "works"):
        return Recommendation(test.good, bool(shown))
    working = [mark for mark, verdict in verdicts.items() if verdict == "works"]
    if working:
        best = max(working, key=lambda mark: answers[mark].val_acc)
        return Recommendation(test.marks[best], True)
    if test.good is not None:
        return Recommendation(None, to_try=_untried(test.marks, verdicts))
    return Recommendation(None, to_try=_best_trial(test))


def _best_trial(test: RangeTest) -> float | None:
    """Return the best of the good rates tried, if the model learned anything at it."""
    best = min(test.good_trials, key=lambda trial: trial.loss, default=None)
    return best.rate if best and best.loss < (1 - LITTLE) * test.start else None


def _untried(marks: Mapping[str, float], verdicts: Mapping[str, str]) -> float | None:
    """Return an untried rate between those too low and those too high; None if there is none.

    A run that has learned little counts as its mark; at the good rate it does not show in which
    direction that is wrong.
    """
    if verdicts.get("good") == "learned little":
        return None
    low, high = (
        [
            marks[mark]
            for mark, verdict in verdicts.items()
            if (mark if verdict == "learned little" else verdict) == side
        ]
        for side in ("too low", "too high")
    )
    if not high:
        return None
    if not low:
        return in_one_digit(min(high) / _LOWER)
    below, above = max(low), min(high)
    return in_one_digit(math.sqrt(below * above)) if above > _APART * below else None
