"""Checks against the student's own runs: what they show, and whether there is one as asked for."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from mnistop.engine.config import PRESETS, RunConfig
from mnistop.engine.errors import MnistopError
from mnistop.engine.lessons.checks import Number, Verdict
from mnistop.engine.runs.entry import RunEntry, Summary
from mnistop.engine.runs.filters import GRAMMAR
from mnistop.engine.runs.history import History, or_nan
from mnistop.engine.runs.run_folder import Run

EPSILON = "smallest_epsilon"
"""The fact that a model has to be asked for."""


def _lowest(history: History) -> float:
    losses = [or_nan(epoch.val_loss) for epoch in history.epochs]
    known = [place for place, loss in enumerate(losses) if not math.isnan(loss)]
    return min(known, key=losses.__getitem__, default=math.nan)


def _of_newest(name: str) -> Callable[[History], float]:
    return lambda history: or_nan(getattr(history.epochs[-1], name) if history.epochs else None)


def _mistakes(history: History) -> float:
    images = history.started.validation_images if history.started else 0
    wrong = images * (1 - _of_newest("val_acc")(history))
    return wrong if math.isnan(wrong) else round(wrong)


FACTS: dict[str, Callable[[History], float]] = {
    "start_loss": lambda history: or_nan(history.started.val_loss if history.started else None),
    "start_acc": lambda history: or_nan(history.started.val_acc if history.started else None),
    "train_loss": _of_newest("train_loss"),
    "val_loss": _of_newest("val_loss"),
    "train_acc": _of_newest("train_acc"),
    "val_acc": _of_newest("val_acc"),
    "best_epoch": lambda history: history.best.epoch if history.best else math.nan,
    "best_acc": lambda history: or_nan(history.best.val_acc if history.best else None),
    "lowest_loss_epoch": _lowest,
    "test_acc": lambda history: or_nan(history.test_acc),
    "mistakes": _mistakes,
}
"""What a run shows, NaN where it does not: the untrained model's validation loss and accuracy;
the newest epoch's; the best epoch and its validation accuracy; the epoch of the lowest validation
loss; the accuracy on unseen images; the number of misclassified validation images."""

SHARES = ("start_acc", "train_acc", "val_acc", "best_acc", "test_acc")
"""Those that are read in percent."""


@dataclass(frozen=True)
class OwnNumber:
    """A number that the student reads off their own run."""

    fact: str
    """A name in `FACTS`, or `EPSILON`."""
    tolerance: float = 1e-9
    units: tuple[str, ...] = ()
    hints: dict[str, str] = field(default_factory=dict)

    def check(self, text: str, value: float) -> Verdict:
        """Check what a student has typed.

        Args:
            text: the answer.
            value: the fact of their run; NaN if the run does not have it.
        """
        if math.isnan(value):
            sentence = "Your run does not show this number yet: let it end first."
            return Verdict(False, sentence, False)
        units = self.units or (("%",) if self.fact in SHARES else ())
        return Number(value, self.tolerance, units, self.hints).check(text)


@dataclass(frozen=True)
class RunWanted:
    """A run that the student is to train, or several with different verdicts on their rates."""

    filter: str
    """As for `parse`."""
    verdicts: tuple[str, ...] = ()
    """`too low`, `works`, `too high`: for each a run is wanted. None: any run that passes."""

    def check(self, runs: Sequence[RunEntry]) -> Verdict:
        """Look for the runs.

        Args:
            runs: all of the student's runs, newest first.
        """
        passing = matching(runs, self.filter)
        if not self.verdicts:
            if not passing:
                return Verdict(False, self._missing(runs))
            return Verdict(True, f"Right: this is your run {passing[0].title}.")
        found: dict[str, str] = {}
        for one in passing:
            if len(found) == len(self.verdicts):
                break
            verdict = rate_verdict(one.run, one.overview.epochs)
            if verdict in self.verdicts:
                rate = one.overview.changes.get("lr", RunConfig().texts()["lr"])
                found.setdefault(
                    verdict, f"{_IN_WORDS[verdict]}: {one.title} (learning rate {rate})"
                )
        missing = [_IN_WORDS[verdict] for verdict in self.verdicts if verdict not in found]
        there = "; ".join(found[verdict] for verdict in self.verdicts if verdict in found)
        if not missing:
            return Verdict(True, f"Right. You have found {there}.")
        seen = f" You have found {there}." if found else ""
        return Verdict(False, f"Still to find: {'; '.join(missing)}.{seen}")

    def _missing(self, runs: Sequence[RunEntry]) -> str:
        """Explain why no run passes; name one that may still come to pass, or the newest."""
        if self.filter == RECORDED:
            return NOT_RECORDED
        if not runs:
            return "You have no run yet: train one."
        newest = runs[0]
        if newest.is_live:
            return f"Your run {newest.title} is still being trained: wait for its end."
        changes = differences(newest, self.filter)
        if newest.state == "finished" and changes:
            return f"Your newest run, {newest.title}, has other settings: {changes}."
        is_over = newest.state == "finished"
        state = "" if is_over else f" The newest, {newest.title}, is {newest.state}."
        return f"No run of yours is as asked yet ({self.filter}).{state}"


_IN_WORDS = {
    "too low": "one that is too low",
    "too high": "one that is too high",
    "works": "one that works",
}
VERDICTS = tuple(_IN_WORDS)


_ANY = {"source", "pixel_range", "resize", "split_seed", "seed", "threads", "device"}
"""The settings that a run of a preset may have of its own."""


RECORDED = "recorded"
"""The filter of the runs that a loop of the student's own has recorded."""
NOT_RECORDED = "Your loop has recorded no run yet: run it, as by python loop.py."


def parse(filter: str) -> Callable[[RunEntry], bool]:
    """Read a filter of runs, and return what decides whether a run passes.

    Args:
        filter: as for `Grammar.parse`; the name of a preset for finished runs with its settings;
            `RECORDED`.

    Raises:
        FilterError: it makes no sense.
    """
    if filter == RECORDED:
        return lambda run: bool(run.overview.script and run.overview.epochs and not run.is_live)
    if filter in PRESETS:
        config = RunConfig(**PRESETS[filter])
        known = config.texts().keys() - _ANY - config.without_effect()
        words = [f"{name}:{config.texts()[name].replace(' ', ',')}" for name in sorted(known)]
        filter = " ".join([*words, "state:finished"])
    wanted = GRAMMAR.parse(filter)
    return lambda run: bool(GRAMMAR.passes(run, wanted))


def matching(runs: Iterable[RunEntry], filter: str) -> list[RunEntry]:
    """Return the runs that pass a filter as for `parse`."""
    passes = parse(filter)
    return [one for one in runs if passes(one)]


def differences(run: RunEntry, preset: str) -> str:
    """Return the settings in which a run differs from a preset; empty for another filter."""
    if preset not in PRESETS or run.overview.script:
        return ""
    own = run.overview.changes
    wanted = RunConfig(**PRESETS[preset]).changes()
    texts = RunConfig().texts() | own
    known = (own.keys() | wanted.keys()) - _ANY
    names = sorted(name for name in known if own.get(name) != wanted.get(name))
    return ", ".join(f"{name} {texts[name]}" for name in names)


def fact_of(run: Run, name: str) -> float:
    """Return a fact of a run, NaN where it does not have it.

    Raises:
        RunError: the run cannot be read.
    """
    return FACTS[name](Summary.of(run).history)


@functools.lru_cache(4096)
def rate_verdict(run: Run, epochs: int) -> str:
    """Return the verdict on a run's learning rate, see `RateAssessment`; empty if undecided.

    Args:
        run: the run.
        epochs: those that it has finished: the verdict changes with them.
    """
    from mnistop.engine.analysis.learning_rates import assess_rate  # which needs NumPy

    try:
        summary = Summary.of(run)
    except MnistopError:
        return ""
    if summary.is_recorded:
        return ""
    return assess_rate(summary.history, summary.config, None).verdict
