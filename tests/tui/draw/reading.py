"""A reader of drawn strips, cell by cell."""

from collections.abc import Iterable

from hypothesis import strategies as st
from rich.cells import cell_len
from rich.color import ColorSystem
from rich.style import Style

from mnistop.tui.draw.capabilities import TRUE_COLOR, Terminal
from mnistop.tui.draw.cells import Strip

TRUE = Terminal()
ASCII = Terminal(colors=0, unicode=False)
MONO = Terminal(colors=0)
ANSI = Terminal(colors=16)

terminals = st.builds(
    Terminal,
    colors=st.sampled_from([0, 16, 256, TRUE_COLOR]),
    unicode=st.booleans(),
    dark=st.booleans(),
)
ascii_terminals = st.builds(
    Terminal, colors=st.sampled_from([0, 16, 256, TRUE_COLOR]), unicode=st.just(False)
)


def cells(strip: Strip) -> list[tuple[str, Style]]:
    """Each cell of a line as its character and style."""
    return [(char, style or Style.null()) for text, style, _ in strip for char in text]


def texts(strips: Iterable[Strip]) -> list[str]:
    return [strip.text for strip in strips]


def widths(strips: Iterable[Strip]) -> set[int]:
    """The true widths of the lines, counted from their text."""
    return {cell_len(strip.text) for strip in strips}


def gray_shown(color: object, colors: int) -> int:
    """The gray level in 0 … 255 that a terminal of so many colours shows for a Rich color."""
    if colors >= TRUE_COLOR:
        red, green, blue = color.triplet
        assert red == green == blue
        return red
    number = color.downgrade(ColorSystem.EIGHT_BIT).number
    return {16: 0, 231: 255}.get(number, 8 + 10 * (number - 232))
