"""Paragraphs broken into lines by the cells that their characters take."""

from __future__ import annotations

import re
import textwrap
from typing import Any

from rich.cells import cell_len

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
    if text.isascii():
        return textwrap.wrap(text, width, **options)
    spread = "".join(char + _FILL * (cell_len(char) - 1) for char in text)
    return [line.replace(_FILL, "") for line in _Wrapper(width, **options).wrap(spread)]


class _Wrapper(textwrap.TextWrapper):
    """Keeps a wide character together with its second cell."""

    def _split(self, text: str) -> list[str]:
        return [piece for chunk in super()._split(text) for piece in _PIECES.findall(chunk)]
