"""The confusion matrix as a table: rows true, columns predicted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.style import Style

from mnistop.engine.formatting import percent
from mnistop.tui.draw import colormap
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Grid, Strip, short_names, shorten
from mnistop.tui.draw.palette import Palette

Counts = NDArray[np.integer]

_NAME_WIDTH = 6
_RECALL = "recall"
_SHADES = 8
_HIGHEST = 6
"""Lines that an entry takes at most, where there is more room than it needs."""
_CELLS_PER_LINE = 3
_WIDEST = 9
"""Cells that an entry of up to three lines takes at most; a higher one is wider."""


class ConfusionMatrix(list[Strip]):
    """The lines of a confusion matrix, which know the cell at each place.

    Args:
        lines: The lines.
        layout: The places of its parts.
    """

    def __init__(self, lines: Sequence[Strip], layout: _Layout) -> None:
        super().__init__(lines)
        self._layout = layout

    def cell_at(self, x: int, y: int) -> tuple[int, int] | None:
        """Return the (true, predicted) cell at a column and a line; None where there is none."""
        layout = self._layout
        if 1 <= y <= len(layout.rows) * layout.pitch:
            for start, column in layout.columns:
                if start <= x < start + layout.cell:
                    return layout.rows[(y - 1) // layout.pitch], column
        return None


def confusion(
    matrix: Counts,
    names: Sequence[str],
    terminal: Terminal,
    width: int,
    height: int,
    cursor: tuple[int, int] | None = None,
) -> ConfusionMatrix:
    """Draw a confusion matrix with the recall of each class.

    With colours a cell is shaded by its share of its row, blue on the diagonal and orange beside
    it; with few or none the diagonal is bold. Zeros are dots. Where it does not fit, the part
    around the cursor is shown, and the last line names that part.

    Args:
        matrix: Shape (k, k), whole numbers; entry (i, j) counts the samples of class i that were
            predicted as class j.
        names: The k names of the classes.
        terminal: The terminal.
        width: Cells of each line.
        height: Most lines to return.
        cursor: The chosen cell as (true, predicted).

    Returns:
        At most `height` lines of `width` cells.
    """
    layout = _lay_out(matrix, names, terminal, width, height, cursor)
    body = len(layout.rows) * layout.pitch
    lines = 1 + body + (layout.notice != "") if len(matrix) else 0
    grid = Grid(width, min(lines, height))
    palette = Palette.of(terminal)
    marked = cursor if cursor is not None else (-1, -1)

    heads = short_names(tuple(names), layout.digits, terminal, mark=False)
    row_names = short_names(tuple(names), layout.gutter - 1, terminal)
    grid.put(0, 0, layout.corner, palette.muted)
    for x, column in layout.columns:
        name = heads[column]
        style = palette.strong if column == marked[1] else palette.muted
        grid.put(x + layout.digits - cell_len(name), 0, name, style)
    if layout.recall_x is not None:
        grid.put(layout.recall_x, 0, _RECALL, palette.muted)

    for place, row in enumerate(layout.rows):
        top = 1 + place * layout.pitch
        y = top + (layout.pitch - 1) // 2
        name = row_names[row]
        style = palette.strong if row == marked[0] else palette.muted
        grid.put(layout.gutter - 1 - cell_len(name), y, name, style)
        samples = int(matrix[row].sum())
        for x, column in layout.columns:
            count = int(matrix[row, column])
            text = str(count) if count else "·" if terminal.unicode else "."
            text = f"{text:>{layout.digits}}".ljust(layout.cell)
            if (row, column) == marked:
                style = palette.cursor
            else:
                style = _cell_style(terminal, count, samples, row == column)
            for line in range(top, top + layout.pitch):
                grid.put(x, line, text if line == y else " " * layout.cell, style)
        if layout.recall_x is not None:
            grid.put(layout.recall_x, y, f"{_recall(matrix, row, terminal):>{len(_RECALL)}}")
    grid.put(0, body + 1, layout.notice, palette.muted)
    return ConfusionMatrix(grid.strips(), layout)


@dataclass(frozen=True)
class _Layout:
    """The places of the parts, in cells."""

    gutter: int
    """Width of the names of the rows and a space."""
    cell: int
    digits: int
    """Width of a cell without its space."""
    pitch: int
    """Lines of a row."""
    corner: str
    rows: range
    columns: tuple[tuple[int, int], ...]
    """The x and the index of each column that is shown."""
    recall_x: int | None
    notice: str


def _lay_out(
    matrix: Counts,
    names: Sequence[str],
    terminal: Terminal,
    width: int,
    height: int,
    cursor: tuple[int, int] | None,
) -> _Layout:
    k = len(matrix)
    true, predicted = cursor if cursor is not None else (0, 0)
    corners = ("true↓ pred→", "t↓p→", "t\\p") if terminal.unicode else ("true\\pred", "t\\p")
    name_width = max((cell_len(shorten(str(n), _NAME_WIDTH, terminal)) for n in names), default=1)
    longest = len(str(int(matrix.max()))) if k else 1

    narrow = max(name_width + 1, len(corners[-1]) + 1)
    recall = len(_RECALL) if width >= narrow + 3 * (longest + 1) + len(_RECALL) else 0
    scrolled = (max(longest, min(name_width, 3)), 1)
    for digits, gap in ((max(longest, 3), 1), (longest, 1), (longest, 0), scrolled):
        cell = digits + gap
        space = int(name_width >= digits)
        gutter = max(name_width + 1, len(corners[-1]) + space)
        room = max(width - gutter - recall - (1 - gap), 0)
        if k * cell <= room:
            break
    pitch = max(1, min(max(height - 1, 0) // k, _HIGHEST)) if k else 1
    if k and gap and k * cell <= room:
        for_corner = max(len(corners[0]) + space - gutter, 0)
        widest = max(_WIDEST, _CELLS_PER_LINE * pitch)
        cell = max(cell, min((room - for_corner) // k, widest))
        digits = cell - gap
    count = min(k, max(room // cell, 1))
    widest = gutter + max(room - count * cell, 0) - space
    corner = next((text for text in corners if len(text) <= widest), "")
    gutter = max(gutter, len(corner) + space)

    body = max(height - 1, 0)
    if body < k or count < k:
        body = max(height - 2, 0)
    rows = _window(k, body, true)
    columns = _window(k, count, predicted)
    return _Layout(
        gutter=gutter,
        cell=cell,
        digits=digits,
        pitch=min(pitch, max(body // k, 1)) if k and len(rows) == k else 1,
        corner=corner,
        rows=rows,
        columns=tuple((gutter + cell * i, column) for i, column in enumerate(columns)),
        recall_x=gutter + count * cell + 1 - gap if recall else None,
        notice=_notice(rows, columns, k, width, terminal),
    )


def _window(k: int, count: int, centre: int) -> range:
    """Return `count` of k indices, those around one of them."""
    count = min(count, k)
    start = min(max(centre - count // 2, 0), k - count)
    return range(start, start + count)


def _notice(rows: range, columns: range, k: int, width: int, terminal: Terminal) -> str:
    dash = "–" if terminal.unicode else "-"
    parts = [
        (what, f"{shown.start + 1}{dash}{shown.stop} of {k}")
        for what, shown in (("rows", rows), ("columns", columns))
        if 0 < len(shown) < k
    ]
    text = ", ".join(f"{what} {part}" for what, part in parts)
    if len(text) > width:
        text = " ".join(what[0] + part.replace(" of ", "/") for what, part in parts)
    return shorten(text, width, terminal)


def _recall(matrix: Counts, row: int, terminal: Terminal) -> str:
    samples = int(matrix[row].sum())
    if not samples:
        return "–" if terminal.unicode else "-"
    return percent(int(matrix[row, row]) / samples, 0)


def _cell_style(terminal: Terminal, count: int, samples: int, right: bool) -> Style:
    palette = Palette.of(terminal)
    if not count:
        return palette.muted
    if terminal.colors >= 256:
        return _shade(terminal, -(-_SHADES * count // samples), right)
    if terminal.colors:
        return palette.train + palette.strong if right else palette.bad
    return palette.strong if right else Style.null()


@lru_cache(maxsize=256)
def _shade(terminal: Terminal, shade: int, right: bool) -> Style:
    """Return the style of a shade, 1 … _SHADES: so few that small changes leave a cell alone."""
    share = shade / _SHADES if right else -shade / _SHADES
    ground = int(colormap.diverging(np.array([share]), terminal)[0])
    text = 0x000000 if colormap.luminance(ground) > 0.18 else 0xFFFFFF
    return Style(
        color=colormap.color(text), bgcolor=colormap.color(ground), bold=right if right else None
    )
