"""Axes: limits in round steps, ticks and their labels, and the position of values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]

LIMIT = 1e300
"""Magnitudes above this, and below its inverse, are not drawn."""

_LADDER = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_TICK_STEPS = (1, 2, 5)


@dataclass(frozen=True)
class Axis:
    """An axis from `low` to `high`; with `log`, both are logarithms to base 10."""

    low: float
    high: float
    log: bool = False

    @property
    def limits(self) -> tuple[float, float]:
        """The least and the greatest value."""
        return (10**self.low, 10**self.high) if self.log else (self.low, self.high)

    def holds(self, value: float) -> bool:
        """Return whether a value lies within the limits, up to rounding."""
        if self.log and value <= 0:
            return False
        own = math.log10(value) if self.log else value
        slack = 1e-9 * max(abs(self.low), abs(self.high), 1.0) if self.log else 0.0
        return self.low - slack <= own <= self.high + slack

    def to_axis(self, value: float) -> float:
        """Return a value on the axis's own scale, clipped to its limits."""
        if self.log:
            value = math.log10(value) if value > 0 else self.low
        return min(max(value, self.low), self.high)

    def value(self, share: float) -> float:
        """Return the value at a fraction of the way from the lower end to the upper one."""
        own = self.low + min(max(share, 0.0), 1.0) * (self.high - self.low)
        return 10.0**own if self.log else own

    def place(self, value: float, count: int) -> int:
        """Return the place of a value among `count` equal ones along the axis, whose ends are in
        the middle of the first and the last one."""
        share = (self.to_axis(value) - self.low) / (self.high - self.low)
        return math.floor(round(0.5 + (count - 1) * share, 8))

    def places(self, values: NDArray[np.float64], count: int) -> Places:
        """Return `place` for many values; NaN falls into the first place."""
        shares = self.shares(values)
        placed: Places = np.floor(np.round(0.5 + (count - 1) * shares, 8)).astype(np.int64)
        return placed

    def shares(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return positions of values, from 0 at the lower end to 1 at the upper; NaN is at 0."""
        if self.log:
            values = np.log10(np.where(values > 0, values, 10**self.low))
        values = np.nan_to_num(np.clip(values, self.low, self.high), nan=self.low)
        shares: NDArray[np.float64] = (values - self.low) / (self.high - self.low)
        return shares


def ceiling(value: float, steps: Sequence[float] = _LADDER) -> float:
    """Return the next round number at or above a positive value: a digit of `steps` and zeros."""
    exponent = math.floor(math.log10(value))
    for digit in (*steps, 10 * steps[0]):
        top = digit * 10.0**exponent
        if top >= value * (1 - 1e-9):
            return top
    return value


def linear_axis(smallest: float, largest: float) -> Axis:
    """Return limits around finite values in round steps, from 0 if that takes little room."""
    if 0 <= smallest <= 0.4 * largest and largest > 0:
        return Axis(0.0, ceiling(largest))
    span = largest - smallest
    magnitude = max(abs(smallest), abs(largest))
    if span <= 1e-9 * magnitude:
        span = 0.2 * magnitude or 1.0
    step = ceiling(span / 4, _TICK_STEPS)
    low = step * math.floor(smallest / step + 1e-9)
    high = step * math.ceil(largest / step - 1e-9)
    return Axis(low, high if high > low else low + step)


def log_axis(smallest: float, largest: float) -> Axis:
    """Return limits around positive values at 1, 2 or 5 times a power of ten."""
    high = math.log10(ceiling(largest, _TICK_STEPS))
    low = -math.log10(ceiling(1 / smallest, _TICK_STEPS))
    return Axis(low if low < high - 1e-9 else high - 1, high, log=True)


def ticks(axis: Axis, count: int, gap: int, whole: bool = False) -> list[float]:
    """Return as many round values as fit at least `gap` places apart.

    Args:
        axis: the axis.
        count: its length in places (rows or columns).
        gap: the least distance of two ticks.
        whole: whether only whole numbers may be ticks.

    Returns:
        Ascending values, at most `count`.
    """
    found: list[float] = []
    for found in _log_ticks(axis) if axis.log else _linear_ticks(axis, count, whole):
        places = [axis.place(value, count) for value in found]
        near = min((b - a for a, b in pairwise(places)), default=gap)
        if near >= gap:
            return found
    return found[:1]


def _linear_ticks(axis: Axis, count: int, whole: bool) -> Iterator[list[float]]:
    span = axis.high - axis.low
    step = ceiling(span / max(count, 1), _TICK_STEPS)
    if whole:
        step = max(step, 1.0)
    while step <= 2 * span:
        first = math.ceil(axis.low / step - 1e-9)
        last = math.floor(axis.high / step + 1e-9)
        yield [index * step for index in range(first, last + 1)]
        step = ceiling(1.5 * step, _TICK_STEPS)


def _log_ticks(axis: Axis) -> Iterator[list[float]]:
    first, last = math.floor(axis.low), math.ceil(axis.high)
    decades = range(first, last + 1)

    def inside(exponents: Sequence[int], digits: Sequence[int]) -> list[float]:
        candidates = [digit * 10.0**exponent for exponent in exponents for digit in digits]
        low, high = 10 ** (axis.low - 1e-9), 10 ** (axis.high + 1e-9)
        return [value for value in candidates if low <= value <= high]

    if len(inside(decades, (1,))) < 3:  # 1 and 3 are about as far apart as 3 and 10
        yield from (
            found for digits in ((1, 3), (1, 2, 5)) if len(found := inside(decades, digits)) > 2
        )
    for stride in range(1, len(decades) + 1):
        yield inside([exponent for exponent in decades if exponent % stride == 0], (1,))


def labels(values: Sequence[float], percent: bool = False) -> list[str]:
    """Return compact labels for ticks, all in one format: ``0.01``, ``2.5``, ``90%``, ``1e-5``."""
    if percent:
        return [f"{text}%" for text in labels([100 * value for value in values])]
    sizes = [abs(value) for value in values if value]
    if not sizes:
        return ["0" for _ in values]
    if max(sizes) >= 1e5 or min(sizes) < 1e-3:
        return [scientific(value) for value in values]
    decimals = next(d for d in range(5) if d == 4 or all(_exact(v, d) for v in values))
    if min(sizes) < 0.1 and max(sizes) >= 1:
        return [f"{value:g}" for value in values]
    return [f"{value:.{decimals}f}" for value in values]


def scientific(value: float) -> str:
    """Format a number as ``1e-5``: one digit unless more are needed, no zeros in the exponent."""
    if not value:
        return "0"
    digits, exponent = f"{value:.1e}".split("e")
    return f"{digits.removesuffix('.0')}e{int(exponent)}"


def _exact(value: float, decimals: int) -> bool:
    return abs(round(value, decimals) - value) < 1e-9 * max(1.0, abs(value))
