"""The curves of a chart: their numbers on the way to it, and its legend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len

from mnistop.engine.axis import LIMIT, labels, scientific
from mnistop.engine.formatting import percent as percent_of
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Piece, clean, flow, shorten
from mnistop.tui.draw.palette import Palette

Role = Literal["train", "val"] | int
"""The part of a curve, which gives it colour and marker; a number where many are compared."""

Floats = NDArray[np.float64]

_NOTHING = 1e-18
"""Weights below this are lost in the rounding."""


@dataclass(frozen=True)
class Series:
    """One curve."""

    name: str
    values: Sequence[float] | Floats
    """One number an epoch; NaN and infinities leave a gap."""
    role: Role = "train"
    xs: Sequence[float] | Floats | None = None
    """The x of each value, rising; one epoch apart from the chart's `x0` if not given."""
    before: float | None = None
    """The value before the first one: read out, but not drawn."""
    is_continuous: bool = False
    """True to read out the nearest value where the cursor is between two; else there is none."""


@dataclass(frozen=True)
class Curve:
    """The drawn part of a series: finite values, NaN for gaps."""

    xs: Floats
    ys: Floats
    role: Role

    def between(self, low: float, high: float) -> Curve:
        """Return the part whose x lies in [low, high]."""
        shown = (self.xs >= low) & (self.xs <= high)
        return Curve(self.xs[shown], self.ys[shown], self.role)


def smooth(values: Floats, weight: float) -> Floats:
    """Return the exponential moving average without the bias to 0 at its start, as TensorBoard's.

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
    """Return values as an array, NaN where they cannot be drawn: infinities, and ≤ 0 with `log`.

    Magnitudes below 1e-300 become 0, those above 1e300 count as infinite.
    """
    array = np.asarray(values, dtype=np.float64)
    size = np.abs(array)
    array = np.where(size < 1 / LIMIT, 0.0, array)
    good = (size < LIMIT) & (array > 0) if log else size < LIMIT
    return np.where(good, array, np.nan)


def thin(xs: Floats, values: Floats, low: float, high: float, columns: int) -> list[int]:
    """Return the indices of the values to draw: at most two a column, its least and its largest.

    No spike is lost. A gap (NaN) stays where it fills a column, and wherever all values fit.

    Args:
        xs: Shape (n,), rising.
        values: Shape (n,).
        low: The x of the first column.
        high: The x of the last column.
        columns: The number of columns.

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


Pieces = list[Piece]


@dataclass(frozen=True)
class Marks:
    """The marks of a chart beside its curves."""

    cursor: float | None = None
    """The x whose values are read out; None for the last one."""
    before: str = ""
    """The name of the cursor's place if that is before the first value; else empty."""
    best: float | None = None
    """The x of the best value."""
    named: Sequence[tuple[str, float]] = ()
    """Names of other xs, with these xs."""
    x_label: str = ""
    title: str = ""
    percent: bool = False


def marker(role: Role, terminal: Terminal) -> str:
    """Return plotext's marker for a curve: braille if colours tell curves apart, else its own."""
    if not terminal.unicode:
        return {"train": "*", "val": "o"}.get(str(role)) or letter(role)
    if terminal.colors or role == "train":
        return "braille"
    return "hd" if role == "val" else letter(role)


def letter(role: Role) -> str:
    """Return the letter at the end of a curve: colour alone must not distinguish it."""
    return role[0] if isinstance(role, str) else chr(ord("a") + role % 26)


def legend(
    series: Sequence[Series],
    x0: float,
    marks: Marks,
    terminal: Terminal,
    width: int,
    lines: int,
) -> list[Pieces]:
    """Lay out title, curves with their values, the x that these belong to, and the best x.

    Words are left out before the legend takes a second line.

    Args:
        series: The curves.
        x0: The x of the first value of a series without its own `xs`.
        marks: Title, cursor, best x.
        terminal: The terminal.
        width: Cells of a line.
        lines: Most lines.

    Returns:
        The styled pieces of each line, clean and at most `width` cells.
    """
    palette = Palette.of(terminal)
    shown = marks.cursor if marks.cursor is not None else _last(series, x0)
    curves: list[Pieces] = []
    for one in series:
        style = palette.line(one.role)
        name = f"{_sample(one.role, terminal)} {clean(one.name, terminal)} "
        value = one.before if marks.before else _value_at(one, x0, marks.cursor)
        curves.append([(name, style), (_value(value, marks.percent, terminal), None)])
    x_name = clean(marks.x_label, terminal)
    place = clean(marks.before, terminal) or f"{x_name} {_number(shown)}"
    x_style = palette.strong if marks.cursor is not None else palette.muted
    title: list[Pieces] = [[(clean(marks.title, terminal), palette.strong)]] * bool(marks.title)
    at: list[Pieces] = [[(place, x_style)]] * bool(x_name)
    best: list[Pieces] = []
    short_best: list[Pieces] = []
    if marks.best is not None:
        mark, number = "▲" if terminal.unicode else "^", _number(marks.best)
        best = [[(f"{mark} best {number}", palette.best)]]
        short_best = [[(mark + number, palette.best)]]

    for items in (
        title + curves + at + best,
        title + curves + at + short_best,
        curves + at + short_best,
        curves + (short_best if marks.cursor is None else at),
    ):
        rows = flow(items, width, "  ")
        if len(rows) == 1 and _width(rows[0]) <= width:
            return rows
    rows = flow(title + curves + at + best if lines > 1 else curves, width, "  ")
    return [_cut(row, width, terminal) for row in rows[:lines]]


def _sample(role: Role, terminal: Terminal) -> str:
    kind = marker(role, terminal)
    if kind == "braille":
        return f"⠒{letter(role)}" if terminal.colors else "⠒⠒"
    return "▀▀" if kind == "hd" else kind


def _last(series: Sequence[Series], x0: float) -> float:
    ends = [
        one.xs[-1] if one.xs is not None else x0 + len(one.values) - 1
        for one in series
        if len(one.values)
    ]
    return float(max(ends, default=x0))


_SAME = 1e-9
"""The largest difference of two xs that count as the same."""


def _value_at(one: Series, x0: float, x: float | None) -> float | None:
    """Return the value at x, None if there is none; the last one if x is None."""
    if x is None:
        index = len(one.values) - 1
    elif one.xs is not None and one.is_continuous and one.xs[0] <= x <= one.xs[-1]:
        index = int(np.abs(np.asarray(one.xs) - x).argmin())
    elif one.xs is not None:
        there = np.flatnonzero(np.isclose(one.xs, x, rtol=0, atol=_SAME))
        index = int(there[0]) if len(there) else -1
    else:
        index = round(x - x0)
    return float(one.values[index]) if 0 <= index < len(one.values) else None


def _value(value: float | None, percent: bool, terminal: Terminal) -> str:
    if value is None:
        return "–" if terminal.unicode else "-"
    if not math.isfinite(value):
        return str(value)
    if percent:
        return percent_of(value)
    small = 0 < abs(value) < 1e-3
    return scientific(value) if small or abs(value) >= 1e4 else f"{value:z.3f}"


def _number(x: float) -> str:
    return labels([x])[0]


def _width(item: Pieces) -> int:
    return sum(cell_len(text) for text, _ in item)


def _cut(pieces: Pieces, width: int, terminal: Terminal) -> Pieces:
    kept: Pieces = []
    for text, style in pieces:
        room = width - _width(kept)
        kept.append((shorten(text, room, terminal), style))
    return kept
