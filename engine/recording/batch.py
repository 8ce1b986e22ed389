"""The records of a loop as the thread that writes them takes them: calls of `log`, packed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine import events
from mnistop.engine.recording import metrics

START = -1
"""The epoch of the untrained model's evaluation."""

NO_STEP = -1
"""Stands for a step that the loop did not give."""

Work = Callable[[], list[events.Event]]
"""What writes other files, and returns the events that name them."""


@dataclass(frozen=True)
class Late:
    """A number that comes from a device."""

    slot: int

    def __float__(self) -> float:
        return math.nan


class Metric:
    """A name that has been logged."""

    def __init__(self, name: str, number: int, step: int = 0) -> None:
        self.name = name
        self.key = metrics.key(number)
        """Of its records at step 0."""
        self.given_step = step - 1
        """The last step that the loop gave."""
        self.next_step = step
        """The step of its next value, unless the loop gives one; for the thread."""


Names = list[Metric | None]
"""The names of one call of `log`; None for one too many."""


@dataclass
class Calls:
    """Calls of `log` one after another, of the same names and epoch, all with a step or none."""

    names: Names = field(default_factory=list)
    epoch: int = 0
    has_steps: bool = False
    rows: list[Any] = field(default_factory=list)
    """Time, epoch, step and the values of all names of the first call, then of the second, …"""


@dataclass(frozen=True)
class EndOfEpoch:
    """An epoch that has ended, or the evaluation of the untrained model."""

    epoch: int
    """From 0, or `START`."""
    scores: NDArray[np.float32] | None
    """Of the validation images, `(n, classes)`; None if the model was not evaluated."""
    time: float
    """When it ended, in seconds since 1970."""
    seconds: float
    """How long it took, without pauses."""


@dataclass
class Batch:
    """The records of a loop between two writes."""

    records: bytearray = field(default_factory=bytearray)
    """Whole records of `metrics.bin`."""
    late: list[tuple[int, int]] = field(default_factory=list)
    """Of values that come from a device: which record, and which slot."""
    ended: list[EndOfEpoch] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    """How many records came before each of `ended`."""
    said: list[events.Event] = field(default_factory=list)
    """Events that need no files; they are written before those of the epochs."""
    work: list[Work] = field(default_factory=list)

    def append(self, calls: Calls, may_be_late: bool) -> None:
        """Append the records of calls that are alike.

        Args:
            calls: at least one.
            may_be_late: whether any of their values may come from a device.
        """
        names, width = calls.names, 3 + len(calls.names)
        columns = [3 + place for place, metric in enumerate(names) if metric is not None]
        if may_be_late:
            places = itertools.count(len(self.records) // metrics.RECORD)
            rows = (calls.rows[at : at + width] for at in range(0, len(calls.rows), width))
            kept = (row[column] for row in rows for column in columns)
            self.late += [
                (place, value.slot)
                for place, value in zip(places, kept, strict=False)
                if isinstance(value, Late)
            ]
        table = np.array(calls.rows, np.float64).reshape(-1, width)
        records = np.empty((len(table), len(columns)), metrics.LAYOUT)
        records["value"] = table[:, columns]
        records["time"] = table[:, :1]
        for place, metric in enumerate(filter(None, names)):
            counted = metric.next_step + np.arange(len(table))
            given = table[:, 2].astype(np.int64) if calls.has_steps else counted
            steps = np.minimum(given, metrics.LAST_STEP)
            metric.next_step = min(int(steps[-1]) + 1, metrics.LAST_STEP)
            records["key"][:, place] = metric.key | steps
        self.records += records.tobytes()
