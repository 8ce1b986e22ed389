"""Fractions with their intervals, a line each on one common scale: a forest plot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rich.style import Style

from mnistop.engine.axis import Axis, labels, linear_axis, ticks
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Grid, Strip
from mnistop.tui.draw.palette import Palette

NARROWEST = 12
"""The least cells of a readable scale."""
_LEAST_SPAN = 0.01
_GAP = 8
"""Least cells between two ticks."""


@dataclass(frozen=True)
class Interval:
    """One line of the plot."""

    low: float
    middle: float
    high: float
    """All three in [0, 1], rising."""
    second: float | None = None
    """Another fraction, marked by a cross."""
    strong: bool = False
    """Whether it stands out."""


def scale(intervals: Sequence[Interval | None], near: bool = False) -> Axis:
    """Return a common scale.

    Args:
        intervals: the intervals that it shows.
        near: whether to leave out what lies far below the highest, to separate the upper ones.
    """
    there = [each for each in intervals if each]
    if not there:
        return Axis(0.0, 1.0)
    high = max(each.high for each in there)
    lows = [each.low for each in there]
    lows += [each.second for each in there if each.second is not None]
    best = max(there, key=lambda each: each.middle)
    low = max(min(lows), best.middle - 2 * (best.high - best.low) - 0.02) if near else min(lows)
    high = max(high, _LEAST_SPAN)
    low = min(low, high - _LEAST_SPAN)
    axis = linear_axis(low, high)
    return Axis(min(max(axis.low, 0.0), low), max(min(axis.high, 1.0), high))


def axis_line(axis: Axis, width: int, terminal: Terminal) -> Strip:
    """Draw the percentages of the scale, above the lines.

    Args:
        axis: the scale.
        width: cells.
        terminal: the terminal.
    """
    grid = Grid(width, 1)
    values = ticks(axis, width, _GAP)
    placed = [
        (min(max(axis.place(value, width) - len(text) // 2, 0), width - len(text)), text)
        for value, text in zip(values, labels(values, percent=True), strict=True)
    ]
    if any(one + len(text) >= other for (one, text), (other, _) in pairwise(placed)):
        placed = placed[:1]
    for x, text in placed:
        grid.put(x, 0, text, Palette.of(terminal).muted)
    return grid.strips()[0]


def interval_line(interval: Interval | None, axis: Axis, width: int, terminal: Terminal) -> Strip:
    """Draw one line: the interval, its middle, and the second fraction.

    A value below the scale is an arrow at its left end.

    Args:
        interval: the interval; None for an empty line.
        axis: the scale.
        width: cells.
        terminal: the terminal.
    """
    grid = Grid(width, 1)
    if interval:
        for x, char, style in _cells(interval, axis, width, terminal):
            grid.put(x, 0, char, style)
    return grid.strips()[0]


def _cells(
    interval: Interval, axis: Axis, width: int, terminal: Terminal
) -> Iterator[tuple[int, str, Style]]:
    palette = Palette.of(terminal)
    bar, dot, cross, arrow = "─●×‹" if terminal.unicode else "-ox<"
    style = palette.val + palette.strong if interval.strong else palette.val
    first, last = (axis.place(end, width) for end in (interval.low, interval.high))
    if interval.high >= axis.low:
        for x in range(first, last + 1):
            yield x, bar, style
    if interval.second is not None:
        outside = interval.second < axis.low
        yield axis.place(interval.second, width), arrow if outside else cross, palette.bad
    outside = interval.middle < axis.low
    yield axis.place(interval.middle, width), arrow if outside else dot, style
