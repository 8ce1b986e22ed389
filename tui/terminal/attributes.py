"""The attributes of a terminal's cells, and the SGR sequences that change them (ECMA-48)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from weakref import WeakValueDictionary

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
    """Return the SGR sequence between attributes: the shorter of step by step and anew."""
    anew = ["0", *sorted(after.flags), *filter(None, [after.front, after.back])]
    off = {_OFF.get(flag, "0") for flag in before.flags - after.flags}
    kept = {flag for flag in before.flags & after.flags if _OFF.get(flag) not in off}
    steps = [*sorted(off), *sorted(after.flags - kept)]
    steps += [after.front or "39"] if after.front != before.front else []
    steps += [after.back or "49"] if after.back != before.back else []
    parameters = min([anew] if "0" in off else [steps, anew], key=lambda way: len(";".join(way)))
    return f"\x1b[{';'.join(parameters)}m"


@lru_cache(maxsize=1 << 13)
def on_blanks(style: Style) -> Style:
    """Return what of the attributes is seen where there is only a space."""
    return style_of(back=style.back) if style.flags <= _INVISIBLE_ON_BLANKS else style
