"""Of all that is drawn, what the terminal does not show already.

Textual sends whole lines of a widget, each piece of them with all its attributes. A line over SSH
may be slow, and so is a terminal that shows it: here the cells that were sent are remembered, and
of a frame only those go out that differ, with only the attributes that differ.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from operator import ne
from typing import NamedTuple

from rich.cells import cell_len

_TOKEN = re.compile(
    r"(?P<text>[^\x00-\x1f\x7f\x1b]+)"
    r"|\x1b\[(?P<row>\d+);(?P<column>\d+)H"
    r"|\x1b\[(?P<style>[\d;]*)m"
    r"|(?P<line>\r?\n)"
    r"|(?P<sync>\x1b\[\?2026[hl])"
    r"|(?P<other>\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[^\[\]]|.)",
    re.DOTALL,
)
_HARMLESS = re.compile(
    r"\x1b\[\?(7|25|1000|1002|1003|1004|1006|1015|1016|2004|2048)[hl]"  # modes
    r"|\x1b\[[<>=]\d*u"  # the keyboard
    r"|\x1b\[\?\d+\$p"  # questions
    r"|\x07|\x1b\]52;.*",  # the bell, the clipboard
    re.DOTALL,
)
"""Controls that leave the cells, the cursor and the attributes as they are."""

_SYNC_START = "\x1b[?2026h"
_INVISIBLE_ON_BLANKS = frozenset({"1", "2", "3"})
"""Bold, dim and italic."""
_SHORT = 4
"""So many cells of a gap take no more bytes than moving the cursor past them."""


class _Style(NamedTuple):
    """The attributes of a cell, as SGR parameters."""

    front: str = ""
    back: str = ""
    flags: frozenset[str] = frozenset()


class _Cell(NamedTuple):
    """What stands in a cell; nothing in the second one of a wide character."""

    text: str
    style: _Style


_PLAIN = _Style()
_UNKNOWN = _Cell("unknown", _PLAIN)


class Changes:
    """What a terminal shows, as far as it has been sent."""

    def __init__(self) -> None:
        self._rows: dict[int, list[_Cell]] = {}
        self._wanted = _PLAIN
        """The attributes that what is drawn sets."""
        self._pen = _PLAIN
        """Those that the terminal has."""
        self._at = (0, 0)
        """Row and column that what is drawn goes to."""
        self._cursor: tuple[int, int] | None = None
        """Where the terminal's cursor is, None if that is not known."""
        self._opening = ""
        """What goes out before the next change, if there is one."""
        self._out: list[str] = []

    def forget(self) -> None:
        """Takes the terminal for one of which nothing is known, as after a change of its size."""
        self._rows.clear()
        self._cursor = None

    def of(self, drawn: str) -> str:
        """What is to be sent for the terminal to show what is drawn.

        Args:
            drawn: text and control sequences, as Textual writes them.
        """
        is_placed = False
        for token in _TOKEN.finditer(drawn):
            is_placed |= token.lastgroup in ("text", "column", "line")
            match token.lastgroup:
                case "text":
                    self._put(token["text"])
                case "column":
                    self._at = (int(token["row"]) - 1, int(token["column"]) - 1)
                case "style":
                    self._wanted = _after(self._wanted, token["style"])
                case "line":
                    self._at = (self._at[0] + 1, 0)
                case "sync":
                    self._synchronise(token["sync"])
                case _:
                    self._pass_on(token["other"])
        if is_placed and self._at != self._cursor:
            self._go(*self._at)
        sent = "".join(self._out)
        self._out.clear()
        return sent

    def _put(self, text: str) -> None:
        """Writes text with the wanted attributes from where the drawing is."""
        cells = _cells(text, self._wanted)
        y, x = self._at
        end = x + len(cells)
        self._at = (y, end)
        row = self._rows.setdefault(y, [])
        row += [_UNKNOWN] * (end - len(row))
        before = row[x:end]
        if before == cells:
            return
        row[x:end] = cells
        is_wide = [not each.text for each in (*before, *row[end : end + 1], *cells)]
        if any(is_wide):  # characters of two cells are not taken apart
            if x and is_wide[0]:
                row[x - 1] = _UNKNOWN
            if row[end : end + 1] and is_wide[len(cells)]:
                row[end] = _UNKNOWN
            self._send(y, x, cells)
            return
        start = 0
        for differs, run in groupby(map(ne, before, cells)):
            stop = start + len(list(run))
            if differs:
                self._send(y, x + start, cells[start:stop])
            start = stop

    def _send(self, y: int, x: int, cells: Sequence[_Cell]) -> None:
        style, text = self._wanted, "".join(cell.text for cell in cells)
        self._go(y, x)
        unseen = not text.strip(" ") and _on_blanks(style) == _on_blanks(self._pen)
        if style != self._pen and not unseen:
            self._emit(_change(self._pen, style))
            self._pen = style
        self._emit(text)
        self._cursor = (y, x + len(cells))

    def _go(self, y: int, x: int) -> None:
        """Moves the terminal's cursor."""
        if self._cursor == (y, x):
            return
        if self._cursor and self._cursor[0] == y and self._cursor[1] < x:
            start = self._cursor[1]
            between = self._rows.get(y, [])[start:x]
            text = "".join(cell.text for cell in between)
            same = all(cell.style == self._pen and cell is not _UNKNOWN for cell in between)
            if len(between) == x - start <= _SHORT and same and text.isascii():
                self._emit(text)
            else:
                self._emit(f"\x1b[{x - start}C")
        else:
            self._emit(f"\x1b[{y + 1};{x + 1}H")
        self._cursor = (y, x)

    def _synchronise(self, mark: str) -> None:
        """Marks begin and end of a frame, unless nothing is in it."""
        if mark == _SYNC_START:
            self._opening = mark
        elif self._opening:
            self._opening = ""
        else:
            self._emit(mark)

    def _pass_on(self, control: str) -> None:
        """Sends what is not understood as it is; what the terminal then shows is not known."""
        if not _HARMLESS.fullmatch(control):
            if self._pen != _PLAIN:
                self._emit("\x1b[0m")
                self._pen = _PLAIN
            self.forget()
        self._emit(control)

    def _emit(self, text: str) -> None:
        if self._opening:
            self._out.append(self._opening)
            self._opening = ""
        self._out.append(text)


_cell = lru_cache(maxsize=4096)(_Cell)


@lru_cache(maxsize=1024)
def _cells(text: str, style: _Style) -> list[_Cell]:
    """Text by the cells that it stands in; what has no width stands with what is before it."""
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
    blank = _cell(" ", _on_blanks(style))
    return [blank if char == " " else _cell(char, style) for char in chars]


@lru_cache(maxsize=4096)
def _after(style: _Style, parameters: str) -> _Style:
    """The attributes after an SGR sequence."""
    numbers = (parameters or "0").split(";")
    while numbers:
        number = numbers.pop(0)
        code = int(number or "0")
        if code in (38, 48):
            length = 4 if numbers[:1] == ["2"] else 2
            number = ";".join([number, *numbers[:length]])
            del numbers[:length]
        if code == 0:
            style = _PLAIN
        elif 30 <= code <= 39 or 90 <= code <= 97:
            style = style._replace(front="" if code == 39 else number)
        elif 40 <= code <= 49 or 100 <= code <= 107:
            style = style._replace(back="" if code == 49 else number)
        else:
            style = style._replace(flags=style.flags | {number})
    return style


@lru_cache(maxsize=4096)
def _change(before: _Style, after: _Style) -> str:
    """The SGR sequence from some attributes to others."""
    gone = before.flags - after.flags
    if gone or (before.front and not after.front) or (before.back and not after.back):
        before, start = _PLAIN, ["0"]
    else:
        start = []
    colours = [
        new for old, new in ((before.front, after.front), (before.back, after.back)) if new != old
    ]
    return f"\x1b[{';'.join([*start, *sorted(after.flags - before.flags), *colours])}m"


@lru_cache(maxsize=4096)
def _on_blanks(style: _Style) -> _Style:
    """What of the attributes is seen where there is only a space."""
    if style.flags <= _INVISIBLE_ON_BLANKS:
        return _Style(back=style.back)
    return style
