"""The attributes of a terminal's cells: those that it cannot show filtered out, and the SGR
sequences that change them (ECMA-48)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from weakref import WeakValueDictionary

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Changed, clean

_OFF = {"1": "22", "2": "22", "3": "23", "4": "24", "5": "25", "7": "27", "9": "29"}
"""What ends each attribute; bold and dim end together."""
_INVISIBLE_ON_BLANKS = frozenset({"1", "2", "3"})
"""Bold, dim and italic."""


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class Style:
    """The attributes of a cell, as SGR parameters. `style_of` makes one object of equal ones."""

    front: str
    back: str
    flags: frozenset[str]


_kept: WeakValueDictionary[tuple[str, str, frozenset[str]], Style] = WeakValueDictionary()


def style_of(front: str = "", back: str = "", flags: frozenset[str] = frozenset()) -> Style:
    """Return the one object with these attributes."""
    key = (front, back, flags)
    style = _kept.get(key)
    if style is None:
        style = _kept[key] = Style(*key)
    return style


PLAIN = style_of()


@lru_cache(maxsize=1 << 13)
def after_sgr(style: Style, parameters: str) -> Style:
    """Return the attributes after an SGR sequence with these parameters."""
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
    return style_of(front, back, flags)


@lru_cache(maxsize=1 << 13)
def sgr_between(before: Style, after: Style) -> str:
    """Return the shorter SGR sequence between attributes: step by step, or after a reset."""
    reset = ["0", *sorted(after.flags), *filter(None, [after.front, after.back])]
    off = {_OFF.get(flag, "0") for flag in before.flags - after.flags}
    kept = {flag for flag in before.flags & after.flags if _OFF.get(flag) not in off}
    steps = [*sorted(off), *sorted(after.flags - kept)]
    steps += [after.front or "39"] if after.front != before.front else []
    steps += [after.back or "49"] if after.back != before.back else []
    parameters = min([reset] if "0" in off else [steps, reset], key=lambda way: len(";".join(way)))
    return f"\x1b[{';'.join(parameters)}m"


@lru_cache(maxsize=1 << 13)
def on_blanks(style: Style) -> Style:
    """Return what of the attributes is seen where there is only a space."""
    return style_of(back=style.back) if style.flags <= _INVISIBLE_ON_BLANKS else style


_TERMINAL = Terminal(unicode=False)


class AsciiOnly(LineFilter):
    """A filter that lets nothing outside ASCII through."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments with every other character replaced, cell by cell."""
        return [Segment(to_ascii(text), style, control) for text, style, control in segments]


def to_ascii(text: str) -> str:
    """Return a text of the same width in ASCII."""
    return text if text.isascii() else "".join(map(_replaced, text))


def _replaced(char: str) -> str:
    if char.isascii():
        return char
    shown = clean(char, _TERMINAL)
    return shown[: cell_len(char)].ljust(cell_len(char))


class _EachOnce(LineFilter):
    """A filter of single pieces of lines, which handles each piece once."""

    def __init__(self, whole: LineFilter) -> None:
        super().__init__()
        self._whole = whole
        self._changed: dict[Color, Changed] = {}

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the pieces after the filter."""
        changed = self._changed.get(background)
        if changed is None:
            changed = self._changed[background] = Changed(
                lambda piece: self._whole.apply([piece], background)[0]
            )
        return list(map(changed.__getitem__, segments))


each_once = lru_cache(maxsize=16)(_EachOnce)
"""Makes of a filter one that is asked once about each piece of a line."""
