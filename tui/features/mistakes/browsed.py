"""A pane that shows the images that are being looked through."""

from __future__ import annotations

from mnistop.tui.draw import image
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.mistakes.model import Browsing
from mnistop.tui.toolkit.lines import LinesPane


class BrowsedPane(LinesPane, can_focus=True):
    """Draws what is browsed.

    Args:
        terminal: what the terminal can show.
        browsing: what it shows.
    """

    def __init__(self, terminal: Terminal, browsing: Browsing) -> None:
        super().__init__(terminal)
        self._browsing = browsing
        self.mode: image.Mode = "auto"
