"""The app at a terminal, shared with a person at the far end of a line, who may type ahead."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from textual import events, on
from textual.app import ScreenStackError
from textual.dom import DOMNode
from textual.events import Event, Key, Paste
from textual.filter import LineFilter, NoColor
from textual.notifications import SeverityLevel
from textual.widget import Widget

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.terminal import faults, garbage_collection
from mnistop.tui.terminal.attributes import AsciiOnly, each_once
from mnistop.tui.terminal.driver import EndRequested, NotSuspended, TerminalDriver
from mnistop.tui.terminal.faults import FaultTolerant
from mnistop.tui.terminal.scheduler import Pace
from mnistop.tui.terminal.textual_hooks import AppHooks

_ROUNDS = 3
"""From the focused widget up to the app: the key, what it asks for, and what that asks for."""
_PATIENCE = 0.1
"""Seconds until a widget that takes no more messages is looked at: it may have been removed."""
_LOOK_SECONDS = 0.01
_LONGEST_WAIT = 3.0
"""Seconds that keys wait for what a screen is reading; then they act on what there is."""


@runtime_checkable
class Reading(Protocol):
    """A screen that has to read what its keys act on."""

    @property
    def is_reading(self) -> bool:
        """True if that is still missing, but will be there in a moment as a rule."""


class TypedAhead(AppHooks):
    """An app that takes a key once the last one has had its effect.

    Textual hands a key to whatever has the focus when it comes. Keys behind one that opens a
    screen, or goes to another widget, would get lost in the old one; and in the new one as long as
    it has nothing to show. Those that lead elsewhere wait for nothing of that.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._typed: deque[Key | Paste] = deque()
        self._answering: asyncio.Task[None] | None = None
        self._waited_in_vain: object = None
        """The screen that had nothing to show for too long."""

    @property
    def is_answering(self) -> bool:
        """True if a key has not had its effect yet."""
        return self._answering is not None and not self.is_exiting

    def forget_typed(self) -> None:
        """Drop the keys that have not acted yet."""
        self._typed.clear()

    async def on_event(self, event: Event) -> None:
        """Handle a key, or keep it until its turn comes."""
        if not isinstance(event, Key | Paste) or event.is_forwarded:
            await super().on_event(event)
        elif self._answering:
            self._typed.append(event)
        else:
            await self._take(event)

    async def _take(self, event: Key | Paste) -> None:
        if self._has_to_wait(event, *self._typed):
            self._typed.appendleft(event)
            self._answering = asyncio.create_task(self._wait_for_the_reading())
        else:
            await super().on_event(event)
            self._answering = asyncio.create_task(self._wait_for_the_effect())

    def _has_to_wait(self, *typed: Key | Paste) -> bool:
        screen = self.screen if self.screen_stack else None
        return (
            isinstance(screen, Reading)
            and screen.is_reading
            and screen is not self._waited_in_vain
            and not any(map(self._leads_elsewhere, typed))
        )

    def _leads_elsewhere(self, event: Key | Paste) -> bool:
        if not isinstance(event, Key):
            return False
        found = self.screen.active_bindings.get(event.key)
        return bool(found and (found.node is self or found.binding.action == "back"))

    async def _wait_for_the_reading(self) -> None:
        screen, end = self.screen, time.monotonic() + _LONGEST_WAIT
        try:
            while self._has_to_wait(*self._typed):
                await asyncio.sleep(_LOOK_SECONDS)
                if time.monotonic() > end:
                    self._waited_in_vain = screen
        finally:
            self.call_later(self._take_next)

    async def _wait_for_the_effect(self) -> None:
        try:
            with contextlib.suppress(ScreenStackError):  # the app is ending
                for _ in range(_ROUNDS):
                    for node in (self.focused or self.screen).ancestors_with_self:
                        await _has_done(node)
        finally:
            self.call_later(self._take_next)

    async def _take_next(self) -> None:
        self._answering = None
        if self._typed:
            await self._take(self._typed.popleft())


async def _has_done(node: DOMNode) -> None:
    """Wait until a part of the app has opened and handled all messages so far."""
    if isinstance(node, Widget) and node.is_mounted and not node.message_queue_size:
        return
    done = asyncio.Event()
    if node.call_later(done.set):
        while not done.is_set() and node.is_attached:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    await done.wait()


class TerminalApp(FaultTolerant, TypedAhead):
    """An app that leaves the terminal as it found it, and the line as free as it can.

    A slow line gets fewer frames, a stalled one none, and then the newest (`TerminalDriver`).

    Args:
        terminal: what the terminal can show.
        pace: how much the line takes.
    """

    def __init__(self, terminal: Terminal, pace: Pace) -> None:
        plain = terminal.colors < 256
        super().__init__(driver_class=TerminalDriver, ansi_color=True if plain else None)
        self.terminal = terminal
        self.pace = pace
        self.theme = f"{'ansi' if plain else 'textual'}-{'dark' if terminal.dark else 'light'}"
        self.animation_level = "none"
        self.fault = ""
        """The sentence on the fault of the program that ended it, if one did."""
        self._extra_filters: list[LineFilter] = []
        if terminal.colors == 0:
            self._extra_filters.append(NoColor())
        if not terminal.unicode:
            self._extra_filters.append(AsciiOnly())

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Show a brief notification, unless it is on the screen already."""
        if message not in self.notices:
            super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return Textual's filters, and those for this terminal."""
        return [each_once(each) for each in (*super().get_line_filters(), *self._extra_filters)]

    def on_load(self) -> None:
        """Collect garbage now and then, and draw everything when a suspended app goes on."""
        self.every(garbage_collection.SECONDS, self._tidy)
        self.app_resume_signal.subscribe(
            self, lambda _: self.screen.refresh(repaint=True, layout=True)
        )

    def on_resize(self, event: events.Resize) -> None:
        """Forget the terminal's contents, which are undefined after a change of size."""
        self._forget()
        if self.screen_stack and event.size == self.screen.outer_size:  # it was another in between
            self.screen.refresh()

    def action_redraw(self) -> None:
        """Send the whole screen, as after the output of another program."""
        self._forget()
        self.screen.refresh()

    def _forget(self) -> None:
        if isinstance(self.line, TerminalDriver):
            self.line.forget()

    def _tidy(self) -> None:
        driver = self.line
        if (
            isinstance(driver, TerminalDriver)
            and driver.quiet_seconds > garbage_collection.QUIET_SECONDS
        ):
            garbage_collection.collect()

    @property
    def unsolicited_bytes(self) -> int:
        """Bytes sent to the terminal so far, without those that answer a key."""
        return self.line.unsolicited_bytes if isinstance(self.line, TerminalDriver) else 0

    @property
    def is_heard(self) -> bool:
        """True if the terminal has taken all that the app had to say."""
        return not (isinstance(self.line, TerminalDriver) and self.line.is_stalled)

    @on(EndRequested)
    def _on_end_requested(self, message: EndRequested) -> None:
        self.exit(return_code=message.code)

    @on(NotSuspended)
    def _on_not_suspended(self) -> None:
        self.notify(
            "There is no shell here that could continue mnistop. Quit it instead: a run can go on "
            "training, and mnistop shows it again.",
            severity="warning",
        )

    @property
    def line_is_free(self) -> bool:
        """True if what is drawn now would be sent at once."""
        return not isinstance(self.line, TerminalDriver) or self.line.line_is_free

    def post_display_hook(self) -> None:
        """Send the next frame whole after one that was laid out for another size."""
        if self.screen.outer_size != self.size:
            self._forget()

    def on_fatal_error(self, error: Exception) -> None:
        """Keep the sentence on the fault."""
        self.fault = faults.in_words(error)
