"""Rows with a cursor and an explanation of the selected one, drawn line by line."""

from __future__ import annotations

from itertools import zip_longest
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, clamp
from textual.strip import Strip as TextualStrip

from tui.fault_tolerant import FaultTolerantWidget
from tui.panes.form_lines import Layout, Painter, View
from tui.panes.textual_strip import textual_strip
from tui.render.strip import Strip
from tui.render.terminal import Terminal


class FormView(FaultTolerantWidget, can_focus=True):
    """A form to look at: one widget for all rows, which refreshes only lines that changed.

    Args:
        count: The number of rows.
        ascii: Whether to draw with ASCII characters only.
    """

    ALLOW_SELECT = False

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", False, id="form.up", tooltip="Row above"),
        Binding("down,j", "move(1)", "Down", False, id="form.down", tooltip="Row below"),
        Binding("pageup", "page(-1)", "Page up", False, id="form.page_up", tooltip="Rows above"),
        Binding(
            "pagedown", "page(1)", "Page down", False, id="form.page_down", tooltip="Rows below"
        ),
        Binding("home", "home", "First", False, id="form.first", tooltip="First row"),
        Binding("end", "end", "Last", False, id="form.last", tooltip="Last row"),
    ]

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "form--label",
        "form--changed",
        "form--faint",
        "form--problem",
        "form--cursor",
    }
    """
    | Class | Description |
    | :- | :- |
    | `form--label` | Names of the rows. |
    | `form--changed` | Values that are not the default, and why a key did nothing. |
    | `form--faint` | Rows without effect, and lines between the parts. |
    | `form--problem` | Values that are wrong, and why. |
    | `form--cursor` | The selected row. |
    """

    DEFAULT_CSS = """
    FormView {
        overflow: hidden;
        & > .form--label { color: $text-muted; }
        & > .form--changed { color: $text-accent; text-style: bold; }
        & > .form--faint { color: $text-disabled; }
        & > .form--problem { color: $text-error; text-style: bold; }
        & > .form--cursor {
            color: $block-cursor-blurred-foreground;
            background: $block-cursor-blurred-background;
        }
        &:focus-within > .form--cursor {
            color: $block-cursor-foreground;
            background: $block-cursor-background;
        }
        &:ansi {
            & > .form--faint { text-style: dim; }
            & > .form--cursor { color: ansi_default; background: ansi_default; }
            &:focus-within > .form--cursor { text-style: reverse; }
        }
    }
    """

    def __init__(
        self,
        count: int,
        ascii: bool = False,
        *,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.cursor = 0
        """The number of the selected row."""
        self.top = 0
        """The number of the first row in view."""
        self._count = count
        self._terminal = Terminal(unicode=not ascii)
        self._lines: list[Strip] = []
        self._drawn: Layout | None = None
        """For which layout the lines are; None where styles may have changed since."""

    def view(self) -> View:
        """What to show now."""
        raise NotImplementedError

    @property
    def parts(self) -> Layout:
        """Where the parts of the form are."""
        return Layout(self.size, self._count)

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

    def show_cursor(self) -> None:
        """Scroll as little as brings the cursor into view."""
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

    def render_line(self, y: int) -> TextualStrip:
        """Draw one line of the content."""
        if self._drawn != self.parts:
            self.show_cursor()
            self._lines = self._draw()
        return textual_strip(
            self._lines[y] if y < len(self._lines) else Strip.blank(self.size.width)
        )

    def notify_style_update(self) -> None:
        """Draw anew in other colours."""
        super().notify_style_update()
        self._drawn = None

    def redraw(self) -> None:
        """Refresh the lines that are not as they were."""
        if self.size:
            old, self._lines = self._lines, self._draw()
            for y, (before, now) in enumerate(zip_longest(old, self._lines)):
                if before != now:
                    self.refresh(Region(0, y, self.size.width, 1))

    def _draw(self) -> list[Strip]:
        self._drawn = parts = self.parts
        base = self.rich_style  # found anew every time, from all ancestors

        def style_of(part: str) -> Style:
            return self.get_component_rich_style(f"form--{part}") if part else base

        return Painter(style_of, self._terminal).paint(self.view(), parts)
