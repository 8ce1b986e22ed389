"""The learning rate to train with, by a range test and by what runs at its marks have shown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from mnistop.engine.analysis.rates.answer import ONE_CLASS, RateAnswer
from mnistop.engine.analysis.rates.range_test import LITTLE, RangeTest, in_one_digit

EXPECTED = {
    "too low": ("too low", "learned little"),
    "good": ("works",),
    "too high": ("too high", "learned little"),
}
"""The verdicts on runs that agree with each mark of a range test."""
_APART = 4
"""Of a rate too low and one too high, so far apart, one in between is worth a try."""
_LOWER = 10
"""Where all rates were too high, one lower by this factor is."""


@dataclass(frozen=True)
class Recommendation:
    """The rate to train with, or to try."""

    rate: float | None
    """The one to train with; None where none is known to work."""
    is_shown: bool = False
    """Whether a run at this rate has shown that it works."""
    to_try: float | None = None
    """Where no rate is known to work: the one that is worth a run next."""


def recommend(test: RangeTest, answers: Mapping[str, RateAnswer]) -> Recommendation:
    """The rate to train with: what a run has shown outranks the range test.

    Args:
        test: the range test.
        answers: what the runs at its marks have shown by now, by mark; empty before there are any.
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
    """Of the rates that were tried as good ones, the best, if it taught anything."""
    best = min(test.good_trials, key=lambda trial: trial.loss, default=None)
    return best.rate if best and best.loss < (1 - LITTLE) * test.start else None


def _untried(marks: Mapping[str, float], verdicts: Mapping[str, str]) -> float | None:
    """A rate that no run has had, between those too low and those too high; None if there is none.

    A run that has learned little counts as its mark says; at the good rate it does not tell which
    way that is wrong.
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
