"""Panes with more lines than have room: those in sight are drawn, and scrolled."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events

from mnistop.tui.draw.cells import Strip, line
from mnistop.tui.toolkit.bindings import bindings, hidden
from mnistop.tui.toolkit.pane import LinesPane

LINE_BY_LINE = (
    hidden("down", "down,j", "scroll_lines(1)", "Down", "Scroll down by a line"),
    hidden("up", "up,k", "scroll_lines(-1)", "Up", "Scroll up by a line"),
)
"""The keys that scroll a `ScrolledPane` by a line, where they do nothing else."""


class ScrolledPane(LinesPane):
    """Lines of which the visible ones are drawn, and how to get to the others."""

    BINDINGS = bindings(
        "text",
        hidden("page_down", "pagedown", "scroll_by(1)", "Scroll", "Scroll down to what is hidden"),
        hidden("page_up", "pageup", "scroll_by(-1)", "Scroll up", "Scroll up to what is hidden"),
    )

    _first = 0
    """The first visible line."""
    _hidden = 0
    """Lines that have no room."""

    def lines(self, width: int, height: int) -> Sequence[Strip]:
        """Draw the lines in sight of those that another base draws."""
        return self.in_sight(super().lines(width, height), width, height)  # type: ignore[safe-super]

    def in_sight(self, lines: Sequence[Strip], width: int, height: int) -> list[Strip]:
        """Return the lines in sight; where there are more, the last one says so.

        Args:
            lines: all lines.
            width: cells of a line.
            height: lines that have room.
        """
        self._hidden = max(len(lines) - height + 1, 0) if len(lines) > height else 0
        self._first = max(0, min(self._first, self._hidden))
        if not self._hidden:
            return list(lines)
        shown = list(lines[self._first : self._first + height - 1])
        below = self._hidden - self._first
        where = [f"PgUp: {self._first} above"] * bool(self._first)
        where += [f"PgDn: {below} more lines" if below > 1 else "PgDn: 1 more line"] * bool(below)
        return [*shown, line([(", ".join(where), self.palette.muted)], width)]

    def action_scroll_by(self, pages: int) -> None:
        """Scroll by pages."""
        self._scroll(pages * max(self.size.height - 3, 1))

    def action_scroll_lines(self, by: int) -> None:
        """Scroll by lines."""
        self._scroll(by)

    def _scroll(self, by: int) -> None:
        self._first += by
        self.redraw()

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Return the reason why an action is impossible now."""
        if action in ("scroll_by", "scroll_lines") and not self._hidden:
            return "All lines are visible: there is nothing to scroll."
        return super().why_not(action, parameters)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll by three lines."""
        event.stop()
        self._scroll(-3)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll by three lines."""
        event.stop()
        self._scroll(3)
