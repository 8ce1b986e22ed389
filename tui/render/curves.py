"""The curves of a chart, drawn by plotext."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import or_
from typing import Any

import numpy as np
from plotext._figure import _figure_class
from rich.style import Style

from tui.render.axis import Axis
from tui.render.cells import Grid
from tui.render.frame import Frame
from tui.render.legend import letter, marker
from tui.render.palette import Palette
from tui.render.series import Curve, Floats, thin
from tui.render.terminal import Terminal

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
    figure = _figure(frame)
    for curve in curves:
        style = palette.line(curve.role)
        for place, char in _plot(figure, frame, curve, marker(curve.role, terminal)):
            cells.setdefault(place, []).append((char, style))
    for (x, y), drawn in cells.items():
        char, style = drawn[x % len(drawn)]
        if all(other >= _BRAILLE for other, _ in drawn):
            char = chr(reduce(or_, (ord(other) for other, _ in drawn)))
        grid.put(x, y, char, style)
    if terminal.colors and terminal.unicode:
        for curve in curves:
            _draw_end(grid, frame, curve, palette.line(curve.role))


def _figure(frame: Frame) -> Any:
    """A figure of plotext's own kind, apart from its global one: no frame, no ticks, no colours."""
    figure = _figure_class()
    figure.theme("clear")
    figure.frame(False)
    figure.xticks([])
    figure.yticks([])
    figure.monitor.set_size([frame.columns, frame.rows])
    return figure


def _plot(
    figure: Any, frame: Frame, curve: Curve, kind: str
) -> Iterator[tuple[tuple[int, int], str]]:
    """Let plotext draw a curve; yields the grid's cells that it fills."""
    kept = thin(curve.xs, curve.ys, frame.x_axis.low, frame.x_axis.high, frame.columns)
    pieces = _unbroken(curve.xs[kept], curve.ys[kept], frame.y_axis)
    if not pieces:
        return
    figure.clear_data()
    figure.xlim(frame.x_axis.low, frame.x_axis.high)
    figure.ylim(frame.y_axis.low, frame.y_axis.high)
    for xs, ys in pieces:
        figure.plot(xs, ys, marker=kind)
    figure.monitor.build_plot()
    for y, chars in enumerate(figure.monitor.matrix.marker):
        for x, char in enumerate(chars):
            if char != " ":
                yield (frame.left + x, frame.top + frame.rows - 1 - y), char


def _draw_end(grid: Grid, frame: Frame, curve: Curve, style: Style) -> None:
    """Write a curve's letter over its last point."""
    finite = np.flatnonzero(np.isfinite(curve.ys))
    if not len(finite):
        return
    x, y = float(curve.xs[finite[-1]]), float(curve.ys[finite[-1]])
    column = frame.column(x)
    if column is not None:
        grid.put(column, frame.row(y), letter(curve.role), style)


def _unbroken(xs: Floats, ys: Floats, axis: Axis) -> list[tuple[list[float], list[float]]]:
    """The pieces of a curve between its gaps, on the axis's own scale."""
    good = np.isfinite(ys)
    edges = np.flatnonzero(np.diff(good, prepend=False, append=False)).tolist()
    return [
        (xs[start:stop].tolist(), [axis.to_axis(y) for y in ys[start:stop].tolist()])
        for start, stop in zip(edges[::2], edges[1::2], strict=True)
    ]
