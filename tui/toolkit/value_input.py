"""The editor of one value in a form."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.widgets import Input
from textual.widgets.input import Selection

from mnistop.tui.terminal.faults import FaultTolerant
from mnistop.tui.toolkit.bindings import bindings, key


class ValueInput(FaultTolerant, Input, inherit_bindings=False):
    """An input that lies over the value of a row while it is edited.

    It has the bindings of `Input` alone: those that scroll would take keys which are the form's.

    Args:
        take: acts on a key that is no text.
        keep: ends the editing with the value, unless it is wrong.
        cancel: ends the editing with the old value.
        unicode: Whether characters outside ASCII can be shown.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *(each for each in Input.BINDINGS if isinstance(each, Binding) and each.key != "enter"),
        *bindings(
            "form",
            key("keep", "enter", "submit", "Keep", "Keep the value"),
            key("cancel", "escape", "cancel", "Undo", "Back to the old value"),
        ),
    ]

    DEFAULT_CSS = """
    ValueInput {
        position: absolute;
        display: none;
        &:ansi > .input--cursor {
            color: ansi_default;
            background: ansi_default;
            text-style: reverse;
        }
        &:ansi > .input--selection, &:nocolor > .input--selection {
            color: $foreground;
            background: $background;
            text-style: underline;
        }
    }
    """

    def __init__(
        self,
        take: Callable[[events.Key], Awaitable[object]],
        keep: Callable[[], object],
        cancel: Callable[[], object],
        unicode: bool,
    ) -> None:
        super().__init__(compact=True, select_on_focus=False)
        self._take, self._keep, self._cancel = take, keep, cancel
        self._unicode = unicode
        self.cursor_blink = False

    def open(self, value: str, place: Region) -> None:
        """Show a value, selected, so that typing replaces it."""
        self.value = value
        self.selection = Selection(0, len(value))
        self.place(place)
        self.display = True
        self.screen.set_focus(self, scroll_visible=False)

    def place(self, place: Region) -> None:
        """Lie over a region of the form."""
        self.styles.offset = place.offset
        self.styles.width = place.width

    async def on_key(self, event: events.Key) -> None:
        """Take what is typed; all else is the form's to decide."""
        if not (self.display and event.is_printable):
            event.prevent_default()
            await self._take(event)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Keep from the form what is for the text: `Input` puts its cursor there."""
        event.stop()

    async def action_submit(self) -> None:
        """Keep the value where it is right."""
        self._keep()

    def action_cancel(self) -> None:
        """Give the old value back."""
        self._cancel()

    @property
    def _value(self) -> Text:
        """The value, character for character, as it is safe to draw."""
        shown = (
            char if char.isprintable() and (self._unicode or char.isascii()) else "?"
            for char in self.value
        )
        return Text("".join(shown), no_wrap=True, overflow="ignore", end="")
