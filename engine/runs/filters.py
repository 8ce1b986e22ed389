"""Which runs are wanted, as in `lr>0.1 val_acc>0.9 hidden:128 state:stopped`, and in what order."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mnistop.engine.config import HYPERPARAMETERS
from mnistop.engine.errors import ConfigError, RunError
from mnistop.engine.filter_grammar import (
    WORD,
    Field,
    FilterError,
    Grammar,
    Number,
    Text,
    number,
    words,
)
from mnistop.engine.hyperparameters import Hyperparameter, as_text
from mnistop.engine.runs.entry import LIVE, RunEntry
from mnistop.engine.runs.index import list_all
from mnistop.engine.runs.lookup import find_run_or_sweep, is_path
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.sweep_folder import Sweep, list_sweeps


class _State(Field[RunEntry]):
    def passes(self, item: RunEntry, wanted: str) -> bool:
        """Return whether a run is in a state; `live` is any of the first three."""
        if wanted == "suspended":
            return item.is_suspended
        return item.is_live if wanted == "live" else item.state == wanted


class _Samples(Number[RunEntry]):
    def find(self, text: str) -> float:
        """The number of samples; `all` is infinite."""
        return math.inf if text.lower() == "all" else number(text)


@dataclass(frozen=True)
class _Numbers(Field[RunEntry]):
    format: str = ""

    def find(self, text: str) -> str:
        """The numbers as the configuration writes them."""
        try:
            return as_text(HYPERPARAMETERS[self.name].read(text))
        except ConfigError:
            raise FilterError(f"{self.name} is {self.format}, as in {self.example}.") from None


def _result(
    name: str, result: Callable[[RunEntry], float | None], example: str, **options: Any
) -> Field[RunEntry]:
    def value(run: RunEntry) -> float:
        found = result(run)
        return math.nan if found is None else found

    return Number(name, value, f"{name}{example}", **options)


def _accuracy(
    name: str, result: Callable[[RunEntry], float | None], example: str
) -> Field[RunEntry]:
    return _result(name, result, example, low=0, high=1, percent=True)


def _setting(known: Hyperparameter) -> Field[RunEntry]:
    """The field of a hyperparameter."""
    name, usual = known.name, as_text(known.default)

    def text(run: RunEntry) -> str:
        return run.overview.changes.get(name, usual)

    def value(run: RunEntry) -> float:
        threads = run.overview.threads if name == "threads" else None
        return threads or (math.inf if text(run) == "all" else number(text(run)))

    if name == "source":
        return Text(name, text, "source:mnist")
    if name == "hidden":
        what = "whole numbers with commas between, or none"
        return _Numbers(name, text, "hidden:256,128", format=what)
    if name == "pixel_range":
        what = "two numbers with a comma between, or auto"
        return _Numbers(name, text, "pixel_range:0,16", format=what)
    if known.choices:
        return Field(name, text, f"{name}:{known.choices[0]}", known.choices)
    example = {"lr": "lr>0.1", "threads": "threads:2"}.get(name, f"{name}:{usual}")
    kind = _Samples if name == "samples" else Number
    return kind(name, value, example, exact=True, percent=known.is_share)


_OTHERS: tuple[Field[RunEntry], ...] = (
    _State(
        "state",
        lambda run: run.state,
        "state:stopped",
        ("live", *LIVE, "suspended", "finished", "stopped", "failed", "interrupted"),
    ),
    _accuracy("test_acc", lambda run: run.overview.test_acc, ">0.9"),
    _accuracy("val_acc", lambda run: run.overview.best_val_acc, ">0.9"),
    _result("val_loss", lambda run: run.overview.best_val_loss, "<0.5"),
    _result("train_loss", lambda run: run.overview.best_train_loss, "<0.5"),
    _accuracy("last_acc", lambda run: run.overview.val_acc, ">0.9"),
    _result("last_loss", lambda run: run.overview.val_loss, "<0.5"),
    _result("best", lambda run: run.overview.best_epoch, ":10", exact=True),
    _result("trained", lambda run: run.overview.epochs, ">10", exact=True),
    _result("seconds", lambda run: run.overview.seconds, ">60"),
    Text("name", lambda run: f"{run.run.name}\n{run.overview.about.name}", "name:otter"),
    Text("note", lambda run: run.overview.about.note, "note:swings"),
    Text("sweep", lambda run: run.run.sweep, "sweep:otter"),
)
"""What a run has come to: at its best epoch the accuracy on unseen images, validation accuracy and
losses; the newest epoch's validation accuracy and loss; the best epoch, finished epochs, and their
seconds. There is none before the first epoch, the first one before the run is finished."""

_LIKELY = ("lr", "test_acc", "val_acc", "hidden", "state")
_FIELDS = sorted(
    (*_OTHERS, *map(_setting, HYPERPARAMETERS.values())),
    key=lambda each: _LIKELY.index(each.name) if each.name in _LIKELY else len(_LIKELY),
)
GRAMMAR = Grammar(
    _FIELDS,
    "name: note: state: test_acc> val_acc> val_loss< trained> seconds> and all hyperparameters, "
    "as lr>0.1",
    "say name:{word}, or as in lr>0.1.",
)
FIELDS = tuple(GRAMMAR.fields)
"""What can be asked for, the likeliest first."""

complete = GRAMMAR.complete


@dataclass(frozen=True)
class RunFilter:
    """A filter of runs; an empty one passes all."""

    wanted: Mapping[str, Any] = field(default_factory=dict)
    """By field, as `Grammar.parse` gives it."""

    def passes(self, run: RunEntry) -> bool:
        """Return whether a run is wanted."""
        return bool(GRAMMAR.passes(run, self.wanted))


def parse(text: str) -> RunFilter:
    """The filter that a text describes.

    Args:
        text: words as in `lr>0.1 val_acc>0.9 hidden:128 state:stopped name:otter`, in any order.
            An equality with a result holds for what is rounded to it.

    Raises:
        FilterError: a word is unknown or malformed, or two of them exclude each other.
    """
    return RunFilter(GRAMMAR.parse(text))


@dataclass(frozen=True)
class RunOrder:
    """One order; of equals, the newer run comes first."""

    short: str
    """In two words."""
    key: Callable[[RunEntry], Any]
    """What comes first has the least."""
    column: str = ""
    """The column of the table that it goes by."""


def _least(value: float | None) -> float:
    return math.inf if value is None else value


def _largest(value: float | None) -> float:
    return math.inf if value is None else -value


ORDERS = (
    RunOrder("newest first", lambda run: not run.is_live, "state"),
    RunOrder(
        "best test accuracy first", lambda run: _largest(run.overview.test_acc), "test acc at best"
    ),
    RunOrder(
        "best val accuracy first",
        lambda run: _largest(run.overview.best_val_acc),
        "val acc at best",
    ),
    RunOrder(
        "lowest loss first", lambda run: _least(run.overview.best_val_loss), "val loss at best"
    ),
    RunOrder("longest first", lambda run: -run.overview.seconds, "time"),
    RunOrder("by name", lambda run: run.title.casefold(), "name"),
    RunOrder("by settings", lambda run: run.differences(), "differs by"),
    RunOrder("largest first", lambda run: -(run.bytes or 0), "size"),
)
"""In the first, live ones come before all others."""
BY_TEST = ORDERS[1]


def in_order(runs: Sequence[RunEntry], order: RunOrder) -> list[RunEntry]:
    """Runs in an order.

    Args:
        runs: newest first.
        order: one of `ORDERS`.
    """
    return sorted(runs, key=order.key)


@dataclass
class Chosen:
    """Runs and sweeps that are meant, each once."""

    found: list[Run | Sweep] = field(default_factory=list)
    """In the order in which they were named, then newest first. A sweep stands for its runs."""
    unknown: list[str] = field(default_factory=list)
    """Why names fit nothing, or too much, a sentence each."""
    listed: dict[Run, RunEntry] = field(default_factory=dict)
    """What is known of the runs that were not named, but looked through."""


@dataclass(frozen=True)
class Purpose:
    """The purpose that runs are chosen for."""

    fits: Callable[[RunEntry], bool]
    """Whether it can be done with a run: a filter passes over the others."""
    takes_whole: Callable[[Sweep], bool]
    """Whether it is to be done with a sweep when a filter has taken all its runs that fit."""


IN_TRAINING = Purpose(lambda run: run.is_live, lambda sweep: sweep.is_running())
"""To be stopped or waited for. A sweep whose runs all stop would begin others."""
TO_DELETE = Purpose(lambda run: True, lambda sweep: sweep.is_finished())
"""To be deleted. A sweep that is not finished keeps its plan, as other runs may yet be trained."""


def is_filter(word: str) -> bool:
    """Return whether a word of the command line compares, as in `state:running` or `lr > 0.1`."""
    return any(WORD.fullmatch(each) for each in words(word))


def choose(given: Sequence[str], purpose: Purpose) -> Chosen:
    """Find what several words mean: each name, and what passes all filters together.

    Args:
        given: names as for `find_run_or_sweep`, and filters as for `parse`, in any order.
        purpose: what for.

    Raises:
        FilterError: a filter makes no sense.
    """
    chosen = Chosen()
    filters = []
    for word in given:
        if not is_path(word) and is_filter(word) and not _is_title(word):
            filters.append(word)
            continue
        try:
            chosen.found.append(find_run_or_sweep(word))
        except RunError as error:
            chosen.unknown.append(str(error))
    if filters:
        wanted = parse(" ".join(filters))
        able = [run for run in list_all().runs if purpose.fits(run)]
        passing = [run for run in able if wanted.passes(run)]
        chosen.listed = {one.run: one for one in passing}
        whole = _whole_sweeps(passing, able, purpose)
        chosen.found += [*whole, *(one.run for one in passing)]
    chosen.found = _each_once(chosen.found)
    return chosen


def choose_all(purpose: Purpose) -> Chosen:
    """Find all runs and sweeps, for those with which it can be done."""
    index = list_all()
    able = [run for run in index.runs if purpose.fits(run)]
    sweeps = [each for each in list_sweeps() if purpose is TO_DELETE or purpose.takes_whole(each)]
    damaged = list(index.problems) if purpose is TO_DELETE else []
    found = _each_once([*sweeps, *(one.run for one in able), *damaged])
    return Chosen(found, listed={one.run: one for one in able})


def _is_title(word: str) -> bool:
    """Return whether it makes no sense as a filter, but is the name that a user has given."""
    try:
        parse(word)
    except FilterError:
        try:
            find_run_or_sweep(word)
        except RunError:
            return False
        return True
    return False


def _whole_sweeps(
    passing: Iterable[RunEntry], able: Iterable[RunEntry], purpose: Purpose
) -> list[Sweep]:
    taken = {one.run for one in passing}
    by_sweep: dict[str, list[Run]] = {}
    for one in able:
        if one.run.sweep:
            by_sweep.setdefault(one.run.sweep, []).append(one.run)
    complete = [members for members in by_sweep.values() if taken.issuperset(members)]
    sweeps = [Sweep(runs[0].path.with_name(runs[0].sweep)) for runs in complete]
    return [sweep for sweep in sweeps if sweep.is_there() and purpose.takes_whole(sweep)]


def _each_once(found: Iterable[Run | Sweep]) -> list[Run | Sweep]:
    """Without repetitions, and without the members of sweeps that are found themselves."""
    each = list(dict.fromkeys(found))
    sweeps = {one.path for one in each if isinstance(one, Sweep)}
    return [
        one
        for one in each
        if not (isinstance(one, Run) and one.sweep and one.path.with_name(one.sweep) in sweeps)
    ]
