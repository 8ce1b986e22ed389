"""Filters over everything that is drawn, for what a terminal cannot show."""

from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Changed, clean

_TERMINAL = Terminal(unicode=False)

_SHAPES = {
    **dict.fromkeys("─━═▁▔▂", "-"),
    **dict.fromkeys("│┃║▏▕▎▌▐", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯", "+"),
    **dict.fromkeys("█▇▆▅▄▃▊▉", "#"),
    "←": "<",
    "→": ">",
    "↑": "^",
    "↓": "v",
    "•": "*",
    "●": "*",
}


class AsciiOnly(LineFilter):
    """Lets nothing outside ASCII through, whoever drew it."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments with every other character replaced, cell by cell."""
        return [Segment(to_ascii(text), style, control) for text, style, control in segments]


def to_ascii(text: str) -> str:
    """A text of the same width in ASCII."""
    return text if text.isascii() else "".join(map(_replaced, text))


def _replaced(char: str) -> str:
    if char.isascii():
        return char
    shown = _SHAPES.get(char) or clean(char, _TERMINAL)
    return shown[: cell_len(char)].ljust(cell_len(char))


class _EachOnce(LineFilter):
    """A filter of single pieces of lines, which is asked once about each."""

    def __init__(self, whole: LineFilter) -> None:
        super().__init__()
        self._whole = whole
        self._changed: dict[Color, Changed] = {}

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The pieces as the filter lets them through."""
        changed = self._changed.get(background)
        if changed is None:
            changed = self._changed[background] = Changed(
                lambda piece: self._whole.apply([piece], background)[0]
            )
        return list(map(changed.__getitem__, segments))


each_once = lru_cache(maxsize=16)(_EachOnce)
"""Makes of a filter one that is asked once about each piece of a line."""
