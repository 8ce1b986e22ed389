"""The frame of a chart: the places of its parts, its axes and its marks."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from rich.cells import cell_len
from rich.style import Style

from mnistop.engine.axis import Axis, labels, scientific, ticks
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Grid, shorten
from mnistop.tui.draw.palette import Palette
from mnistop.tui.draw.series import Marks

_LABEL_WIDTH = 4


@dataclass(frozen=True)
class Frame:
    """The places of the parts of a chart in its grid."""

    x_axis: Axis
    y_axis: Axis
    left: int
    """Column of the first cell for curves; the axis is left of it, and the labels of that."""
    top: int
    columns: int
    rows: int
    bottom: int
    """Lines below the curves: the axis and its labels."""
    fine: tuple[int, int]
    """Points that a cell holds across and down."""
    y_ticks: list[float]
    y_labels: list[str]

    @classmethod
    def fit(
        cls, grid: Grid, x_axis: Axis, y_axis: Axis, percent: bool, legend: int, terminal: Terminal
    ) -> Frame:
        """Divide a grid: first the curves, then, as height allows, axis, labels and legend.

        Args:
            grid: The grid.
            x_axis: The x-axis.
            y_axis: The y-axis.
            percent: Whether the y-axis shows percentages.
            legend: Lines that the legend would take.
            terminal: The terminal.
        """
        top = legend if grid.height >= legend + 3 else 0
        bottom = 2 if grid.height >= 5 else 1 if grid.height >= 3 else 0
        rows = grid.height - top - bottom
        fine = (2, 4) if terminal.unicode else (1, 1)
        y_ticks = ticks(y_axis, rows, 2) if rows > 0 else []
        y_labels = labels(y_ticks, percent)
        label_width = max(_LABEL_WIDTH, *map(len, y_labels), 0)
        left = label_width + 1 if grid.width >= 2 * label_width + 4 else 0
        return cls(
            x_axis, y_axis, left, top, grid.width - left, rows, bottom, fine, y_ticks, y_labels
        )

    def column(self, x: float | None) -> int | None:
        """Return the grid's column for an x, None where it is not shown."""
        if x is None or not self.x_axis.holds(x) or self.columns <= 0:
            return None
        return self.left + self.x_axis.place(x, self.columns * self.fine[0]) // self.fine[0]

    def x(self, column: int) -> float | None:
        """Return the x in the middle of a column of the grid, None beside the curves."""
        points = self.columns * self.fine[0]
        if not self.left <= column < self.left + self.columns or points < 2:
            return None
        point = (column - self.left) * self.fine[0] + (self.fine[0] - 1) / 2
        return self.x_axis.value(point / (points - 1))

    def row(self, y: float) -> int:
        """Return the grid's row for a y, the nearest where it is not shown."""
        place = self.y_axis.place(y, self.rows * self.fine[1]) // self.fine[1]
        return self.top + self.rows - 1 - place


def draw_axes(grid: Grid, frame: Frame, terminal: Terminal, whole: bool) -> None:
    """Draw the axis on the left and the one below, with round ticks.

    Args:
        grid: The grid to draw on.
        frame: The places of the axes.
        terminal: The terminal.
        whole: Whether x is counted in whole numbers.
    """
    muted = Palette.of(terminal).muted
    upright, corner, level, y_tick, x_tick = "│└─┤┬" if terminal.unicode else "|+-++"
    if frame.left:
        for y in range(frame.rows):
            grid.put(frame.left - 1, frame.top + y, upright, muted)
        for value, label in zip(frame.y_ticks, frame.y_labels, strict=True):
            y = frame.row(value)
            grid.put(0, y, f"{label:>{frame.left - 1}}{y_tick}", muted)
    if not frame.bottom:
        return
    y = frame.top + frame.rows
    if frame.left:
        grid.put(frame.left - 1, y, corner, muted)
    grid.put(frame.left, y, level * frame.columns, muted)
    for x, start, label in _x_labels(frame, grid.width, whole):
        if x > frame.left:
            grid.put(x, y, x_tick, muted)
        if frame.bottom > 1:
            grid.put(start, y + 1, label, muted)


def _x_labels(frame: Frame, width: int, whole: bool) -> list[tuple[int, int, str]]:
    """Return the ticks below that fit, as (column, column of the label's start, label)."""
    found: list[tuple[int, int, str]] = []
    for gap in range(6, max(frame.columns, 7)):
        values = ticks(frame.x_axis, frame.columns, gap, whole)
        found = []
        for value, label in zip(values, _words(values, frame.x_axis), strict=True):
            x = frame.column(value) or 0
            start = min(max(x - (len(label) - 1) // 2, 0), width - len(label))
            found.append((x, start, label))
        if all(b[1] - a[1] >= len(a[2]) + 2 for a, b in pairwise(found)):
            return found
    return found[:1]


def _words(values: list[float], axis: Axis) -> list[str]:
    """Return the labels of ticks; with an exponent for small values on a logarithmic axis."""
    if not axis.log:
        return labels(values)
    return [scientific(value) if value < 1e-3 else f"{value:g}" for value in values]


def draw_marks(
    grid: Grid,
    frame: Frame,
    marks: Marks,
    x0: float,
    reference: tuple[str, float] | None,
    terminal: Terminal,
) -> None:
    """Draw the reference line, the lines of named xs and of the cursor, and the best x on the axis.

    A cursor before the first value is drawn on the y-axis.

    Args:
        grid: The grid to draw on.
        frame: The places of the axes.
        marks: Cursor, named xs and best x.
        x0: The x of the first value.
        reference: Label and value of the reference line.
        terminal: The terminal.
    """
    palette = Palette.of(terminal)
    upright, best, dotted, on_axis = "│▲┊┃" if terminal.unicode else "|^:#"

    def draw_line(column: int | None, char: str, style: Style) -> None:
        if column is not None:
            for y in range(frame.top, frame.top + frame.rows):
                grid.put(column, y, char, style)

    for _, x in marks.named:
        draw_line(frame.column(x), dotted, palette.muted)
    if reference is not None and frame.rows > 0 and frame.y_axis.holds(reference[1]):
        grid.put(
            frame.left, frame.row(reference[1]), _dash(terminal) * frame.columns, palette.muted
        )
    draw_line(frame.column(marks.cursor), upright, palette.strong)
    best_x = frame.column(marks.best)
    if best_x is not None and frame.bottom:
        grid.put(best_x, frame.top + frame.rows, best, palette.best)
    if marks.before and frame.x_axis.holds(x0):
        draw_line(max(frame.left - 1, 0), on_axis, palette.strong)


def draw_reference_name(
    grid: Grid, frame: Frame, reference: tuple[str, float] | None, terminal: Terminal
) -> None:
    """Write the label of the reference line at its end, or beside it where a curve runs along it.

    Args:
        grid: The grid to draw on, with all curves drawn.
        frame: The places of the axes.
        reference: Label and value of the reference line.
        terminal: The terminal.
    """
    if reference is None or not frame.y_axis.holds(reference[1]):
        return
    text = shorten(f" {reference[0]}", frame.columns, terminal)
    start, y = grid.width - cell_len(text), frame.row(reference[1])
    free = {" ", _dash(terminal)}
    rows = [row for row in (y, y - 1, y + 1) if frame.top <= row < frame.top + frame.rows]
    row = next((row for row in rows if free.issuperset(grid.chars[row][start:])), y)
    grid.put(start, row, text, Palette.of(terminal).muted)


def _dash(terminal: Terminal) -> str:
    return "╌" if terminal.unicode else "-"


def draw_names(grid: Grid, frame: Frame, marks: Marks, terminal: Terminal) -> None:
    """Write the names of the named xs beside their lines, each on the first line with room.

    Args:
        grid: The grid to draw on.
        frame: The places of the axes.
        marks: The named xs.
        terminal: The terminal.
    """
    style = Palette.of(terminal).strong
    taken: list[tuple[int, int, int]] = []
    for name, x in sorted(marks.named, key=lambda each: each[1]):
        column = frame.column(x)
        if column is None:
            continue
        text = shorten(name, frame.columns, terminal)
        width = cell_len(text)
        start = column + 1 if column + 1 + width <= grid.width else column - width
        row = 0
        while any(y == row and start <= end and begin <= start + width for y, begin, end in taken):
            row += 1
        if row < frame.rows:
            taken.append((row, start, start + width))
            grid.put(start, frame.top + row, text, style)
