"""Keys that come while others are being answered, as a slow line delivers them: all at once."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from typing import Any, Protocol, runtime_checkable

from textual.app import App, ScreenStackError
from textual.dom import DOMNode
from textual.events import Event, Key, Paste
from textual.widget import Widget

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
        """Whether that is not there yet, but as a rule will be in a moment."""


class TypedAhead(App[int]):
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
        """Whether a key has not had its effect yet."""
        return self._answering is not None and not self._exit

    def forget_typed(self) -> None:
        """Drop the keys that have not acted yet."""
        self._typed.clear()

    async def on_event(self, event: Event) -> None:
        """Takes a key, or keeps it until its turn comes."""
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
    """Waits until a part of the app has opened and handled all that it has been sent so far."""
    if isinstance(node, Widget) and node.is_mounted and not node.message_queue_size:
        return
    done = asyncio.Event()
    if node.call_later(done.set):
        while not done.is_set() and node.is_attached:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    await done.wait()
