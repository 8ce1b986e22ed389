"""The terminal, which gets only what it does not show already."""

from typing import Any

from tui.changes import Changes
from tui.driver import CalmDriver


class LeanDriver(CalmDriver):
    """A driver that sends changes only, and counts their bytes."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._changes = Changes()
        self.sent = 0
        """Bytes so far."""

    def start_application_mode(self) -> None:
        """Takes over a terminal of which nothing is known."""
        self.forget()
        super().start_application_mode()

    def write(self, data: str) -> None:
        """Sends what of a frame the terminal does not show."""
        if changed := self._changes.of(data):
            self.sent += len(changed.encode())
            super().write(changed)

    def forget(self) -> None:
        """What the terminal shows is no longer known; the next frame is sent whole."""
        self._changes.forget()
