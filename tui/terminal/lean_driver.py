"""The terminal, which gets only what it does not show already."""

import time
from typing import Any

from textual.events import InputEvent
from textual.message import Message

from tui.terminal.changes import Changes
from tui.terminal.driver import CalmDriver

_ANSWER_SECONDS = 0.3
"""What is sent within this time of a key answers it."""


class LeanDriver(CalmDriver):
    """A driver that sends changes only, and counts their bytes."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._changes = Changes()
        self._asked = 0.0
        self.sent_unasked = 0
        """Bytes so far, without those that answer a key or the mouse."""

    @property
    def quiet_seconds(self) -> float:
        """How long nothing has come from the terminal."""
        return time.monotonic() - self._asked

    def process_message(self, message: Message) -> None:
        """Hands on what comes from the terminal."""
        if isinstance(message, InputEvent):
            self._asked = time.monotonic()
        super().process_message(message)

    def start_application_mode(self) -> None:
        """Takes over a terminal of which nothing is known."""
        self.forget()
        super().start_application_mode()

    def write(self, data: str) -> None:
        """Sends what of a frame the terminal does not show."""
        if changed := self._changes.of(data):
            if time.monotonic() > self._asked + _ANSWER_SECONDS:
                self.sent_unasked += len(changed.encode())
            super().write(changed)

    def forget(self) -> None:
        """What the terminal shows is no longer known; the next frame is sent whole."""
        self._changes.forget()
