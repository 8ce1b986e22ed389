"""Line charts of loss and accuracy: curves by plotext, frame and legend around them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache, reduce
from operator import or_
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.style import Style

from mnistop.engine.axis import Axis, Places, ceiling, linear_axis, log_axis
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Grid, Strip, in_the_middle
from mnistop.tui.draw.frame import (
    Frame,
    draw_axes,
    draw_marks,
    draw_names,
    draw_reference_name,
)
from mnistop.tui.draw.palette import Palette
from mnistop.tui.draw.series import (
    Curve,
    Marks,
    Series,
    drawable,
    legend,
    letter,
    marker,
    smooth,
    thin,
)


class Chart(list[Strip]):
    """The lines of a chart, which know the x at each place.

    Args:
        lines: the lines.
        frame: the places of the axes; None for a text in place of a chart.
    """

    def __init__(self, lines: Sequence[Strip], frame: Frame | None = None) -> None:
        super().__init__(lines)
        self._frame = frame

    def x_at(self, column: int, line: int) -> float | None:
        """Return the x of a cell, None where the cell lies beside the curves."""
        if self._frame is None or not 0 <= line < len(self):
            return None
        return self._frame.x(column)


def chart(
    series: Sequence[Series],
    width: int,
    height: int,
    terminal: Terminal,
    *,
    x0: float = 0,
    x_max: float | None = None,
    log: bool = False,
    log_x: bool = False,
    smoothing: float = 0.0,
    window: int | None = None,
    cursor: float | None = None,
    before: str = "",
    best: float | None = None,
    named: Sequence[tuple[str, float]] = (),
    reference: tuple[str, float] | None = None,
    y_limits: tuple[float, float] | None = None,
    percent: bool = False,
    x_label: str = "epoch",
    title: str = "",
    empty: str = "",
) -> Chart:
    """Draw curves over epochs.

    The limits of both axes move in steps, so that most new points change few cells. Long series
    are thinned out to the least and the largest value of each column.

    Args:
        series: The curves; later ones are drawn over earlier ones.
        width: Cells of each line.
        height: Lines.
        terminal: The terminal.
        x0: The x of the first value, for series without their own `xs`.
        x_max: The end of the x-axis, such as the planned number of epochs; it grows
            with the data if not given, or when the data pass it.
        log: Whether the y-axis is logarithmic; values ≤ 0 are then left out.
        log_x: Whether the x-axis is logarithmic; all x must then be above 0.
        smoothing: Weight of the past in [0, 1) for the curves; the numbers in the legend stay
            those that were measured.
        window: Show the last `window` epochs only, and limit the y-axis to what is shown.
        cursor: The x whose values the legend reads out, marked by a vertical line.
        before: The name of the place of a cursor left of `x0`, such as `untrained`: the legend
            reads out each `Series.before`, and the y-axis is marked.
        best: The x to mark below the axis as the best.
        named: Names of further xs to mark by vertical lines, with these xs; all are shown.
        reference: Label and value of a dashed horizontal line.
        y_limits: Limits of the y-axis; those of the data if not given.
        percent: Whether to show the values as percentages.
        x_label: The name of x.
        title: The beginning of the legend.
        empty: A text for a chart without any values.

    Returns:
        `height` lines of `width` cells.
    """
    curves = [_curve(one, x0, smoothing, log) for one in series]
    if not any(np.isfinite(curve.ys).any() for curve in curves):
        return Chart(in_the_middle(empty, width, height, Palette.of(terminal).muted, terminal))

    grid = Grid(width, height)
    x_axis = _log_x_axis(curves, named) if log_x else _x_axis(curves, x_max, window)
    curves = [curve.between(*x_axis.limits) for curve in curves]
    shown = [reference[1]] if reference is not None and window is None else []
    y_axis = _y_axis(curves, shown, y_limits, log, percent)

    marks = Marks(
        cursor=cursor,
        before=before if cursor is not None and cursor < x0 else "",
        best=best,
        named=named,
        x_label=x_label,
        title=title,
        percent=percent,
    )
    rows = legend(series, x0, marks, terminal, grid.width, max(1, (grid.height + 1) // 4))
    frame = Frame.fit(grid, x_axis, y_axis, percent, len(rows), terminal)
    if frame.top:
        for y, pieces in enumerate(rows):
            x = 0
            for text, style in pieces:
                grid.put(x, y, text, style)
                x += cell_len(text)
    whole = float(x0).is_integer() and all(one.xs is None for one in series)
    draw_axes(grid, frame, terminal, whole)
    draw_marks(grid, frame, marks, x0, reference, terminal)
    if frame.columns > 0 and frame.rows > 0:
        draw_curves(grid, frame, curves, terminal)
        draw_reference_name(grid, frame, reference, terminal)
        draw_names(grid, frame, marks, terminal)
    return Chart(grid.strips(), frame)


def _curve(one: Series, x0: float, smoothing: float, log: bool) -> Curve:
    ys = drawable(smooth(drawable(one.values, log=False), smoothing), log)
    xs = np.asarray(x0 + np.arange(len(ys)) if one.xs is None else one.xs, dtype=np.float64)
    return Curve(xs, ys, one.role)


def _x_axis(curves: Sequence[Curve], x_max: float | None, window: int | None) -> Axis:
    xs = np.concatenate([curve.xs for curve in curves])
    first, last = float(xs.min()), float(xs.max())
    if window is not None and window > 0 and last - window + 1 > first:
        step = ceiling(window / 5, (1, 2, 5))
        low = step * math.floor((last - window + 1) / step)
        return Axis(max(low, first), max(step * math.ceil(last / step), low + step))
    if x_max is not None and x_max >= last and x_max > first:
        return Axis(first, x_max)
    return Axis(first, first + ceiling(last - first) if last > first else first + 1)


def _log_x_axis(curves: Sequence[Curve], named: Sequence[tuple[str, float]]) -> Axis:
    xs = np.concatenate([*(curve.xs for curve in curves), [x for _, x in named]])
    low, high = math.log10(xs.min()), math.log10(xs.max())
    return Axis(low, high if high > low else low + 1, log=True)


def _y_axis(
    curves: Sequence[Curve],
    others: Sequence[float],
    limits: tuple[float, float] | None,
    log: bool,
    percent: bool,
) -> Axis:
    if limits is not None and limits[0] < limits[1] and not log:
        return Axis(*limits)
    ys = np.concatenate([curve.ys for curve in curves] + [drawable(others, log)])
    ys = ys[np.isfinite(ys)]
    if not len(ys):
        return log_axis(0.1, 1) if log else Axis(0, 1)
    smallest, largest = float(ys.min()), float(ys.max())
    if log:
        return log_axis(smallest, largest)
    axis = linear_axis(smallest, largest)
    return Axis(axis.low, min(axis.high, 1.0)) if percent and axis.low < 1 >= largest else axis


_FINENESS = {"braille": (2, 4), "hd": (2, 2)}
"""Points that a cell holds across and down, by marker; all others hold one."""
_BLOCK = 16
"""Columns drawn at once."""
_BRAILLE = "\u2800"
"""The first braille pattern; the bits of a pattern's number are its dots."""


def draw_curves(grid: Grid, frame: Frame, curves: Sequence[Curve], terminal: Terminal) -> None:
    """Draw curves over what is on the grid.

    A cell that several curves pass shows the dots of all in braille; otherwise it shows one of
    their markers, in turn along the x-axis, so that none hides another.

    Args:
        grid: The grid to draw on.
        frame: The places of the axes; it has room for curves.
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
    """Draw a curve by plotext, and yield the grid's cells that it fills."""
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
            points = zip(
                (xs[start:stop] - wide * first).tolist(), ys[start:stop].tolist(), strict=True
            )
            for x, y, char in _drawn(tuple(points), columns, frame.rows, kind):
                yield (frame.left + first + x, frame.top + y), char


@lru_cache(maxsize=1024)
def _drawn(
    points: tuple[tuple[int, int], ...], columns: int, rows: int, kind: str
) -> list[tuple[int, int, str]]:
    """Return the cells from the left and from above that a piece fills, with their characters.

    Most of a curve stays as it is when an epoch is added to it, and comes from the cache.
    """
    wide, high = _FINENESS.get(kind, (1, 1))
    figure = _figure(columns, rows)
    figure.clear_data()
    figure.xlim(0, max(1, wide * columns - 1))
    figure.ylim(0, max(1, high * rows - 1))
    figure.plot(*zip(*points, strict=True), marker=kind)
    figure.monitor.build_plot()
    return [
        (x, rows - 1 - y, char)
        for y, chars in enumerate(figure.monitor.matrix.marker)
        for x, char in enumerate(chars)
        if char != " "
    ]


@lru_cache(maxsize=16)
def _figure(columns: int, rows: int) -> Any:
    """Return a plotext figure other than its global one: no frame, no ticks, no colours."""
    from plotext._figure import _figure_class  # not before the first frame

    figure = _figure_class()
    figure.theme("clear")
    figure.frame(False)
    figure.xticks([])
    figure.yticks([])
    figure.monitor.set_size([columns, rows])
    return figure


def _unbroken(xs: Places, ys: Places, good: NDArray[np.bool_]) -> list[tuple[Places, Places]]:
    """Return the pieces of a curve between its gaps."""
    edges = np.flatnonzero(np.diff(good, prepend=False, append=False)).tolist()
    return [
        (xs[start:stop], ys[start:stop])
        for start, stop in zip(edges[::2], edges[1::2], strict=True)
    ]


def _draw_end(grid: Grid, frame: Frame, curve: Curve, style: Style) -> None:
    """Write a curve's letter over its last point."""
    finite = np.flatnonzero(np.isfinite(curve.ys))
    if len(finite) and (column := frame.column(float(curve.xs[finite[-1]]))) is not None:
        grid.put(column, frame.row(float(curve.ys[finite[-1]])), letter(curve.role), style)
