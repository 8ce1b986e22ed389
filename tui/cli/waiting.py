"""Saying what is waited for while a command works."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tui.cli.output import Output, remark
from tui.cli.progress import waiting_line
from tui.cli.views import NOTICE_SECONDS


@contextmanager
def waiting(out: Output) -> Iterator[Callable[[str], None]]:
    """Shows what is waited for: below the prompt, or for pipes now and then on stderr."""
    started = time.monotonic()
    if not out.can_redraw:
        yield _every(NOTICE_SECONDS, remark)
        return
    from rich.live import Live

    message = ["working"]

    def show(text: str) -> None:
        message[0] = text

    with Live(
        console=out.console(),
        get_renderable=lambda: waiting_line(message[0], time.monotonic() - started, out),
        refresh_per_second=8,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ):
        yield show


def _every(seconds: float, say: Callable[[str], None]) -> Callable[[str], None]:
    """Passes on one message in so many seconds, the first after one."""
    due = time.monotonic() + 1

    def pass_on(message: str) -> None:
        nonlocal due
        if time.monotonic() >= due:
            due = time.monotonic() + seconds
            say(message)

    return pass_on
