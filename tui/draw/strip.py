"""A line of styled text, as Textual's class of this name, which commands need not load."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style


class Strip:
    """A line of pieces, each of one style; nobody changes it.

    Args:
        segments: the pieces from left to right.
        cell_length: how many cells they take, if that is known.
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
        """A line of spaces."""
        return cls([Segment(" " * cell_length, style)], cell_length)

    @classmethod
    def join(cls, strips: Iterable[Strip]) -> Strip:
        """The lines side by side, as one."""
        parts = list(strips)
        return cls(
            (segment for part in parts for segment in part), sum(part.cell_length for part in parts)
        )

    @property
    def text(self) -> str:
        """What stands in the line, without its styles."""
        return "".join(segment.text for segment in self._segments)

    def adjust_cell_length(self, cell_length: int, style: Style | None = None) -> Strip:
        """The line filled with spaces of a style, or cut, to so many cells."""
        missing = cell_length - self.cell_length
        if missing > 0:
            return Strip((*self._segments, Segment(" " * missing, style)), cell_length)
        return self.crop(0, cell_length) if missing else self

    def crop(self, start: int, end: int | None = None) -> Strip:
        """The cells from `start` on and before `end`; half of a wide character is a space."""
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
