"""The curves of a chart, drawn by plotext."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache, reduce
from operator import or_
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.style import Style

from mnistop.engine.axis import Places
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Grid
from mnistop.tui.draw.frame import Frame
from mnistop.tui.draw.legend import letter, marker
from mnistop.tui.draw.palette import Palette
from mnistop.tui.draw.series import Curve, thin

_FINENESS = {"braille": (2, 4), "hd": (2, 2)}
"""Points that a cell holds across and down, by marker; of others one."""
_BLOCK = 16
"""Columns that are drawn at once."""
_BRAILLE = "\u2800"
"""The first braille pattern; the bits of a pattern's number are its dots."""


def draw_curves(grid: Grid, frame: Frame, curves: Sequence[Curve], terminal: Terminal) -> None:
    """Draw curves over what is on the grid.

    A cell that several curves pass shows the dots of all in braille, and otherwise their markers
    and colours by turns, so that none hides another.

    Args:
        grid: The grid to draw on.
        frame: Where the axes stand; it has room for curves.
        curves: The curves, within the x-axis.
        terminal: The terminal.
    """
    palette = Palette.of(terminal)
    cells: dict[tuple[int, int], list[tuple[str, Style]]] = {}
    for curve in curves:
        style = palette.line(curve.role)
        for place, char in _plot(frame, curve, marker(curve.role, terminal)):
            cells.setdefault(place, []).append((char, style))
    for (x, y), drawn in cells.items():
        char, style = drawn[x % len(drawn)]
        if all(other >= _BRAILLE for other, _ in drawn):
            char = chr(reduce(or_, (ord(other) for other, _ in drawn)))
        grid.put(x, y, char, style)
    if terminal.colors and terminal.unicode:
        for curve in curves:
            _draw_end(grid, frame, curve, palette.line(curve.role))


def _plot(frame: Frame, curve: Curve, kind: str) -> Iterator[tuple[tuple[int, int], str]]:
    """Let plotext draw a curve; yields the grid's cells that it fills."""
    own_xs = np.log10(curve.xs) if frame.x_axis.log else curve.xs
    kept = thin(own_xs, curve.ys, frame.x_axis.low, frame.x_axis.high, frame.columns)
    wide, high = _FINENESS.get(kind, (1, 1))
    pieces = _unbroken(
        frame.x_axis.places(curve.xs[kept], wide * frame.columns),
        frame.y_axis.places(curve.ys[kept], high * frame.rows),
        np.isfinite(curve.ys[kept]),
    )
    for first in range(0, frame.columns, _BLOCK):
        columns = min(_BLOCK, frame.columns - first)
        for xs, ys in pieces:
            start = max(0, int(np.searchsorted(xs, wide * first)) - 1)
            stop = int(np.searchsorted(xs, wide * (first + columns))) + 1
            points = _Points(
                tuple((xs[start:stop] - wide * first).tolist()), tuple(ys[start:stop].tolist())
            )
            for x, y, char in _drawn(points, columns, frame.rows, kind):
                yield (frame.left + first + x, frame.top + y), char


class _Points(NamedTuple):
    """A piece of a curve in the points that a cell holds, from the left and from below."""

    xs: tuple[int, ...]
    ys: tuple[int, ...]


@lru_cache(maxsize=1024)
def _drawn(points: _Points, columns: int, rows: int, kind: str) -> list[tuple[int, int, str]]:
    """The cells from the left and from above that a piece fills, and with what.

    Most of a curve stays as it is when an epoch is added to it, and so is remembered.
    """
    wide, high = _FINENESS.get(kind, (1, 1))
    figure = _figure(columns, rows)
    figure.clear_data()
    figure.xlim(0, max(1, wide * columns - 1))
    figure.ylim(0, max(1, high * rows - 1))
    figure.plot(points.xs, points.ys, marker=kind)
    figure.monitor.build_plot()
    return [
        (x, rows - 1 - y, char)
        for y, chars in enumerate(figure.monitor.matrix.marker)
        for x, char in enumerate(chars)
        if char != " "
    ]


@lru_cache(maxsize=16)
def _figure(columns: int, rows: int) -> Any:
    """A figure of plotext's own kind, apart from its global one: no frame, no ticks, no colours."""
    from plotext._figure import _figure_class  # which the first frame does without

    figure = _figure_class()
    figure.theme("clear")
    figure.frame(False)
    figure.xticks([])
    figure.yticks([])
    figure.monitor.set_size([columns, rows])
    return figure


def _unbroken(xs: Places, ys: Places, good: NDArray[np.bool_]) -> list[tuple[Places, Places]]:
    """The pieces of a curve between its gaps."""
    edges = np.flatnonzero(np.diff(good, prepend=False, append=False)).tolist()
    return [
        (xs[start:stop], ys[start:stop])
        for start, stop in zip(edges[::2], edges[1::2], strict=True)
    ]


def _draw_end(grid: Grid, frame: Frame, curve: Curve, style: Style) -> None:
    """Write a curve's letter over its last point."""
    finite = np.flatnonzero(np.isfinite(curve.ys))
    if not len(finite):
        return
    x, y = float(curve.xs[finite[-1]]), float(curve.ys[finite[-1]])
    column = frame.column(x)
    if column is not None:
        grid.put(column, frame.row(y), letter(curve.role), style)
