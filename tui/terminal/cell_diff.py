"""The difference between what is drawn and what the terminal shows, in pieces of any size.

Textual writes whole lines of a widget, each piece of them with all its attributes. A line over SSH
may be slow, and so may be the terminal. Two grids of cells are kept here, the one drawn and the one
sent: only cells that differ are sent, with only the attributes that differ. What is drawn again
before it was sent is sent once, as it was drawn last.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from itertools import groupby
from operator import itemgetter, ne

from rich.cells import cell_len

from mnistop.tui.terminal.attributes import PLAIN, Style, after_sgr, on_blanks, sgr_between

_TOKEN = re.compile(
    r"(?:\x1b\[(?P<style>[\d;]+)m)?(?P<text>[^\x00-\x1f\x7f]+)(?P<end>\x1b\[0m)?"
    r"|\x1b\[(?P<row>\d+);(?P<column>\d+)H"
    r"|\x1b\[(?P<sgr>[\d;]*)m"
    r"|(?P<line>\r?\n)"
    r"|(?P<sync>\x1b\[\?2026[hl])"
    r"|(?P<other>\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[^\[\]]|.)",
    re.DOTALL,
)
_HARMLESS = re.compile(
    r"\x1b\[\?(7|25|1000|1002|1004|1006|2004|2048)[hl]"  # modes
    r"|\x1b\[[<>=]\d*u"  # the keyboard
    r"|\x1b\[\?\d+\$p"  # questions
    r"|\x07|\x1b\](9|52);.*",  # the bell, a notification, the clipboard
    re.DOTALL,
)
"""Controls that leave the cells, the cursor and the attributes as they are."""

_SYNC_START = "\x1b[?2026h"
_SYNC_END = "\x1b[?2026l"
_UNSYNCHRONISED = 80
"""Bytes of a piece that comes at once anyway."""
_LONG_BLANK = re.compile(" {10,}")
"""Blank cells that take more bytes than erasing them and moving the cursor past them."""
_LAST_MOVE = re.compile(r"\x1b\[(\d+)C\Z")
_SHORT = 4
"""So many cells of a gap take no more bytes than moving the cursor past them."""


_Cell = tuple[str, Style]
"""What stands in a cell, nothing in the second one of a wide character; and its attributes."""

_UNKNOWN: _Cell = ("unknown", Style("", "", frozenset()))
_STYLE = itemgetter(1)


class CellDiff:
    """The drawn cells, and the cells that have been sent to the terminal.

    Args:
        fills: whether the terminal gives cells that it erases the background of the present
            attributes, and not its own.
    """

    def __init__(self, fills: bool = False) -> None:
        self._fills = fills
        self._drawn: dict[int, list[_Cell]] = {}
        self._sent: dict[int, list[_Cell]] = {}
        self._stale: dict[int, int] = {}
        """Rows that may differ, with the number of the frame that drew them last."""
        self._frame = 0
        self._style = PLAIN
        """The attributes that what is drawn sets."""
        self._at: tuple[int, int] | None = None
        """Row and column that what is drawn goes to; None until it is placed."""
        self._pen = PLAIN
        """The attributes that the terminal has."""
        self._cursor: tuple[int, int] | None = None
        """Where the terminal's cursor is, None if that is not known."""
        self._synchronises = False
        """Whether frames are marked, since the terminal shows them at once then."""
        self._has_wide = False
        """Whether a character of two cells was ever drawn."""
        self._controls: list[str] = []
        self._out: list[str] = []
        self._size = 0

    def forget(self) -> None:
        """Assume nothing about the terminal's contents, as after a change of its size."""
        self._drawn.clear()
        self._sent.clear()
        self._stale.clear()
        self._at = self._cursor = None

    @property
    def is_complete(self) -> bool:
        """True if the terminal has been sent all that is drawn."""
        return not self._stale

    def draw(self, text: str) -> None:
        """Add a frame, or controls, to what is drawn.

        Args:
            text: text and control sequences, as Textual writes them.
        """
        self._frame += 1
        for token in _TOKEN.finditer(text):
            match token.lastgroup:
                case "text" | "end":
                    style, characters, end = token.group("style", "text", "end")
                    if style:
                        self._style = after_sgr(self._style, style)
                    self._put(characters)
                    if end:
                        self._style = PLAIN
                case "column":
                    self._at = (int(token["row"]) - 1, int(token["column"]) - 1)
                case "sgr":
                    self._style = after_sgr(self._style, token["sgr"])
                case "line":
                    self._at = ((self._at or (0, 0))[0] + 1, 0)
                case "sync":
                    self._synchronises = True
                case _:
                    self._pass_on(token["other"])

    def take_controls(self) -> str:
        """Return what is to be sent at once: all that draws no cells."""
        controls = "".join(self._controls)
        self._controls.clear()
        return controls

    def take(self, limit: float = math.inf) -> str:
        """Return the next piece to send; the cells in it count as sent.

        What was drawn last comes first, from top to bottom.

        Args:
            limit: bytes after which the piece ends, at the next change of attributes.
        """
        self._size = 0
        for y in sorted(self._stale, key=lambda y: (-self._stale[y], y)):
            if not self._send_row(y, limit):
                break
            del self._stale[y]
        if self._at and not self._stale and self._at != self._cursor:
            self._go(*self._at)
        sent = "".join(self._out)
        self._out.clear()
        is_frame = self._synchronises and self._size > _UNSYNCHRONISED
        return f"{_SYNC_START}{sent}{_SYNC_END}" if is_frame else sent

    def _put(self, text: str) -> None:
        """Draw text with the present attributes at the present place."""
        cells, is_wide = _cells(text, self._style)
        y, x = self._at or (0, 0)
        end = x + len(cells)
        self._at = (y, end)
        row = self._drawn.setdefault(y, [])
        if len(row) < end:
            row += [_UNKNOWN] * (end - len(row))
        if row[x:end] == cells:
            if y in self._stale:
                self._stale[y] = self._frame
            return
        self._stale[y] = self._frame
        self._has_wide = self._has_wide or is_wide
        if self._has_wide:
            if x and not row[x][0]:
                row[x - 1] = _blank(row[x - 1])
            if row[end : end + 1] and not row[end][0]:
                row[end] = _blank(row[end])
        row[x:end] = cells

    def _send_row(self, y: int, limit: float) -> bool:
        """Send the cells of a row that differ, and return whether all of them were sent."""
        drawn = self._drawn[y]
        sent = self._sent.setdefault(y, [])
        if len(sent) < len(drawn):
            sent += [_UNKNOWN] * (len(drawn) - len(sent))
        if self._has_wide:
            self._unsend_halves(drawn, sent)
        x = 0
        for differs, run in groupby(map(ne, drawn, sent)):
            end = x + len(list(run))
            if differs:
                pieces = [list(cells) for _, cells in groupby(drawn[x:end], _STYLE)]
                for piece, after in zip(pieces, [*pieces[1:], None], strict=True):
                    if self._size >= limit:
                        return False
                    if piece[0] is not _UNKNOWN:
                        self._send(y, x, piece, after)
                        sent[x : x + len(piece)] = piece
                    x += len(piece)
            x = end
        return True

    @staticmethod
    def _unsend_halves(drawn: list[_Cell], sent: list[_Cell]) -> None:
        """Keep differences from beginning or ending within a character of two cells."""
        for x in range(1, len(drawn)):
            if not (drawn[x][0] and sent[x][0]) and (
                drawn[x] != sent[x] or drawn[x - 1] != sent[x - 1]
            ):
                sent[x - 1] = sent[x] = _UNKNOWN

    def _send(self, y: int, x: int, cells: list[_Cell], after: list[_Cell] | None) -> None:
        """Send cells of the same attributes; `after` are those that may follow."""
        if self._cursor != (y, x):
            self._go(y, x)
        text = "".join([char for char, _ in cells])
        style, pen = cells[0][1], self._pen
        is_blank = not text.strip(" ")
        if style is not pen and not (is_blank and style is on_blanks(pen)):
            if is_blank and after and on_blanks(after[0][1]) is style:
                style = after[0][1]
            self._emit(sgr_between(pen, style))
            self._pen = style
        end = x + len(cells)
        if self._erases(self._pen):
            text = _LONG_BLANK.sub(_erase, text)
            if last := _LAST_MOVE.search(text):
                text, end = text[: last.start()], end - int(last[1])
        self._emit(text)
        self._cursor = (y, end)

    def _erases(self, pen: Style) -> bool:
        """Return whether a cell erased with these attributes looks like a blank drawn with them."""
        return not on_blanks(pen).flags and (self._fills or not pen.back)

    def _go(self, y: int, x: int) -> None:
        """Move the terminal's cursor."""
        if self._cursor and self._cursor[0] == y and self._cursor[1] < x:
            start = self._cursor[1]
            between = self._sent.get(y, [])[start:x]
            text = "".join(char for char, _ in between)
            same = all(self._shows(cell) for cell in between)
            if len(text) == x - start <= _SHORT and same and text.isascii():
                self._emit(text)
            else:
                self._emit(f"\x1b[{x - start}C")
        else:
            self._emit(f"\x1b[{y + 1};{x + 1}H")
        self._cursor = (y, x)

    def _shows(self, cell: _Cell) -> bool:
        """Return whether a cell written with the present attributes looks as it should."""
        char, style = cell
        return style is self._pen or (char == " " and style is on_blanks(self._pen))

    def _pass_on(self, control: str) -> None:
        """Send what is not understood as it is; what the terminal then shows is not known."""
        if not _HARMLESS.fullmatch(control):
            if self._pen != PLAIN:
                self._controls.append("\x1b[0m")
                self._pen = PLAIN
            self.forget()
        self._controls.append(control)

    def _emit(self, text: str) -> None:
        self._out.append(text)
        self._size += len(text.encode())


def _erase(blank: re.Match[str]) -> str:
    width = len(blank[0])
    return f"\x1b[{width}X\x1b[{width}C"


def _blank(cell: _Cell) -> _Cell:
    """Return the rest of a character of two cells after half of it was overwritten."""
    return " ", on_blanks(cell[1])


@lru_cache(maxsize=2048)
def _cells(text: str, style: Style) -> tuple[list[_Cell], bool]:
    """Text by the cells that it stands in, and whether a character takes two of them.

    What has no width stands with what is before it.
    """
    chars: list[str] = []
    if text.isascii() or cell_len(text) == len(text):
        chars = list(text)
    else:
        for char in text:
            width = cell_len(char)
            if width:
                chars += [char, ""][:width]
            elif chars:
                chars[-1 if chars[-1] else -2] += char
    cell_of = {char: (char, style) for char in chars}
    if " " in cell_of:
        cell_of[" "] = (" ", on_blanks(style))
    return [cell_of[char] for char in chars], "" in cell_of
