"""The terminal, which gets only what it does not show already."""

from typing import Any

from textual.drivers.linux_driver import LinuxDriver

from tui.changes import Changes


class LeanDriver(LinuxDriver):
    """Textual's driver for Linux and macOS, which sends changes only and counts their bytes."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._changes = Changes()
        self.sent = 0
        """Bytes so far."""

    def write(self, data: str) -> None:
        """Sends what of a frame the terminal does not show."""
        if changed := self._changes.of(data):
            self.sent += len(changed.encode())
            super().write(changed)

    def forget(self) -> None:
        """What the terminal shows is no longer known; the next frame is sent whole."""
        self._changes.forget()
