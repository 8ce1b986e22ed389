"""The line below all that a command prints, while it works in a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from mnistop.tui.cli.output import Output
from mnistop.tui.text.runs import STOPPING

if TYPE_CHECKING:
    from rich.console import RenderableType

_SPINNER = "|/-\\"
_TURNS = 8
"""Drawings a second, in each of which the spinner turns."""


class LiveLine:
    """Shows what is waited for, else how far the work is; once it is to stop, only that.

    Args:
        out: a terminal.
        progress: draws how far the work is, in so many cells; None before that can be told.
    """

    def __init__(self, out: Output, progress: Callable[[int], RenderableType | None]) -> None:
        from rich.live import Live

        self.message = ""
        """What is waited for; empty for nothing."""
        self._stopping = False
        self._out = out
        self._progress = progress
        self._console = out.console()
        self._live = Live(
            console=self._console,
            get_renderable=self._draw,
            refresh_per_second=_TURNS,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def start(self) -> None:
        """Shows the line, if it is not shown yet."""
        self._live.start(refresh=True)

    def wait(self, message: str) -> None:
        """Shows what is waited for."""
        self.message = message
        self.start()

    def stopping(self) -> None:
        """Shows from now on that the work is to stop, however far it is."""
        self._stopping = True
        self.start()
        self._live.refresh()

    def print(self, text: str, crop: bool = False) -> None:
        """Prints above the line.

        Args:
            text: one line or more.
            crop: whether what is too long for the terminal is cut off, not broken.
        """
        if crop:
            self._console.print(self._out.clean(text), no_wrap=True, overflow="crop")
        else:
            self._console.print(self._out.clean(text))

    def close(self) -> None:
        """Takes the line away."""
        self._live.stop()

    def _draw(self) -> RenderableType:
        if self._stopping:
            return self._waiting(STOPPING)
        drawn = None if self.message else self._progress(self._console.width)
        return drawn or self._waiting(self.message)

    def _waiting(self, message: str) -> RenderableType:
        """What is waited for, with a sign that it has not come to a halt."""
        from rich.text import Text

        turning = _SPINNER[int(time.monotonic() * _TURNS) % len(_SPINNER)]
        return Text(self._out.clean(f"{turning} {message}"), no_wrap=True, overflow="crop")
