"""The records of a loop, between its calls and the thread that writes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mnistop.engine import events

START = -1
"""The epoch of the untrained model's evaluation."""

Work = Callable[[], list[events.Event]]
"""What writes other files, and returns the events that name them."""


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
