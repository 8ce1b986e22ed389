"""Inputs: the editor of a value in a form, and the line in which a filter is typed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.geometry import Region
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Static
from textual.widgets.input import Selection

from mnistop.engine.filter_grammar import FilterError
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import clean
from mnistop.tui.terminal.faults import FaultTolerant
from mnistop.tui.terminal.textual_hooks import InputHook
from mnistop.tui.toolkit.bindings import bindings, key


def _without_enter() -> list[BindingType]:
    """Return the keys of `Input` alone, but for Enter."""
    return [each for each in Input.BINDINGS if isinstance(each, Binding) and each.key != "enter"]


class ValueInput(FaultTolerant, InputHook, inherit_bindings=False):
    """An input that lies over the value of a row while it is edited.

    It has the bindings of `Input` alone: those that scroll would take keys which are the form's.

    Args:
        take: acts on a key that is no text.
        keep: ends the editing with the value, unless it is wrong.
        cancel: ends the editing with the old value.
        unicode: Whether characters outside ASCII can be shown.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *_without_enter(),
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
        """Cover a region of the form."""
        self.styles.offset = place.offset
        self.styles.width = place.width

    async def on_key(self, event: events.Key) -> None:
        """Handle what is typed; all else is the form's to decide."""
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
        """Restore the old value."""
        self._cancel()

    @property
    def shown_text(self) -> Text:
        """The value, character for character, safe to draw."""
        shown = (
            char if char.isprintable() and (self._unicode or char.isascii()) else "?"
            for char in self.value
        )
        return Text("".join(shown), no_wrap=True, overflow="ignore", end="")


class _Completion(Suggester):
    """The completion of the last word."""

    def __init__(self, complete: Callable[[str], Sequence[str]]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._complete = complete

    async def get_suggestion(self, value: str) -> str | None:
        """Return the likeliest line that begins with the typed text."""
        return next(iter(self._complete(value)), None)


class FilterInput(FaultTolerant, Input, inherit_bindings=False):
    """The input; it has the bindings of `Input` alone, so that the others stay the screen's."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *_without_enter(),
        *bindings(
            "filter",
            key("apply", "enter", "submit", "Apply", "Apply the filter"),
            key("complete", "tab", "complete", "Complete", "Complete the word"),
            key("leave", "escape", "leave", "Leave", "Back, without a change"),
        ),
    ]

    class Left(Message):
        """The keys go back to the list, and the filter stays as it was."""

    def action_complete(self) -> None:
        """Accept the completion that is shown."""
        self.action_end()
        self.action_cursor_right()

    def action_leave(self) -> None:
        """Leave the line."""
        self.post_message(self.Left())


class FilterLine(FaultTolerant, Horizontal):
    """A filter that is typed; what it can say is up to the screen.

    Args:
        terminal: what the terminal can show.
        example: a filter to show while nothing is typed.
        check: raises `FilterError` where a filter makes no sense.
        complete: the lines that what is typed may become, the likeliest first.
    """

    DEFAULT_CSS = """
    FilterLine {
        height: auto;
        max-height: 3;
        & > #filter-label { width: 9; color: $text-muted; }
        & > FilterInput { width: 1fr; max-width: 46; background: $background; }
        & > #filter-problem { width: 1fr; height: auto; padding-left: 1; }
        & > FilterInput:ansi > .input--cursor {
            color: ansi_default;
            background: ansi_default;
            text-style: reverse;
        }
    }
    """

    @dataclass
    class Applied(Message):
        """A filter is to be applied."""

        text: str

    Left = FilterInput.Left

    def __init__(
        self,
        terminal: Terminal,
        example: str,
        check: Callable[[str], object],
        complete: Callable[[str], Sequence[str]],
    ) -> None:
        super().__init__()
        self._terminal = terminal
        self._check = check
        self._complete = complete
        self._applied = ""
        self._problem = Static(id="filter-problem", markup=False)
        self.input = FilterInput(
            placeholder=f"none; e.g. {example}",
            compact=True,
            select_on_focus=False,
            suggester=_Completion(complete),
        )
        self.input.cursor_blink = False

    def compose(self) -> ComposeResult:
        """Yield the label, the input and the problem."""
        yield Static("/ filter ", id="filter-label", markup=False)
        yield self.input
        yield self._problem

    def show(self, text: str, example: str = "") -> None:
        """Show the filter in force.

        Args:
            text: as it was typed.
            example: another filter to show while nothing is typed.
        """
        if example:
            self.input.placeholder = f"none; e.g. {example}"
        if text != self._applied:
            self._applied = self.input.value = text

    @on(Input.Changed)
    def _check_typed(self, event: Input.Changed) -> None:
        """Show what is wrong, but not with a word that is just being begun."""
        event.stop()
        begun = self.input.has_focus and self._complete(self.input.value)
        self._show_problem("" if begun else self.problem())

    def _show_problem(self, problem: str) -> None:
        self._problem.update(clean(problem, self._terminal))

    def problem(self) -> str:
        """Return what is wrong with what is typed; empty for nothing."""
        try:
            self._check(self.input.value)
        except FilterError as error:
            return str(error)
        return ""

    @on(Input.Submitted)
    def _apply(self, event: Input.Submitted) -> None:
        event.stop()
        if problem := self.problem():
            self._show_problem(problem)
        else:
            self._applied = self.input.value
            self.post_message(self.Applied(self.input.value))

    def on_descendant_blur(self) -> None:
        """Show the filter in force again when the line is left without Enter."""
        self.input.value = self._applied
