"""How the dashboard's panes share the terminal."""

from typing import Literal

from textual.geometry import Size

Mode = Literal["wide", "medium", "small", "too-small"]

MODES: tuple[Mode, ...] = ("wide", "medium", "small", "too-small")

LEAST = Size(60, 16)
"""Below this nothing can be shown that makes sense."""


def mode_for(size: Size) -> Mode:
    """What fits a terminal.

    `wide` shows all panes at once, `medium` charts, log and one of the others, `small` one pane
    at a time.
    """
    if size.width < LEAST.width or size.height < LEAST.height:
        return "too-small"
    if size.width >= 120 and size.height >= 38:
        return "wide"
    if size.width >= 100 and size.height >= 34:
        return "medium"
    return "small"
