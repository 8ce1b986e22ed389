"""The orders in which runs are looked through."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mnistop.engine.runs.entry import Listed


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
