"""Styled text: a line of it, and a grid of cells."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby, zip_longest

from rich.cells import cell_len
from rich.segment import Segment, SegmentLines
from rich.style import Style

from mnistop.tui.draw.capabilities import Terminal


class Strip:
    """An immutable line of pieces, each of one style.

    Args:
        segments: the pieces from left to right.
        cell_length: the cells that they take, if known.
    """

    __slots__ = ("_segments", "cell_length")

    def __init__(self, segments: Iterable[Segment], cell_length: int | None = None) -> None:
        self._segments = tuple(segments)
        self.cell_length = (
            sum(cell_len(segment.text) for segment in self._segments)
            if cell_length is None
            else cell_length
        )

    def __iter__(self) -> Iterator[Segment]:
        return iter(self._segments)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Strip) and self._segments == other._segments

    def __hash__(self) -> int:
        return hash(self._segments)

    def __repr__(self) -> str:
        return f"Strip({self._segments!r}, {self.cell_length})"

    @classmethod
    @lru_cache(maxsize=256)
    def blank(cls, cell_length: int, style: Style | None = None) -> Strip:
        """Return a line of spaces."""
        return cls([Segment(" " * cell_length, style)], cell_length)

    @classmethod
    def join(cls, strips: Iterable[Strip]) -> Strip:
        """Return lines side by side, as one."""
        parts = list(strips)
        return cls(
            (segment for part in parts for segment in part), sum(part.cell_length for part in parts)
        )

    @property
    def text(self) -> str:
        """The text of the line, without its styles."""
        return "".join(segment.text for segment in self._segments)

    def adjust_cell_length(self, cell_length: int, style: Style | None = None) -> Strip:
        """Return the line, filled with spaces of a style or cut to a width."""
        missing = cell_length - self.cell_length
        if missing > 0:
            return Strip((*self._segments, Segment(" " * missing, style)), cell_length)
        return self.crop(0, cell_length) if missing else self

    def crop(self, start: int, end: int | None = None) -> Strip:
        """Return the cells from `start` to before `end`; half of a wide character is a space."""
        end = self.cell_length if end is None else min(end, self.cell_length)
        kept = []
        x = 0
        for segment in self._segments:
            cells = cell_len(segment.text)
            if x < end and x + cells > start:
                if x + cells > end:
                    segment, _ = segment.split_cells(end - x)
                if x < start:
                    _, segment = segment.split_cells(start - x)
                kept.append(segment)
            x += cells
        return Strip(kept, max(0, end - start))


Piece = tuple[str, Style | None]
PLAIN = Style.null()
"""No style of its own. Textual's filters want a style on every segment."""

_KEPT = 1 << 13

_ASCII = {
    **dict.fromkeys("─━═╌▁▔▂–—−", "-"),
    **dict.fromkeys("│┃║‖▏▕▎▌▐", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯✓", "+"),
    **dict.fromkeys("█▇▆▅▄▃▊▉■", "#"),
    **dict.fromkeys("→▸▶", ">"),
    **dict.fromkeys("•●★", "*"),
    **dict.fromkeys("×✗", "x"),
    "←": "<",
    "↑": "^",
    "↓": "v",
    "○": "o",
    "…": "~",
    "·": ".",
    "ε": "eps",
    "±": "+-",
    "∞": "inf",
}
"""What stands for characters where only ASCII is shown."""


def clean(text: str, terminal: Terminal) -> str:
    """Make foreign text safe to draw: no control characters, and ASCII where only that is shown.

    Args:
        text: Any text, such as the name of a class or a run.
        terminal: The terminal that will show it.

    Returns:
        The text in characters of one or two cells each.
    """
    if text.isascii() and text.isprintable():
        return text
    if not terminal.unicode:
        text = "".join(char if char.isascii() else _ASCII.get(char, "?") for char in text)
    return "".join(char for char in text if char.isprintable() and cell_len(char) > 0)


def shorten(text: str, width: int, terminal: Terminal, mark: bool = True) -> str:
    """Clean a text and cut it to at most `width` cells.

    Args:
        text: Any text.
        width: Cells to fit in.
        terminal: The terminal that will show it.
        mark: Whether a cut is shown by ``…``, or ``~`` in ASCII.
    """
    text = clean(text, terminal)
    if cell_len(text) <= width:
        return text
    end = ("…" if terminal.unicode else "~") if mark and width > 0 else ""
    while text and cell_len(text) > width - len(end):
        text = text[:-1]
    return text + end


@lru_cache(maxsize=64)
def short_names(
    names: tuple[str, ...], width: int, terminal: Terminal, mark: bool = True
) -> tuple[str, ...]:
    """Clean the names of classes and cut each to at most `width` cells.

    Names that differ only at their ends, as `Sample001` and `Sample002`, lose their beginnings.

    Args:
        names: All names, `(k,)`.
        width: Cells to fit in.
        terminal: The terminal that will show them.
        mark: Whether a cut is shown by ``…``, or ``~`` in ASCII.
    """
    beginnings = tuple(shorten(name, width, terminal, mark) for name in names)
    ends = tuple(shorten(name[::-1], width, terminal, mark)[::-1] for name in names)
    return ends if len(set(ends)) >= 2 * len(set(beginnings)) else beginnings


class Grid:
    """A rectangle of cells, each with one character and one style."""

    def __init__(self, width: int, height: int) -> None:
        self.width = max(width, 0)
        self.height = max(height, 0)
        self.chars = [[" "] * self.width for _ in range(self.height)]
        self.styles: list[list[Style | None]] = [[None] * self.width for _ in range(self.height)]

    def put(self, x: int, y: int, text: str, style: Style | None = None) -> None:
        """Write clean text from cell (x, y) to the right, cut off at the ends of the line.

        A character of two cells leaves the second one empty.
        """
        if not 0 <= y < self.height:
            return
        chars, styles = self.chars[y], self.styles[y]
        for char in text:
            cells = 1 if char.isascii() else cell_len(char)
            if x >= 0 and x + cells <= self.width:
                chars[x] = char
                styles[x] = style
                if cells == 2:
                    chars[x + 1] = ""
                    styles[x + 1] = style
            x += cells

    def strips(self) -> list[Strip]:
        """Return the lines from top to bottom, neighbours of one style in one segment."""
        return [
            strip(zip(chars, styles, strict=True), self.width)
            for chars, styles in zip(self.chars, self.styles, strict=True)
        ]


def in_the_middle(
    text: str, width: int, height: int, style: Style | None, terminal: Terminal
) -> list[Strip]:
    """Draw a text in the middle of a rectangle, in place of a picture."""
    grid = Grid(width, height)
    text = shorten(text, grid.width, terminal)
    grid.put((grid.width - cell_len(text)) // 2, (grid.height - 1) // 2, text, style)
    return grid.strips()


def strip(cells: Iterable[tuple[str, Style | None]], width: int) -> Strip:
    """Join styled pieces of text, `width` cells in all, to a strip of few segments."""
    segments = [
        Segment("".join(text for text, _ in run), style or PLAIN)
        for style, run in groupby(cells, key=lambda cell: cell[1])
    ]
    return Strip(segments, width)


def line(pieces: Iterable[tuple[str, Style | None]], width: int) -> Strip:
    """Join styled pieces of clean text, filled with spaces or cut to `width` cells."""
    segments = [Segment(text, style or PLAIN) for text, style in pieces if text]
    return Strip(segments).adjust_cell_length(max(width, 0), PLAIN)


def unbroken(pieces: Iterable[Piece]) -> list[list[Piece]]:
    """Divide a styled text at its blanks: each group is a word, or what stands against it."""
    groups: list[list[Piece]] = [[]]
    for text, style in pieces:
        for part in re.findall(r"\s+|\S+", text):
            if part.isspace():
                groups.append([])
            else:
                groups[-1].append((part, style))
    return [group for group in groups if group]


def flow(groups: Iterable[Sequence[Piece]], width: int, gap: str = "") -> list[list[Piece]]:
    """Lay out groups of pieces on lines; a line never ends within a group.

    Args:
        groups: the groups.
        width: cells of a line; a wider group has a line of its own.
        gap: what stands between two groups of a line.
    """
    lines: list[list[Piece]] = [[]]
    used = 0
    for group in groups:
        cells = sum(cell_len(text) for text, _ in group)
        if used and used + len(gap) + cells > width:
            lines.append([])
            used = 0
        if used and gap:
            lines[-1].append((gap, None))
            used += len(gap)
        lines[-1] += group
        used += cells
    return lines


class Changed(dict[Segment, Segment]):
    """Pieces of lines after a change, computed once for each piece.

    Args:
        change: changes a piece.
    """

    def __init__(self, change: Callable[[Segment], Segment]) -> None:
        super().__init__()
        self._change = change

    def __missing__(self, piece: Segment) -> Segment:
        if len(self) >= _KEPT:
            self.clear()
        changed = self[piece] = self._change(piece)
        return changed


def on_ground(lines: Sequence[Strip], ground: Style) -> list[Strip]:
    """Return lines on a ground, whose colours fill in for those that are not set."""
    change = _on_ground(ground).__getitem__
    return [Strip(map(change, line), line.cell_length) for line in lines]


@lru_cache(maxsize=16)
def _on_ground(ground: Style) -> Changed:
    def change(piece: Segment) -> Segment:
        text, style, control = piece
        if style and style.color and style.bgcolor:
            return piece
        return Segment(text, ground + style if style else ground, control)

    return Changed(change)


def beside(blocks: Sequence[Sequence[Strip]], gap: int = 2) -> list[Strip]:
    """Join blocks of strips side by side, their tops in one line.

    Args:
        blocks: The blocks; all strips of a block have one width.
        gap: Empty cells between two blocks.
    """
    widths = [block[0].cell_length if block else 0 for block in blocks]
    space = Strip.blank(gap, PLAIN)
    lines = []
    for row in zip_longest(*blocks):
        parts: list[Strip] = []
        for part, width in zip(row, widths, strict=True):
            parts += [part or Strip.blank(width, PLAIN), space]
        lines.append(Strip.join(parts[:-1]))
    return lines


def plain(strips: Iterable[Strip]) -> str:
    """Return the text of strips without their styles, one line each."""
    return "\n".join(line.text for line in strips)


def printable(strips: Iterable[Strip]) -> SegmentLines:
    """Return strips as a Rich console prints them, with their colours."""
    return SegmentLines(map(list, strips), new_lines=True)
