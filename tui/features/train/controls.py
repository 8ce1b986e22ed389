"""Train, pause and stop for the mouse, each with its key."""

from typing import ClassVar

from textual import events
from textual.strip import Strip as TextualStrip

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import line
from mnistop.tui.draw.palette import Palette
from mnistop.tui.terminal.fault_tolerant import FaultTolerantWidget
from mnistop.tui.toolkit.textual_strip import textual_strip


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
