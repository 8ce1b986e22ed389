"""Tables: columns are declared once, and shown as far as there is room for them."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

from mnistop.engine.files import one_line

if TYPE_CHECKING:
    from rich.style import Style

Item = TypeVar("Item")
_NUMBER = re.compile(r"[^0-9a-zA-Z]\d+$")
Piece = tuple[str, "Style | None"]


@dataclass(frozen=True)
class Column(Generic[Item]):
    """A column: its head, and the cell of an item as text or as a drawing."""

    head: str
    text: Callable[[Item], str] = lambda _: ""
    width: int = 0
    """The most cells of a text; 0 for those of the longest one."""
    rank: int = 0
    """Where room is short, the columns of the highest rank go first, and those of rank 0 stay."""
    least: int = 0
    """The cells that it cannot do without, if it takes what the others leave; 0 for `width`."""
    left: bool = False
    """True if texts are aligned on the left, as words are; else on the right, as numbers are."""
    is_name: bool = False
    """True if a number at the end of a text is not cut off: by it the runs of a sweep differ."""
    gap: int = 2
    """Empty cells before it, unless it comes first."""
    style: Callable[[Item], Style | None] = lambda _: None
    draw: Callable[[Item | None, int], Iterable[Piece]] | None = None
    """Draws a cell of some width in place of the text; for None the head, where that is empty."""

    @property
    def needed(self) -> int:
        """The cells that it cannot do without."""
        return self.gap + (self.least or self.width)

    def cut(self, text: str, mark: str) -> str:
        """Return a text of exactly `width` cells, filled with blanks or cut before a mark."""
        if cell_count(text) > self.width:
            number = _NUMBER.search(text) if self.is_name else None
            end = mark + (number[0] if number and len(number[0]) < self.width - 1 else "")
            text = text[: len(text) - len(end) + len(mark)]
            while text and cell_count(text) > self.width - len(end):
                text = text[:-1]
            text += end[: self.width]
        blanks = " " * (self.width - cell_count(text))
        return text + blanks if self.left else blanks + text


class Table(Generic[Item]):
    """Columns, fitted into a width.

    Args:
        columns: from the left.
        width: cells of a line; None for no limit.
        items: those by which the columns without a width are measured.
        clean: prepares a text for where it is shown.
    """

    def __init__(
        self,
        columns: Iterable[Column[Item]],
        width: int | None = None,
        items: Sequence[Item] = (),
        clean: Callable[[str], str] = one_line,
    ) -> None:
        self._clean = clean
        offered = [self._measured(column, items) for column in columns]
        room = math.inf if width is None else width + offered[0].gap
        kept = []
        for column in sorted(offered, key=lambda column: column.rank):
            if not column.rank or column.needed <= room:
                room -= column.needed
                kept.append(column)
        self.columns: list[Column[Item]] = []
        for column in offered:
            if column in kept:
                if column.least:
                    more = max(0, min(column.width - column.least, room))
                    column, room = replace(column, width=column.least + int(more)), room - more
                self.columns.append(column)

    def _measured(self, column: Column[Item], items: Sequence[Item]) -> Column[Item]:
        if column.width:
            return column
        texts = (column.head, *map(column.text, items))
        width = max(cell_count(self._clean(text)) for text in texts)
        return replace(column, width=width, least=min(column.least, width))

    def __contains__(self, head: str) -> bool:
        return any(column.head == head for column in self.columns)

    def header(self, style: Callable[[str], Style | None] = lambda _: None) -> list[Piece]:
        """Return the heads of the columns.

        Args:
            style: the style of a head.
        """
        return list(self._pieces(None, style))

    def row(self, item: Item, style: Style | None = None) -> list[Piece]:
        """Return the cells of an item.

        Args:
            item: the item.
            style: that of all texts, in place of those of their columns.
        """
        return list(self._pieces(item, lambda _: style))

    def _pieces(
        self, item: Item | None, style_of: Callable[[str], Style | None]
    ) -> Iterator[Piece]:
        for place, column in enumerate(self.columns):
            style = style_of(column.head)
            if place:
                yield " " * column.gap, style
            if column.draw and not (item is None and column.head):
                yield from column.draw(item, column.width)
                continue
            if item is None:
                text = column.head
            else:
                text, style = column.text(item), style or column.style(item)
            yield column.cut(self._clean(text), self._clean("…")), style

    def line(self, item: Item | None = None) -> str:
        """Return the row of an item, or the header, as text."""
        return "".join(text for text, _ in self._pieces(item, lambda _: None)).rstrip()

    def lines(self, items: Iterable[Item]) -> list[str]:
        """Return the header and a row for each item, as text."""
        return [self.line(), *map(self.line, items)]


def cell_count(text: str) -> int:
    """Return the width of a printable text on the screen, without loading Rich."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(bool(unicodedata.combining(char)) for char in text)
