"""Of all that is drawn, what the terminal does not show already.

Textual sends whole lines of a widget, each piece of them with all its attributes. A line over SSH
may be slow, and so is a terminal that shows it: here the cells that were sent are remembered, and
of a frame only those go out that differ, with only the attributes that differ.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from operator import ne
from weakref import WeakValueDictionary

from rich.cells import cell_len

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


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class _Style:
    """The attributes of a cell, as SGR parameters. `_style` makes one object of equal ones."""

    front: str
    back: str
    flags: frozenset[str]


_styles: WeakValueDictionary[tuple[str, str, frozenset[str]], _Style] = WeakValueDictionary()


def _style(front: str = "", back: str = "", flags: frozenset[str] = frozenset()) -> _Style:
    key = (front, back, flags)
    style = _styles.get(key)
    if style is None:
        style = _styles[key] = _Style(*key)
    return style


_PLAIN = _style()

_Cell = tuple[str, _Style]
"""What stands in a cell, nothing in the second one of a wide character; and its attributes."""

_UNKNOWN: _Cell = ("unknown", _PLAIN)


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
        self._has_wide = False
        """Whether a character of two cells was ever drawn."""
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
            match token.lastgroup:
                case "text" | "end":
                    style, text, end = token.group("style", "text", "end")
                    if style:
                        self._wanted = _after(self._wanted, style)
                    self._put(text)
                    if end:
                        self._wanted = _PLAIN
                    is_placed = True
                case "column":
                    self._at = (int(token["row"]) - 1, int(token["column"]) - 1)
                    is_placed = True
                case "sgr":
                    self._wanted = _after(self._wanted, token["sgr"])
                case "line":
                    self._at = (self._at[0] + 1, 0)
                    is_placed = True
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
        cells, is_wide = _cells(text, self._wanted)
        y, x = self._at
        end = x + len(cells)
        self._at = (y, end)
        row = self._rows.setdefault(y, [])
        if len(row) < end:
            row += [_UNKNOWN] * (end - len(row))
        before = row[x:end]
        if before == cells:
            return
        row[x:end] = cells
        self._has_wide = self._has_wide or is_wide
        if self._has_wide and self._has_halves(row, x, before, cells):
            self._send(y, x, text, len(cells))
        elif len(cells) == 1:
            self._send(y, x, text, 1)
        else:
            start = 0
            for differs, run in groupby(map(ne, before, cells)):
                stop = start + len(list(run))
                if differs:
                    piece = "".join([char for char, _ in cells[start:stop]])
                    self._send(y, x + start, piece, stop - start)
                start = stop

    @staticmethod
    def _has_halves(
        row: list[_Cell], x: int, before: Sequence[_Cell], cells: Sequence[_Cell]
    ) -> bool:
        """Whether there are characters of two cells, which are not sent by halves.

        What is left of one that is written over is not known.
        """
        end = x + len(cells)
        is_wide = [not text for text, _ in (*before, *row[end : end + 1], *cells)]
        if not any(is_wide):
            return False
        if x and is_wide[0]:
            row[x - 1] = _UNKNOWN
        if row[end : end + 1] and is_wide[len(cells)]:
            row[end] = _UNKNOWN
        return True

    def _send(self, y: int, x: int, text: str, width: int) -> None:
        """Sends text of so many cells with the wanted attributes."""
        if self._cursor != (y, x):
            self._go(y, x)
        style, pen = self._wanted, self._pen
        if style is not pen and (text.strip(" ") or _on_blanks(style) is not _on_blanks(pen)):
            self._emit(_change(pen, style))
            self._pen = style
        self._emit(text)
        self._cursor = (y, x + width)

    def _go(self, y: int, x: int) -> None:
        """Moves the terminal's cursor."""
        if self._cursor and self._cursor[0] == y and self._cursor[1] < x:
            start = self._cursor[1]
            between = self._rows.get(y, [])[start:x]
            text = "".join(char for char, _ in between)
            same = all(cell[1] is self._pen and cell is not _UNKNOWN for cell in between)
            if len(text) == x - start <= _SHORT and same and text.isascii():
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


@lru_cache(maxsize=2048)
def _cells(text: str, style: _Style) -> tuple[list[_Cell], bool]:
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
        cell_of[" "] = (" ", _on_blanks(style))
    return [cell_of[char] for char in chars], "" in cell_of


@lru_cache(maxsize=1 << 13)
def _after(style: _Style, parameters: str) -> _Style:
    """The attributes after an SGR sequence."""
    front, back, flags = style.front, style.back, style.flags
    numbers = (parameters or "0").split(";")
    while numbers:
        number = numbers.pop(0)
        code = int(number or "0")
        if code in (38, 48):
            length = 4 if numbers[:1] == ["2"] else 2
            number = ";".join([number, *numbers[:length]])
            del numbers[:length]
        if code == 0:
            front, back, flags = "", "", frozenset()
        elif 30 <= code <= 39 or 90 <= code <= 97:
            front = "" if code == 39 else number
        elif 40 <= code <= 49 or 100 <= code <= 107:
            back = "" if code == 49 else number
        else:
            flags |= {number}
    return _style(front, back, flags)


def _change(before: _Style, after: _Style) -> str:
    """The SGR sequence from some attributes to others."""
    parameters = []
    if (
        before.flags - after.flags
        or (before.front and not after.front)
        or (before.back and not after.back)
    ):
        before = _PLAIN
        parameters.append("0")
    if after.flags != before.flags:
        parameters += sorted(after.flags - before.flags)
    if after.front != before.front:
        parameters.append(after.front)
    if after.back != before.back:
        parameters.append(after.back)
    return f"\x1b[{';'.join(parameters)}m"


@lru_cache(maxsize=1 << 13)
def _on_blanks(style: _Style) -> _Style:
    """What of the attributes is seen where there is only a space."""
    return _style(back=style.back) if style.flags <= _INVISIBLE_ON_BLANKS else style
