"""A range test in words and as a chart: the same in the app and on the command line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from mnistop.engine.analysis.coach import number, percent
from mnistop.engine.analysis.learning_rate_finder import TRIAL, RangeTest, Trial
from mnistop.engine.analysis.learning_rates import EXPECTED, ONE_CLASS, RateAssessment, recommend
from mnistop.engine.axis import scientific
from mnistop.engine.config import HYPERPARAMETERS, RunConfig
from mnistop.engine.formatting import count
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.chart import Chart, chart
from mnistop.tui.draw.series import Series

DIGITS_FROM = 1e-4
"""Rates below are written with an exponent."""
_NAMED = 3
"""The most settings to name; further ones are counted."""


def rate_text(rate: float) -> str:
    """Return a rate as in `0.0125`, `1000` or `1.3e-5`: below 1000 with three digits at most."""
    if rate >= 1000:
        return f"{rate:.0f}"
    return scientific(rate) if rate < DIGITS_FROM else f"{rate:.3g}"


def settings_text(config: RunConfig) -> str:
    """Return the common settings of the runs of a test, as in `hidden layers none, optimizer adam`.

    Args:
        config: the hyperparameters; its learning rate is without effect.
    """
    changes = {name: text for name, text in config.changes().items() if name != "lr"}
    if not changes:
        return "the notebook's settings"
    if "source" in changes:
        changes["source"] = Path(changes["source"]).name
    words = [f"{HYPERPARAMETERS[name].label} {text}" for name, text in changes.items()]
    more = len(words) - _NAMED
    return ", ".join(words[:_NAMED]) + (f" and {count(more, 'more change')}" if more > 0 else "")


def reasons(test: RangeTest) -> dict[str, str]:
    """Return a sentence on each mark: the reason for its rate, or for not finding one."""
    if not test.falls:
        highest = rate_text(float(test.rates[-1]))
        return {
            "too low": f"None was found: the loss of {number(test.start)} did not fall by a tenth "
            f"at any rate up to {highest}, so no rate is high enough to be compared with.",
            "good": "None was found: with these settings nothing is learned in one step at each "
            "rate.",
            "too high": "None was looked for, as no rate works.",
        }
    return {"too low": _too_low(test), "good": _good(test), "too high": _too_high(test)}


def _too_low(test: RangeTest) -> str:
    after = test.after_run(test.too_low or 0.0)
    start = number(test.start)
    if after is None:
        return f"A whole run leaves its training loss close to {start}."
    return f"A whole run lowers its training loss only from {start} to about {number(after)}."


def _good(test: RangeTest) -> str:
    tried = test.good_trials
    if test.good is None:
        if not tried:
            return "None: a run this short learns almost nothing at any rate that is not too high."
        best = min(tried, key=lambda trial: trial.loss)
        reached = (
            f"{number(best.loss)} at {rate_text(best.rate)}" if best.loss < math.inf else "none"
        )
        return (
            f"None was found: at {_rates(tried)} the training loss of {number(test.start)} did not "
            f"come down far enough in {count(best.steps, 'step')}; the best was {reached}."
        )
    if len(tried) > 1:
        [chosen] = [trial for trial in tried if trial.rate == test.good][:1]
        return (
            f"The best of {_rates(tried)}: it brings the training loss to {number(chosen.loss)} in "
            f"{count(chosen.steps, 'step')}."
        )
    share = test.lowest / test.good
    where = f"{rate_text(test.lowest)}, where the loss was lowest"
    if share > 7:
        return f"A tenth of {where}: well below what is too high, yet large enough to learn fast."
    return f"Near {where}: a run as short as this one needs large steps."


def _rates(tried: Sequence[Trial]) -> str:
    """Describe rates, as in `12 rates that were tried (0.01 to 1)`."""
    rates = {trial.rate for trial in tried}
    if len(rates) == 1:
        return f"the one rate that was tried ({rate_text(min(rates))})"
    return (
        f"{len(rates)} rates that were tried ({rate_text(min(rates))} to {rate_text(max(rates))})"
    )


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
    "too low": "is too low",
    "works": "works",
    "too high": "is too high",
    "learned little": "learns little",
    ONE_CLASS: "tells nothing",
}


def run_result(state: str, found: RateAssessment, mark: str) -> str:
    """Describe the outcome of a run at a mark, as in `it is too low, accuracy 38.0% (…)`.

    Args:
        state: its state, left out for a finished run with a verdict.
        found: its verdict on its rate.
        mark: the mark at its rate.
    """
    verdict = f"it {_VERDICTS[found.verdict]}" if found.verdict else ""
    if verdict and found.verdict != ONE_CLASS and not agrees(mark, found):
        verdict = f"not {mark}: {verdict}"
    accuracy = f"accuracy {found.accuracy}" if found.accuracy else ""
    how_far = "" if verdict and state == "finished" else state
    return ", ".join(filter(None, [verdict, how_far, accuracy]))


def agrees(mark: str, found: RateAssessment) -> bool:
    """Return whether the verdict of a run agrees with the mark at its rate."""
    return found.verdict in EXPECTED[mark]


def conclusion(test: RangeTest, answers: Mapping[str, RateAssessment]) -> str:
    """Recommend a rate once the runs at the marks are over, in some sentences.

    Args:
        test: the range test.
        answers: the answer of the run at each mark.
    """
    if any(one.verdict == ONE_CLASS for one in answers.values()):
        return (
            "No rate can be called good: all training images are of one class. Use more samples, "
            "or shuffle the source's images."
        )
    found, good = recommend(test, answers), test.good
    shown = [
        f"{rate_text(test.marks[mark])} {_VERDICTS[one.verdict]}"
        for mark, one in answers.items()
        if one.verdict
    ]
    if found.rate is not None and found.rate == good:
        if found.is_shown:
            return f"{rate_text(good)} works, as the range test says."
        return f"The run at {rate_text(good)} has shown nothing yet: so far only the test says so."
    took = f"The range test took {rate_text(good)} for good. " if good is not None else ""
    seen = f"{took}The runs show: {', '.join(shown)}." if shown else ""
    if found.rate is not None:
        return f"{seen} Take {rate_text(found.rate)}, which works."
    remedy = (
        f"try {rate_text(found.to_try)}, which no run has had."
        if found.to_try is not None and good is not None
        else f"of those tried before, {rate_text(found.to_try)} was the best; more epochs or "
        "smaller batches, which are more steps, may help."
        if found.to_try is not None
        else "more epochs or smaller batches, which are more steps, may help."
    )
    return f"{seen} None of these rates works: {remedy}".lstrip()


CEILING = 1.5
"""The end of the loss axis in multiples of the first loss: beyond it every rate is too high."""


def first_shown(test: RangeTest) -> int:
    """Return the index of the first rate in the chart, a decade below the lowest mark.

    Nothing happens before.
    """
    lowest = min(test.marks.values(), default=float(test.rates[0]))
    return int((test.rates < lowest / 10).sum())


def range_chart(
    test: RangeTest, width: int, height: int, terminal: Terminal, cursor: float | None
) -> Chart:
    """Draw the loss after the step at each rate, with the marks.

    Args:
        test: the test.
        width: cells.
        height: lines.
        terminal: what the terminal can show.
        cursor: the rate that is read out, or None.
    """
    first = first_shown(test)
    return chart(
        [Series("loss", test.losses[first:], xs=test.rates[first:], is_continuous=True)],
        width,
        height,
        terminal,
        log_x=True,
        cursor=cursor,
        named=tuple(test.marks.items()),
        reference=(f"ln {test.classes}", math.log(test.classes)),
        y_limits=(0, CEILING * test.start),
        x_label="rate",
    )
