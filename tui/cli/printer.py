"""The lines that a command prints while it works, and the line of progress below them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mnistop.tui.cli.output import Output, remark

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

STOPPING = "stopping and saving; Ctrl+C again leaves at once"

_SPINNER = "|/-\\"
_TURNS = 8
"""Drawings a second, in each of which the spinner turns."""
_NOTICE_SECONDS = 5.0
"""In a pipe, the time from one message on stderr to the next."""
_NARROWEST_BAR, _WIDEST_BAR = 5, 60
_MARGIN = 3
"""Room for the ^C that terminals print: it must not break the line."""


class Printer:
    """Lines of a command; on a terminal above one that shows progress, or what it waits for.

    In a pipe there is no such line: what is waited for goes to stderr, where a person may see it.
    With JSON nothing but the result is printed.

    Args:
        out: standard output.
        as_json: whether programs read it.
        progress: draws how far the work is, in so many cells; None before that is known.
    """

    def __init__(
        self,
        out: Output,
        as_json: bool = False,
        progress: Callable[[int], RenderableType | None] = lambda width: None,
    ) -> None:
        self.out = out
        self.as_json = as_json
        self.message = ""
        """The present reason to wait; empty for none."""
        self._progress = progress
        self._stopping = False
        self._next_notice = 0.0
        self._live: Live | None = None
        if out.can_redraw and not as_json:
            from rich.live import Live

            self._live = Live(
                console=out.console(),
                get_renderable=self._draw,
                refresh_per_second=_TURNS,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )

    @property
    def is_live(self) -> bool:
        """True if there is a line of progress."""
        return self._live is not None

    def wait(self, message: str, at_once: bool = True) -> None:
        """Show what is waited for.

        Args:
            message: in some words.
            at_once: whether a pipe gets it even if it had another one just before.
        """
        self.message = message
        if self._live:
            self._live.start(refresh=True)
        elif not self.as_json and (at_once or time.monotonic() >= self._next_notice):
            remark(f"{message} ...")
            if not at_once:
                self._next_notice = time.monotonic() + _NOTICE_SECONDS

    def stopping(self) -> None:
        """Show from now on that the work has been asked to stop, however far it is."""
        self._stopping = True
        if self._live:
            self._live.start(refresh=True)
            self._live.refresh()
        elif not self.as_json:
            remark(f"{STOPPING} ...")

    def print(self, *lines: str, crop: bool = False) -> None:
        """Print lines that stay.

        Args:
            lines: one or more; with none nothing is printed.
            crop: whether a terminal cuts off what is too long for it, and does not break it.
        """
        if not lines:
            return
        text = "\n".join(lines)
        if self._live is None:
            self.out.print(text)
            return
        self._live.start(refresh=True)
        how = {"no_wrap": True, "overflow": "crop"} if crop else {}
        self._live.console.print(self.out.clean(text), **how)  # type: ignore[arg-type]

    def close(self) -> None:
        """Leave the terminal as it was, with the lines."""
        if self._live:
            self._live.stop()

    def _draw(self) -> RenderableType:
        from rich.text import Text

        message = STOPPING if self._stopping else self.message
        width = self._live.console.width if self._live else self.out.width
        drawn = None if message else self._progress(width)
        if drawn is not None:
            return drawn
        turning = _SPINNER[int(time.monotonic() * _TURNS) % len(_SPINNER)]
        return Text(self.out.clean(f"{turning} {message}"), no_wrap=True, overflow="crop")


@contextmanager
def waiting(out: Output) -> Iterator[Callable[[str], None]]:
    """Show what is waited for meanwhile; in a pipe now and then, from the second second on."""
    printer = Printer(out)
    printer._next_notice = time.monotonic() + 1
    if printer.is_live:
        printer.wait("working")
    try:
        yield lambda message: printer.wait(message, at_once=False)
    finally:
        printer.close()


def bar_line(left: str, fraction: float, right: str, out: Output, width: int) -> RenderableType:
    """A bar between two texts; without room for it, the texts alone.

    Args:
        left: what stands before the bar.
        fraction: what is done, in [0, 1].
        right: what stands behind it.
        out: where it is shown.
        width: cells that the line may take now.
    """
    from rich.segment import Segment
    from rich.text import Text

    from mnistop.tui.draw.bars import progress
    from mnistop.tui.draw.cells import Strip, printable

    left, right = out.clean(left), out.clean(right)
    room = width - len(left) - len(right) - _MARGIN
    if room < _NARROWEST_BAR:
        return Text(left + right, no_wrap=True, overflow="crop")
    bar = progress(fraction, min(room, _WIDEST_BAR), out.terminal)
    before, after = (Strip([Segment(text)], len(text)) for text in (left, right))
    return printable([Strip.join([before, *bar, after])])
