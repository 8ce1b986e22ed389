"""A widget that draws all its lines at once, and sends only those that changed."""

import textwrap
from abc import abstractmethod
from collections.abc import Callable, Sequence
from itertools import zip_longest

from textual import events
from textual.geometry import Region, Size
from textual.strip import Strip as TextualStrip

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import clean, line, on_ground
from mnistop.tui.draw.palette import Palette
from mnistop.tui.draw.strip import Strip
from mnistop.tui.terminal import faults
from mnistop.tui.terminal.fault_tolerant import FaultTolerantWidget
from mnistop.tui.toolkit.bindings import GivesReasons
from mnistop.tui.toolkit.textual_strip import textual_strip


class DrawnWidget(GivesReasons, FaultTolerantWidget):
    """Lines, drawn by the subclass for the size there is.

    Args:
        terminal: what the terminal can show.
        id: the widget's id.
    """

    def __init__(self, terminal: Terminal, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.terminal = terminal
        self.palette = Palette.of(terminal)
        self._lines: list[Strip] = []
        self._drawn_for: Size | None = None
        """The size that the lines are of; None while they are to be drawn anew."""

    @abstractmethod
    def _draw(self) -> list[Strip]:
        """All lines, `_based`."""

    def say(self, text: str, width: int) -> list[Strip]:
        """A text in place of a picture, on as many lines as it takes."""
        lines = textwrap.wrap(clean(text, self.terminal), max(width, 1))
        return [line([(part, self.palette.muted)], width) for part in lines]

    def _based(self, strips: Sequence[Strip]) -> list[Strip]:
        width = self.size.width
        return on_ground([strip.adjust_cell_length(width) for strip in strips], self.rich_style)

    def redraw(self) -> None:
        """Draws anew and sends what is different; what is not in sight yet is drawn once it is."""
        if self.display and self.size == self._drawn_for:
            self._replace(self._draw)
        else:
            self._drawn_for = None
            self.refresh()

    def _replace(self, draw: Callable[[], list[Strip]]) -> None:
        old, self._lines = self._lines, self._or_fault(draw)
        pairs = enumerate(zip_longest(old, self._lines))
        width = self.size.width
        changed = [Region(0, y, width, 1) for y, (before, after) in pairs if before != after]
        if changed:
            self.refresh(*changed)

    def _or_fault(self, draw: Callable[[], list[Strip]]) -> list[Strip]:
        """What is drawn, or in its place which fault of the program prevented that."""
        try:
            return draw()
        except Exception as error:
            return self._based(self.say(faults.in_words(error), self.size.width))

    def render_lines(self, crop: Region) -> list[TextualStrip]:
        """Lines for Textual's compositor, which asks for them in the size that they will have."""
        if self.size != self._drawn_for:
            self._drawn_for = self.size
            self._lines = self._or_fault(self._draw)
        return super().render_lines(crop)

    def render_line(self, y: int) -> TextualStrip:
        """One of these lines."""
        width = self.size.width
        if y >= len(self._lines):
            return TextualStrip.blank(width, self.rich_style)
        return textual_strip(self._lines[y].adjust_cell_length(width))

    # Textual's own handlers of these two events send the whole widget anew, and its watcher finds
    # all styles anew.

    def on_focus(self, event: events.Focus) -> None:
        """Shows that the keys go here."""
        event.prevent_default()
        self.has_focus = True
        if self.parent:
            self.parent.post_message(events.DescendantFocus(self))

    def on_blur(self, event: events.Blur) -> None:
        """Shows that the keys go elsewhere."""
        event.prevent_default()
        self.has_focus = False
        if self.parent:
            self.parent.post_message(events.DescendantBlur(self))

    def watch_has_focus(self, has_focus: bool) -> None:
        """Draws what the focus changes; no style depends on it."""
        self.redraw()
