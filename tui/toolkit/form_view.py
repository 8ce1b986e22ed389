"""Rows with a cursor and an explanation of the selected one, drawn line by line."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.geometry import Region, clamp
from textual.strip import Strip as TextualStrip

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.strip import Strip
from mnistop.tui.toolkit.bindings import bindings, hidden
from mnistop.tui.toolkit.drawn import DrawnWidget
from mnistop.tui.toolkit.form_lines import Layout, Painter, View, lines_of


class FormView(DrawnWidget, can_focus=True):
    """A form to look at: one widget for all rows.

    Args:
        count: The number of rows.
        terminal: What the terminal can show.
        id: The widget's id.
    """

    ALLOW_SELECT = False

    BINDINGS = bindings(
        "form",
        hidden("up", "up,k", "move(-1)", "Up", "Row above"),
        hidden("down", "down,j", "move(1)", "Down", "Row below"),
        hidden("page_up", "pageup", "page(-1)", "Page up", "Rows above"),
        hidden("page_down", "pagedown", "page(1)", "Page down", "Rows below"),
        hidden("first", "home", "home", "First", "First row"),
        hidden("last", "end", "end", "Last", "Last row"),
    )

    DEFAULT_CSS = "FormView { overflow: hidden; }"

    def __init__(self, count: int, terminal: Terminal, *, id: str | None = None) -> None:
        super().__init__(terminal, id=id)
        self.cursor = 0
        """The number of the selected row."""
        self.top = 0
        """The number of the first row in view."""
        self._count = count
        self._wanted = 0
        """Lines that the explanation of the selected row takes."""

    def view(self) -> View:
        """What to show now."""
        raise NotImplementedError

    @property
    def has_keys(self) -> bool:
        """Whether keys go to the form."""
        return self.has_focus

    @property
    def parts(self) -> Layout:
        """Where the parts of the form are."""
        return Layout(self.size, self._count, self._wanted)

    # The cursor

    def select(self, row: int) -> None:
        """Put the cursor on a row, or on the nearest one that exists."""
        self.cursor = clamp(row, 0, self._count - 1)
        self.show_cursor()
        self.redraw()

    def action_move(self, by: int) -> None:
        """Move the cursor by rows."""
        self.select(self.cursor + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by pages."""
        self.select(self.cursor + by * self.parts.rows.height)

    def action_home(self) -> None:
        """Move the cursor to the first row."""
        self.select(0)

    def action_end(self) -> None:
        """Move the cursor to the last row."""
        self.select(self._count - 1)

    def about(self) -> Sequence[str]:
        """Sentences on the selected row."""
        return ()

    def show_cursor(self) -> None:
        """Give the explanation its lines, and scroll as little as brings the cursor into view."""
        width = Layout(self.size, self._count).words.width
        self._wanted = lines_of(self.about(), width, self.terminal)
        height = self.parts.rows.height
        top = clamp(self.top, self.cursor - height + 1, self.cursor)
        self.top = clamp(top, 0, self._count - height)

    # The wheel

    def scroll_rows(self, by: int) -> bool:
        """Show other rows, wherever the cursor is; say whether there were any."""
        top = clamp(self.top + by, 0, self._count - self.parts.rows.height)
        moved = top != self.top
        self.top = top
        self.redraw()
        return moved

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Show rows further down."""
        if self.scroll_rows(2):
            event.stop()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Show rows further up."""
        if self.scroll_rows(-2):
            event.stop()

    # Drawing

    def render_lines(self, crop: Region) -> list[TextualStrip]:
        """Lines for Textual's compositor, those of another size with the cursor in view."""
        if self.size != self._drawn_for:
            self.show_cursor()
        return super().render_lines(crop)

    def _draw(self) -> list[Strip]:
        painter = Painter(self.palette, self.terminal, self.has_keys)
        return self._based(painter.paint(self.view(), self.parts))
