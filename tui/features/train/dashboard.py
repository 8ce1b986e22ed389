"""How the dashboard's panes share the terminal, which has the keys, and buttons for the mouse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.geometry import Size
from textual.strip import Strip as TextualStrip

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import line
from mnistop.tui.draw.palette import Palette
from mnistop.tui.terminal.faults import FaultTolerantWidget
from mnistop.tui.toolkit.pane import textual_strip
from mnistop.tui.toolkit.pane_host import Mode, Pane, PaneHost

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


class Dashboard(PaneHost):
    """The panes of the dashboard, in the order in which Tab goes through them.

    Args:
        terminal: what the terminal can show.
        panes: the panes.
    """

    def __init__(self, terminal: Terminal, panes: Sequence[Pane]) -> None:
        super().__init__(terminal, panes, id="dashboard")

    def mode_for(self, size: Size) -> Mode:
        """Return how many panes fit a terminal of some size."""
        return mode_for(size)


class Controls(FaultTolerantWidget):
    """One line of words to click on.

    Args:
        terminal: what the terminal can show.
    """

    _WORDS: ClassVar[dict[str, str]] = {
        "train": "[r] Train",
        "pause": "[Space] Pause",
        "stop": "[s] Stop",
    }

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(id="controls")
        self._palette = Palette.of(terminal)
        self._possible: frozenset[str] = frozenset()

    def show(self, possible: frozenset[str]) -> None:
        """Draws what is possible as such.

        Args:
            possible: some of `train`, `pause` and `stop`.
        """
        if possible != self._possible:
            self._possible = possible
            self.refresh()

    def render_line(self, y: int) -> TextualStrip:
        """The line for Textual's compositor."""
        pieces = []
        for action, word in self._WORDS.items():
            possible = action in self._possible
            pieces.append((word, self._palette.strong if possible else self._palette.muted))
            pieces.append((" ", self._palette.muted))
        return textual_strip(line(pieces, self.size.width), self.rich_style)

    async def on_click(self, event: events.Click) -> None:
        """Does what was clicked on."""
        end = 0
        for action, word in self._WORDS.items():
            end += len(word) + 1
            if event.x < end:
                if action in self._possible:
                    await self.run_action(f"screen.{action}")
                return
