"""Saying what is waited for while a command works."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mnistop.tui.cli.output import Output, remark
from mnistop.tui.cli.printer import LiveLine
from mnistop.tui.cli.run_view import NOTICE_SECONDS


@contextmanager
def waiting(out: Output) -> Iterator[Callable[[str], None]]:
    """Shows what is waited for: below the prompt, or for pipes now and then on stderr."""
    if not out.can_redraw:
        yield _every(NOTICE_SECONDS, remark)
        return
    line = LiveLine(out, lambda width: None)
    line.wait("working")
    try:
        yield line.wait
    finally:
        line.close()


def _every(seconds: float, say: Callable[[str], None]) -> Callable[[str], None]:
    """Passes on one message in so many seconds, the first after one."""
    due = time.monotonic() + 1

    def pass_on(message: str) -> None:
        nonlocal due
        if time.monotonic() >= due:
            due = time.monotonic() + seconds
            say(message)

    return pass_on
