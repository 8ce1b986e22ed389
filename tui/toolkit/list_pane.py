"""Panes that are tables with a cursor, of which only the visible rows are drawn."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from textual import events
from textual.message import Message

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Strip, clean, line
from mnistop.tui.text.table import Column, Table
from mnistop.tui.toolkit.bindings import bindings, declared, hidden, key
from mnistop.tui.toolkit.pane import LinesPane

Item = TypeVar("Item")


class ListPane(LinesPane, Generic[Item], can_focus=True):
    """The heads of the columns, and the rows around the cursor.

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
    class _OfRow(Message):
        pane: ListPane[Any]
        position: int

        @property
        def control(self) -> ListPane[Any]:
            """The list."""
            return self.pane

    class Moved(_OfRow):
        """The cursor has moved to a row."""

    class Opened(_OfRow):
        """The content of a row is to be shown."""

    def __init__(self, terminal: Terminal, *, id: str | None = None) -> None:
        super().__init__(terminal, id=id)
        self.position = 0
        self._top = 0
        self.table: Table[Item] = Table(())
        """The columns as they were drawn last."""

    @property
    @abstractmethod
    def items(self) -> Sequence[Item]:
        """The items of the rows, in order."""

    @abstractmethod
    def columns(self, width: int) -> Sequence[Column[Item]]:
        """Return the columns; called whenever the pane is drawn."""

    def fit(self, width: int) -> Table[Item]:
        """Return the columns that fit."""
        return Table(self.columns(width), width, clean=partial(clean, terminal=self.terminal))

    @property
    def order(self) -> str:
        """The head of the column that the order goes by; empty for none."""
        return ""

    @property
    def count(self) -> int:
        """The number of rows."""
        return len(self.items)

    @abstractmethod
    def empty(self) -> str:
        """Return the text in place of rows."""

    @property
    def marks(self) -> bool:
        """True if the row at the cursor is marked."""
        return True

    def lines(self, width: int, height: int) -> list[Strip]:
        """Draw the header and the visible rows."""
        if not self.count:
            return self.say(self.empty(), width)
        self.table = self.fit(width)
        room = max(1, height - 1)
        least, most = self.position - room + 1, min(self.position, self.count - room)
        self._top = max(0, least, min(self._top, most))
        rows = range(self._top, min(self.count, self._top + room))
        strong, muted, order = self.palette.strong, self.palette.muted, self.order
        header = self.table.header(lambda head: strong if head and head == order else muted)
        drawn = [self.row(row, width, row == self.position and self.marks) for row in rows]
        return [line(header, width), *drawn]

    def row(self, index: int, width: int, chosen: bool) -> Strip:
        """Draw one row."""
        style = self.palette.cursor if chosen else None
        return line([*self.table.row(self.items[index], style), (" " * width, style)], width)

    def action_move(self, by: int) -> None:
        """Move the cursor, within the rows."""
        self._go(self.position + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by a page."""
        self._go(self.position + by * max(1, self.size.height - 2))

    def _go(self, position: int) -> None:
        if not self.count:
            self.notify(self.empty(), markup=False)
            return
        self.position = max(0, min(self.count - 1, position))
        self.redraw()
        self.post_message(self.Moved(self, self.position))

    def action_open(self) -> None:
        """Open the row at the cursor."""
        if self.count:
            self.post_message(self.Opened(self, self.position))
        else:
            self.notify(self.empty(), markup=False)

    def on_click(self, event: events.Click) -> None:
        """Move the cursor to the clicked row; a double click opens it, where rows can be opened."""
        row = self._top + event.y - 2
        if event.y >= 2 and row < self.count:
            self._go(row)
            opens = any(binding.action == "open" for binding in declared(type(self)))
            if event.chain == 2 and opens and not self.why_not("open", ()):
                self.action_open()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Move by three rows."""
        event.stop()
        self.action_move(-3)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Move by three rows."""
        event.stop()
        self.action_move(3)
