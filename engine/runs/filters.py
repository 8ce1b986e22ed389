"""Which runs are wanted, as in `lr>0.1 val_acc>0.9 hidden:128 state:stopped`, and in which order."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mnistop.engine.config import RunConfig, as_text, choices
from mnistop.engine.errors import ConfigError
from mnistop.engine.filter_grammar import (
    WORD,
    Bound,
    FilterError,
    compared,
    completed,
    exclude,
    last_word,
    nearest,
    number,
    rounded,
    words,
)
from mnistop.engine.runs.entry import LIVE, Listed

STATES = ("live", *LIVE, "finished", "stopped", "failed", "interrupted")
"""What a state can be asked to be; `live` is any of the first three."""

TEXTS = ("name", "note", "sweep", "source")
"""Fields of which a part is asked for, in any case of letters."""

_DEFAULTS = {name: as_text(value) for name, value in RunConfig()}
_CHOICES = tuple(name for name in _DEFAULTS if choices(name))
_NUMBERS = tuple(name for name in _DEFAULTS if name not in (*_CHOICES, "hidden", "source"))

RESULTS: dict[str, Callable[[Listed], float | None]] = {
    "test_acc": lambda run: run.overview.test_acc,
    "val_acc": lambda run: run.overview.best_val_acc,
    "val_loss": lambda run: run.overview.best_val_loss,
    "train_loss": lambda run: run.overview.best_train_loss,
    "last_acc": lambda run: run.overview.val_acc,
    "last_loss": lambda run: run.overview.val_loss,
    "best": lambda run: run.overview.best_epoch,
    "trained": lambda run: run.overview.epochs,
    "seconds": lambda run: run.overview.seconds,
}
"""What a run has come to: at its best epoch the accuracy on unseen images, validation accuracy and
losses; the newest epoch's validation accuracy and loss; the best epoch, finished epochs, and their
seconds. None before the first epoch, the first one before the run is finished."""

_ACCURACIES = ("test_acc", "val_acc", "last_acc")
_SHARES = (*_ACCURACIES, "val_fraction", "momentum", "dropout")
_USUAL = {
    "test_acc": ">0.9",
    "val_acc": ">0.9",
    "val_loss": "<0.5",
    "lr": ">0.1",
    "trained": ">10",
    "seconds": ">60",
}
_EXAMPLES = {
    "state": "state:stopped",
    "hidden": "hidden:256,128",
    "threads": "threads:2",
    "name": "name:otter",
    "sweep": "sweep:otter",
}
FIELDS = ("lr", "test_acc", "val_acc", "hidden", "state", *RESULTS, *_NUMBERS, *_CHOICES, *TEXTS)
"""What can be asked for; some of it twice, the likeliest first."""

Test = Callable[[Listed], bool]


@dataclass(frozen=True)
class RunFilter:
    """Which runs are wanted: those that pass all tests."""

    tests: tuple[Test, ...] = ()

    def passes(self, run: Listed) -> bool:
        """Whether a run is wanted."""
        return all(test(run) for test in self.tests)


def parse(text: str) -> RunFilter:
    """The filter that a text describes.

    Args:
        text: words as in `lr>0.1 val_acc>0.9 hidden:128 state:stopped name:otter`, in any order.
            An equality with a result holds for what is rounded to it.

    Raises:
        FilterError: a word is unknown or malformed, or two of them exclude each other.
    """
    tests: list[Test] = []
    bounds: dict[str, tuple[Bound, str]] = {}
    said: dict[str, tuple[str, str]] = {}
    for word in words(text):
        match = WORD.fullmatch(word)
        field = match[1].lower() if match else ""
        if match is None or field not in FIELDS:
            raise _unknown(word, field)
        _, comparison, value = match.groups()
        if field in RESULTS or field in _NUMBERS:
            bound = _bound(word, field, comparison, value)
            earlier, before = bounds.get(field, (bound, word))
            both = earlier.narrowed(bound)
            if both.is_empty:
                raise exclude(before, word)
            bounds[field] = (both, word)
            continue
        if comparison not in (":", "="):
            raise FilterError(f'"{word}": {field} is not larger or smaller; say {_example(field)}.')
        if not value:
            raise FilterError(f'"{word}": a value is missing, as in {_example(field)}.')
        wanted = _checked(word, field, value)
        if field not in TEXTS and said.setdefault(field, (wanted, word))[0] != wanted:
            raise exclude(said[field][1], word)
        tests.append(_test(field, wanted))
    tests += [_bound_test(bound) for bound, _ in bounds.values()]
    return RunFilter(tuple(tests))


def value_of(run: Listed, field: str) -> float | None:
    """A number of a run by its name: a result or a hyperparameter; `all` samples are infinite."""
    if field in RESULTS:
        return RESULTS[field](run)
    if field == "threads" and run.overview.threads:
        return run.overview.threads
    text = run.overview.changes.get(field, _DEFAULTS[field])
    return math.inf if text == "all" else number(text)


def _bound_test(bound: Bound) -> Test:
    def test(run: Listed) -> bool:
        value = value_of(run, bound.field)
        if value is None:
            return False
        above = value >= bound.low if bound.low_counts else value > bound.low
        below = value <= bound.high if bound.high_counts else value < bound.high
        return above and below

    return test


def _test(field: str, wanted: str) -> Test:
    match field:
        case "state":
            return lambda run: run.is_live if wanted == "live" else run.state == wanted
        case "name":
            return lambda run: (
                wanted in run.run.name.casefold() or wanted in run.overview.about.name.casefold()
            )
        case "note":
            return lambda run: wanted in run.overview.about.note.casefold()
        case "sweep":
            return lambda run: wanted in run.run.sweep.casefold()
        case "source":
            return lambda run: wanted in _setting(run, field).casefold()
    return lambda run: _setting(run, field) == wanted


def _setting(run: Listed, field: str) -> str:
    return run.overview.changes.get(field, _DEFAULTS[field])


def _checked(word: str, field: str, value: str) -> str:
    if field in TEXTS:
        return value.casefold()
    if field == "hidden":
        try:
            return as_text(RunConfig.from_values({"hidden": value}).hidden)
        except ConfigError:
            raise FilterError(
                f'"{word}": hidden is whole numbers with commas between, or none, as in '
                "hidden:256,128."
            ) from None
    known = STATES if field == "state" else choices(field)
    if value.lower() not in known:
        near = nearest(value.lower(), known)
        hint = f"did you mean {near}?" if near else f"they are {', '.join(known)}."
        raise FilterError(f'"{word}": there is no {field} {value}; {hint}')
    return value.lower()


def _bound(word: str, field: str, comparison: str, text: str) -> Bound:
    share = field in _SHARES and text.endswith("%")
    digits = text.removesuffix("%") if share else text
    if field == "samples" and text.lower() == "all":
        value = math.inf
    else:
        value = number(digits) / (100 if share else 1)
        if not math.isfinite(value):
            raise FilterError(f'"{word}": a number is missing, as in {_example(field)}.')
    if field in _ACCURACIES and not 0 <= value <= 1:
        raise FilterError(f'"{word}": {field} is from 0 to 1, or a percentage as in {field}>90%.')
    if comparison not in (":", "="):
        return compared(field, comparison, value)
    if field in RESULTS and field not in ("best", "trained"):
        return rounded(field, value, digits, 100 if share else 1)
    return Bound(field, value, value)


def _example(field: str) -> str:
    if field in _EXAMPLES:
        return _EXAMPLES[field]
    if field in _USUAL:
        return field + _USUAL[field]
    if field in _CHOICES:
        return f"{field}:{choices(field)[0]}"
    return f"{field}:{'mnist' if field in TEXTS else _DEFAULTS.get(field, '10')}"


def _unknown(word: str, field: str) -> FilterError:
    bare = word.lower()
    if bare in FIELDS:
        return FilterError(f'"{word}": a value is missing, as in {_example(bare)}.')
    if bare in STATES:
        return FilterError(f'"{word}": say state:{bare}.')
    if not field:
        return FilterError(f'"{word}" compares nothing: say name:{word}, or as in lr>0.1.')
    if near := nearest(field, FIELDS):
        return FilterError(f'"{word}" is not known: did you mean {_example(near)}?')
    return FilterError(
        f'"{word}" is not known; there are name: note: state: test_acc> val_acc> val_loss< '
        "trained> seconds> and all hyperparameters, as lr>0.1."
    )


def complete(text: str) -> list[str]:
    """What a text that is being typed may become: with its last word completed.

    Args:
        text: the line up to the cursor.

    Returns:
        Whole lines that begin with `text`, the likeliest first; none at the start of a word.
    """
    _, last = last_word(text)
    if not last:
        return []
    possible = [_example(field)[: len(field) + 1] for field in dict.fromkeys(FIELDS)]
    for field in ("state", *_CHOICES):
        if last.lower().startswith(f"{field}:"):
            known = STATES if field == "state" else choices(field)
            possible = [f"{field}:{value}" for value in known]
    return completed(text, last, possible)


@dataclass(frozen=True)
class RunOrder:
    """One order; of equals, the newer run comes first."""

    short: str
    """In two words."""
    key: Callable[[Listed], Any]
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


def in_order(runs: Sequence[Listed], order: RunOrder) -> list[Listed]:
    """Runs in an order.

    Args:
        runs: newest first.
        order: one of `ORDERS`.
    """
    return sorted(runs, key=order.key)
