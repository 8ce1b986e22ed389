"""Paragraphs broken into lines by the cells that their characters take."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from typing import Any

_FILL = "\0"
"""Stands for the second cell of a wide character while lines are found."""
_PIECES = re.compile(f"[^{_FILL}]{_FILL}|(?:[^{_FILL}](?!{_FILL}))+")


def wrap(text: str, width: int, **options: Any) -> list[str]:
    """Break a text as `textwrap.wrap` does, also after any wide character, as in Chinese.

    Args:
        text: without control characters.
        width: cells of a line.
        **options: those of `textwrap.wrap`.
    """
    if not any(map(_may_be_odd, text)):
        return textwrap.wrap(text, width, **options)
    from rich.cells import cell_len

    spread = "".join(char + _FILL * (cell_len(char) - 1) for char in text)
    return [line.replace(_FILL, "") for line in _Wrapper(width, **options).wrap(spread)]


def _may_be_odd(char: str) -> bool:
    """Return whether a character may take another number of cells than one."""
    return unicodedata.east_asian_width(char) in "WF" or unicodedata.category(char)[0] == "M"


class _Wrapper(textwrap.TextWrapper):
    """Keeps a wide character together with its second cell."""

    def _split(self, text: str) -> list[str]:
        return [piece for chunk in super()._split(text) for piece in _PIECES.findall(chunk)]
