"""Series of numbers on their way to a chart: smoothed, cut to a window, thinned out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.axis import LIMIT

Role = Literal["train", "val"] | int
"""What a curve shows, which gives it colour and marker; a number where many are compared."""

Floats = NDArray[np.float64]

_NOTHING = 1e-18
"""What weighs less is lost in the rounding."""


@dataclass(frozen=True)
class Series:
    """One curve."""

    name: str
    values: Sequence[float] | Floats
    """One number an epoch; NaN and infinities leave a gap."""
    role: Role = "train"
    xs: Sequence[float] | Floats | None = None
    """Where each value stands, rising; one epoch apart from the chart's `x0` if not given."""
    before: float | None = None
    """The value before the first one, which is read out and not drawn; None if there is none."""


@dataclass(frozen=True)
class Curve:
    """What is drawn of a series: finite values, NaN for gaps."""

    xs: Floats
    ys: Floats
    role: Role

    def between(self, low: float, high: float) -> Curve:
        """The part whose x lies in [low, high]."""
        shown = (self.xs >= low) & (self.xs <= high)
        return Curve(self.xs[shown], self.ys[shown], self.role)


def smooth(values: Floats, weight: float) -> Floats:
    """Exponential moving average without the bias to 0 of its start, as TensorBoard's.

    Args:
        values: Shape (n,); NaN stays and counts for nothing.
        weight: Of the past, in [0, 1); 0 leaves the values as they are.
    """
    if weight <= 0:
        return values
    good = ~np.isnan(values)
    sums = (1 - weight) * values[good]
    shares = np.full(len(sums), 1 - weight)
    reach = 1
    while reach < len(sums) and weight**reach > _NOTHING:
        for array in (sums, shares):
            array[reach:] += weight**reach * array[:-reach].copy()
        reach *= 2
    smoothed = np.full(len(values), np.nan)
    smoothed[good] = sums / shares
    return smoothed


def drawable(values: Sequence[float] | Floats, log: bool) -> Floats:
    """Values as an array, NaN for what cannot be drawn: infinities, and ≤ 0 with `log`.

    Magnitudes below 1e-300 become 0, those above 1e300 count as infinite.
    """
    array = np.asarray(values, dtype=np.float64)
    size = np.abs(array)
    array = np.where(size < 1 / LIMIT, 0.0, array)
    good = (size < LIMIT) & (array > 0) if log else size < LIMIT
    return np.where(good, array, np.nan)


def thin(xs: Floats, values: Floats, low: float, high: float, columns: int) -> list[int]:
    """Indices of the values to draw: at most two a column, its least and its largest one.

    So no spike is lost. A gap (NaN) stays where it fills a column, and wherever all values fit.

    Args:
        xs: Shape (n,), rising.
        values: Shape (n,).
        low: The x of the first column.
        high: The x of the last column.
        columns: How many columns there are.

    Returns:
        Rising indices.
    """
    if len(xs) <= 2 * columns:
        return list(range(len(xs)))
    column = ((xs - low) / (high - low) * (columns - 1) + 0.5).astype(np.int64)
    edges = [0, *(np.flatnonzero(np.diff(column)) + 1).tolist(), len(xs)]
    gaps = np.isnan(values)
    lows, highs = np.where(gaps, np.inf, values), np.where(gaps, -np.inf, values)
    kept: set[int] = set()
    for start, stop in pairwise(edges):
        kept.add(start + int(lows[start:stop].argmin()))
        kept.add(start + int(highs[start:stop].argmax()))
    return sorted(kept)
