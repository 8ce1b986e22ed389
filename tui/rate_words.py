"""What a range test says, in words: the same in the app and on the command line."""

from __future__ import annotations

import math

from engine.axis import scientific
from engine.coach.advice import number, percent
from engine.rates.answer import RateAnswer
from engine.rates.range_test import TRIAL, RangeTest, Trial

DIGITS_FROM = 1e-4
"""Rates below are written with an exponent."""


def rate_text(rate: float) -> str:
    """As in `0.0125` or `1.3e-5`, two or three digits at most."""
    return scientific(rate) if rate < DIGITS_FROM else f"{rate:.3g}"


def reasons(test: RangeTest) -> dict[str, str]:
    """Why each mark stands where it does, a sentence for each; also for one that was not found."""
    if not test.falls:
        highest = rate_text(float(test.rates[-1]))
        return {
            "none": f"The loss of {number(test.start)} did not fall by a tenth at any rate up to "
            f"{highest}: with these settings nothing is learned in one step at each."
        }
    return {"too low": _too_low(test), "good": _good(test), "too high": _too_high(test)}


def _too_low(test: RangeTest) -> str:
    after = test.after_run(test.too_low or 0.0)
    start = number(test.start)
    if after is None:
        return f"A whole run leaves its training loss close to {start}."
    return f"A whole run lowers its training loss only from {start} to about {number(after)}."


def _good(test: RangeTest) -> str:
    if test.good is None:
        return "None: a run this short learns almost nothing at any rate that is not too high."
    share = test.lowest / test.good
    where = f"{rate_text(test.lowest)}, where the loss was lowest"
    if share > 7:
        return f"A tenth of {where}: well below what is too high, yet large enough to learn fast."
    return f"Near {where}: a run as short as this one needs large steps."


def _too_high(test: RangeTest) -> str:
    if test.too_high is not None:
        return f"After {_outcome(test.trials[-1])}: nothing is learned."
    if not test.trials:
        return "None: at no allowed rate does the loss rise back to where it began."
    last = test.trials[-1]
    return f"None was found: at {rate_text(last.rate)}, after {_outcome(last)}."


def _outcome(trial: Trial) -> str:
    loss = f"a loss of {number(trial.loss)}" if trial.loss < math.inf else "no finite loss"
    right = percent(trial.accuracy)
    return f"{TRIAL} steps a run has {right} of its training images right, and {loss}"


_VERDICTS = {
    "too low": "it is too low",
    "works": "it works",
    "too high": "it is too high",
    "learned little": "it learns little",
}


def told(state: str, found: RateAnswer) -> str:
    """What a run shows, how far it is and how good, as in `it is too low, accuracy 38.0% (…)`.

    Args:
        state: how far it is, which is left out where it is finished and shows something.
        found: what it shows about its rate.
    """
    verdict = _VERDICTS.get(found.verdict, "")
    accuracy = f"accuracy {found.accuracy}" if found.accuracy else ""
    how_far = "" if verdict and state == "finished" else state
    return ", ".join(filter(None, [verdict, how_far, accuracy]))
