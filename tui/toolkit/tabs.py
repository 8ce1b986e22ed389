"""The names of the panes that share a place, the shown one marked."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.message import Message
from textual.strip import Strip as TextualStrip

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import line
from mnistop.tui.draw.palette import Palette
from mnistop.tui.terminal.faults import FaultTolerantWidget
from mnistop.tui.toolkit.pane import textual_strip


class Tabs(FaultTolerantWidget):
    """One line of names.

    Args:
        terminal: what the terminal can show.
        id: the widget's id.
    """

    @dataclass
    class Chosen(Message):
        """A name was clicked."""

        index: int

    def __init__(self, terminal: Terminal, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._palette = Palette.of(terminal)
        self._names: Sequence[str] = ()
        self._active = 0

    def show(self, names: Sequence[str], active: int) -> None:
        """Draws the names.

        Args:
            names: of the panes.
            active: the index of the shown one.
        """
        if (names, active) != (self._names, self._active):
            self._names, self._active = names, active
            self.refresh()

    def render_line(self, y: int) -> TextualStrip:
        """The line for Textual's compositor."""
        styles = [
            self._palette.cursor if index == self._active else self._palette.muted
            for index in range(len(self._names))
        ]
        pieces = [(f" {name} ", style) for name, style in zip(self._names, styles, strict=True)]
        pieces.append(("  Tab: next", self._palette.muted))
        return textual_strip(line(pieces, self.size.width), self.rich_style)

    def on_click(self, event: events.Click) -> None:
        """Chooses the clicked name."""
        end = 0
        for index, name in enumerate(self._names):
            end += len(name) + 2
            if event.x < end:
                self.post_message(self.Chosen(index))
                return
