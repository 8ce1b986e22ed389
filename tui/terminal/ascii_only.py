"""For terminals that show nothing but ASCII: a last filter over everything that is drawn."""

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import clean

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
