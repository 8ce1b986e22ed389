"""A pane that is a list with a cursor, of which only the rows in sight are drawn."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from textual import events
from textual.message import Message

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.strip import Strip
from mnistop.tui.toolkit.bindings import bindings, hidden, key
from mnistop.tui.toolkit.lines import LinesPane


class ListPane(LinesPane, can_focus=True):
    """A header, and the rows around the cursor.

    Args:
        terminal: what the terminal can show.
        id: the widget's id.
    """

    BINDINGS = bindings(
        "list",
        key("up", "up,k", "move(-1)", "Move", "The row above", "↑↓"),
        hidden("down", "down,j", "move(1)", "Down", "The row below"),
        hidden("page_up", "pageup", "page(-1)", "Page up", "A page up"),
        hidden("page_down", "pagedown", "page(1)", "Page down", "A page down"),
        hidden("home", "home", "move(-10000000)", "First", "The first"),
        hidden("end", "end", "move(10000000)", "Last", "The last"),
        key("open", "enter", "open", "Open", "Open this row"),
    )

    @dataclass
    class Moved(Message):
        """The cursor has moved."""

        pane: ListPane
        position: int

        @property
        def control(self) -> ListPane:
            """The list."""
            return self.pane

    @dataclass
    class Opened(Message):
        """What is behind a row shall be shown."""

        pane: ListPane
        position: int

        @property
        def control(self) -> ListPane:
            """The list."""
            return self.pane

    def __init__(self, terminal: Terminal, *, id: str | None = None) -> None:
        super().__init__(terminal, id=id)
        self.position = 0
        self._top = 0

    @property
    @abstractmethod
    def count(self) -> int:
        """How many rows there are."""

    @abstractmethod
    def header(self, width: int) -> Strip:
        """What the columns are."""

    @abstractmethod
    def row(self, index: int, width: int, chosen: bool) -> Strip:
        """One row."""

    @abstractmethod
    def empty(self) -> str:
        """What to say where there are no rows."""

    @property
    def marks(self) -> bool:
        """Whether the row at the cursor is marked."""
        return True

    def lines(self, width: int, height: int) -> list[Strip]:
        """The header and the rows in sight."""
        if not self.count:
            return self.say(self.empty(), width)
        room = max(1, height - 1)
        least, most = self.position - room + 1, min(self.position, self.count - room)
        self._top = max(0, least, min(self._top, most))
        rows = range(self._top, min(self.count, self._top + room))
        drawn = [self.row(row, width, row == self.position and self.marks) for row in rows]
        return [self.header(width), *drawn]

    def action_move(self, by: int) -> None:
        """Moves the cursor, within the rows."""
        self._go(self.position + by)

    def action_page(self, by: int) -> None:
        """Moves the cursor by a page."""
        self._go(self.position + by * max(1, self.size.height - 2))

    def _go(self, position: int) -> None:
        if not self.count:
            self.notify(self.empty(), markup=False)
            return
        self.position = max(0, min(self.count - 1, position))
        self.redraw()
        self.post_message(self.Moved(self, self.position))

    def action_open(self) -> None:
        """Asks for what is behind the row."""
        if self.count:
            self.post_message(self.Opened(self, self.position))
        else:
            self.notify(self.empty(), markup=False)

    def on_click(self, event: events.Click) -> None:
        """Moves the cursor to the clicked row; a double click opens it."""
        row = self._top + event.y - 2
        if event.y >= 2 and row < self.count:
            self._go(row)
            if event.chain == 2 and not self.why_not("open", ()):
                self.action_open()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves by three rows."""
        event.stop()
        self.action_move(-3)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves by three rows."""
        event.stop()
        self.action_move(3)
