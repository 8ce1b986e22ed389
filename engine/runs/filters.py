"""Filters of runs, as in `lr>0.1 val_acc>0.9 hidden:128 state:stopped`, and orders."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mnistop.engine.config import HYPERPARAMETERS
from mnistop.engine.errors import ConfigError
from mnistop.engine.filter_grammar import Bound, Field, FilterError, Grammar, Number, Text, number
from mnistop.engine.hyperparameters import Hyperparameter, as_text
from mnistop.engine.runs.entry import LIVE, RunEntry


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


_NUMBERS = {
    "hidden": ("256,128", "whole numbers with commas between, or none"),
    "pixel_range": ("0,16", "two numbers with a comma between, or auto"),
    "resize": ("28,28", "two whole numbers with a comma between, or off"),
}
"""Hyperparameters of several numbers: an example and the form."""


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
        return run.overview.changes.get(name, "" if run.overview.script else usual)

    def value(run: RunEntry) -> float:
        threads = run.overview.threads if name == "threads" else None
        return threads or (math.inf if text(run) == "all" else number(text(run)))

    if name == "source":
        return Text(name, text, "source:mnist")
    if name in _NUMBERS:
        example, format = _NUMBERS[name]
        return _Numbers(name, text, f"{name}:{example}", format=format)
    if known.choices:
        return Field(name, text, f"{name}:{known.choices[0]}", known.choices)
    example = {"lr": "lr>0.1", "threads": "threads:2"}.get(name, f"{name}:{usual}")
    kind = _Samples if name == "samples" else Number
    return kind(name, value, example, exact=True, percent=known.is_share)


FREE = "config."
"""Begins the name of a setting that only recorded runs have, as in `config.width:128`."""


@dataclass(frozen=True)
class _FreeSetting(Field[RunEntry]):
    """A setting of recorded runs: compared as a number, or with a text that it contains."""

    def read(self, comparison: str, text: str) -> Any:
        """Read a bound, or for what is no number a text."""
        if not math.isnan(number(text)):
            return Number(self.name, _no_number, self.example, exact=True).read(comparison, text)
        return Text(self.name, self.value, self.example).read(comparison, text)

    def both(self, one: Any, other: Any) -> Any:
        """Combine two bounds or two texts."""
        if isinstance(one, Bound) and isinstance(other, Bound):
            return one.narrowed(other)
        return one + other if isinstance(one, tuple) and isinstance(other, tuple) else None

    def passes(self, item: RunEntry, wanted: Any) -> bool:
        """Return whether a run has the setting, and as wanted."""
        found = self.value(item)
        if isinstance(wanted, Bound):
            return bool(wanted.passes(number(found)))
        return bool(found) and all(part in found.casefold() for part in wanted)


def _no_number(run: RunEntry) -> float:
    return math.nan


def _free_setting(name: str) -> Field[RunEntry] | None:
    setting = name.removeprefix(FREE)
    if not setting or setting == name:
        return None
    return _FreeSetting(name, lambda run: run.overview.changes.get(setting, ""), f"{FREE}width:128")


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
    Text("script", lambda run: run.overview.script, "script:train.py"),
)
"""The results of a run: at its best epoch the accuracy on unseen images, validation accuracy and
losses; the newest epoch's validation accuracy and loss; the best epoch, finished epochs, and their
seconds. They are missing before the first epoch, the first one until the run is finished."""

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
    _free_setting,
)

complete = GRAMMAR.complete


def parse(text: str) -> Callable[[RunEntry], bool]:
    """Read a filter; an empty one passes all runs.

    Args:
        text: words as in `lr>0.1 val_acc>0.9 hidden:128 state:stopped name:otter`, in any order.
            An equality with a result holds for what is rounded to it.

    Raises:
        FilterError: a word is unknown or malformed, or two of them exclude each other.
    """
    wanted = GRAMMAR.parse(text)
    return lambda run: bool(GRAMMAR.passes(run, wanted))


@dataclass(frozen=True)
class RunOrder:
    """One order; of equals, the newer run comes first."""

    short: str
    """In two words."""
    key: Callable[[RunEntry], Any]
    """The sort key."""
    column: str = ""
    """The column of the table that it sorts by."""


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
"""The first begins with the live runs."""
BY_TEST = ORDERS[1]
