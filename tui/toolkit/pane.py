"""Panes: lines drawn by a subclass for the size there is, of which only those that changed are
sent."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Generic, TypeVar

from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.strip import Strip as TextualStrip

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Strip, clean, line, on_ground, plain, shorten
from mnistop.tui.draw.palette import Palette
from mnistop.tui.draw.wrapping import wrap
from mnistop.tui.terminal import faults
from mnistop.tui.terminal.faults import FaultTolerantWidget
from mnistop.tui.toolkit.bindings import GivesReasons


def textual_strip(drawn: Strip, ground: Style | None = None) -> TextualStrip:
    """Return a line for Textual, on the ground of its widget if that is not in it yet."""
    strip = TextualStrip(drawn, drawn.cell_length)
    return strip.apply_style(ground) if ground else strip


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
        """The size that the lines are of; None while they must be drawn again."""

    @abstractmethod
    def _draw(self) -> list[Strip]:
        """Return all lines, `_based`."""

    def say(
        self, text: str, width: int, style: Style | None = None, most: int | None = None
    ) -> list[Strip]:
        """Wrap a text.

        Args:
            text: is cleaned first.
            width: cells of a line.
            style: of the text; that of notes if None.
            most: lines at most; None for as many as it takes.
        """
        cut = " …" if self.terminal.unicode else " ~"
        style = self.palette.muted if style is None else style
        words = clean(text, self.terminal)
        lines = wrap(words, max(width, 8), max_lines=most, placeholder=cut)
        return [line([(part, style)], width) for part in lines]

    def _based(self, strips: Sequence[Strip]) -> list[Strip]:
        width = self.size.width
        return on_ground([strip.adjust_cell_length(width) for strip in strips], self.rich_style)

    def redraw(self) -> None:
        """Draw again and send the difference; a hidden pane is drawn once it is visible."""
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
        """Draw, or return the error that prevented it as lines."""
        try:
            return draw()
        except Exception as error:
            return self._based(self.say(faults.in_words(error), self.size.width))

    def render_lines(self, crop: Region) -> list[TextualStrip]:
        """Return lines for Textual's compositor, which asks for them in their future size."""
        if self.size != self._drawn_for:
            self._drawn_for = self.size
            self._lines = self._or_fault(self._draw)
        return super().render_lines(crop)

    def render_line(self, y: int) -> TextualStrip:
        """Return one of these lines."""
        width = self.size.width
        if y >= len(self._lines):
            return TextualStrip.blank(width, self.rich_style)
        return textual_strip(self._lines[y].adjust_cell_length(width))

    # Textual's own handlers of these two events send the whole widget again, and its watcher finds
    # all styles again.

    def on_focus(self, event: events.Focus) -> None:
        """Show that the keys go here."""
        event.prevent_default()
        self.has_focus = True
        if self.parent:
            self.parent.post_message(events.DescendantFocus(self))

    def on_blur(self, event: events.Blur) -> None:
        """Show that the keys go elsewhere."""
        event.prevent_default()
        self.has_focus = False
        if self.parent:
            self.parent.post_message(events.DescendantBlur(self))

    def watch_has_focus(self, has_focus: bool) -> None:
        """Draw the change of focus; no style depends on it."""
        self.redraw()


class LinesPane(DrawnWidget):
    """A title line and the lines below it, drawn by the subclass for the size there is.

    Args:
        terminal: what the terminal can show.
        id: the widget's id.
    """

    DEFAULT_CSS = "LinesPane { height: 1fr; }"

    @abstractmethod
    def title(self) -> str:
        """Return the title of the pane, in a few words."""

    @abstractmethod
    def lines(self, width: int, height: int) -> Sequence[Strip]:
        """Draw the lines below the title, at most `height` of at most `width` cells."""

    def text(self) -> str:
        """Return the content of the pane as plain text."""
        return plain(self._draw()).rstrip()

    def _draw(self) -> list[Strip]:
        width, height = self.size
        drawn = [self._title_line(width), *self.lines(width, height - 1)]
        return self._based((drawn + [Strip.blank(0)] * (height - len(drawn)))[:height])

    def set_height(self, lines: int) -> None:
        """Set the height in lines, without a new layout where it is right already."""
        if self.styles.height is None or self.styles.height.value != lines:
            self.styles.height = lines

    def redraw_title(self) -> None:
        """Draw only the title, which alone has changed."""
        if self.size == self._drawn_for:
            self._replace(
                lambda: [*self._based([self._title_line(self.size.width)]), *self._lines[1:]]
            )

    def _title_line(self, width: int) -> Strip:
        rule = ("━" if self.has_focus else "─") if self.terminal.unicode else "-"
        style = self.palette.strong if self.has_focus else self.palette.muted
        mark = (">" if not self.terminal.unicode else "▸") if self.has_focus else rule
        text = shorten(f"{rule}{mark} {self.title()} ", width, self.terminal)
        return line([(text + rule * (width - cell_len(text)), style)], width)

    def watch_has_focus(self, has_focus: bool) -> None:
        """Show in the title whether the keys go here."""
        self.redraw_title()


Model = TypeVar("Model")


class OfModel(Generic[Model]):
    """A pane, of another base, that draws a part of its screen's model.

    Args:
        terminal: what the terminal can show.
        model: what it shows.
    """

    def __init__(self, terminal: Terminal, model: Model) -> None:
        self._model = model
        super().__init__(terminal)  # type: ignore[call-arg]  # the other base's


Content = TypeVar("Content")


class ContentPane(LinesPane, Generic[Content]):
    """A pane that draws something, or says why there is nothing to draw.

    Args:
        terminal: what the terminal can show.
        id: the widget's id.
    """

    EMPTY_TITLE = ""
    """The title while there is nothing to draw."""

    content: Content | None = None
    status = ""
    """What is being waited for or went wrong; a note in the title where there is something."""

    def show(self, content: Content | None, status: str = "") -> None:
        """Draw something else, or only a status."""
        self.content, self.status = content, status
        self.redraw()

    def show_new(self, content: Content | None, status: str = "") -> None:
        """Draw something that can be compared, unless it is shown already."""
        if (content, status) != (self.content, self.status):
            self.show(content, status)

    @abstractmethod
    def heading(self, content: Content) -> str:
        """Return the title."""

    @abstractmethod
    def draw(self, content: Content, width: int, height: int) -> Sequence[Strip]:
        """Return the lines below the title, at most `height` of at most `width` cells."""

    def title(self) -> str:
        """Return the title of the content."""
        return self.EMPTY_TITLE if self.content is None else self.heading(self.content)

    def lines(self, width: int, height: int) -> Sequence[Strip]:
        """Draw the content, or the status in its place."""
        if self.content is None:
            return self.say(self.status, width)
        return self.draw(self.content, width, height)
