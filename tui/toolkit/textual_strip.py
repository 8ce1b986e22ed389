"""Lines as Textual's compositor takes them."""

from __future__ import annotations

from rich.style import Style
from textual.strip import Strip as TextualStrip

from mnistop.tui.draw.strip import Strip


def textual_strip(drawn: Strip, ground: Style | None = None) -> TextualStrip:
    """A line for Textual, on the ground of its widget if that is not in it yet."""
    strip = TextualStrip(drawn, drawn.cell_length)
    return strip.apply_style(ground) if ground else strip
