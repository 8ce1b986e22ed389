"""What the interface does when the system tells it to end."""

import asyncio
import os
import select
import signal
import threading
from collections.abc import Callable

from mnistop.engine.process.child import detach_from_terminal

_ENDING = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGXCPU,
)
_AT_MOST = 1.8
"""Seconds from the signal to the end of the process, whatever it is busy with."""


def end_on_signals(end: Callable[[int], object], is_gone: Callable[[], bool]) -> None:
    """Lets a signal that asks for the end bring it about in good order.

    Batch systems warn of the end of a job by SIGUSR1, SIGUSR2 or SIGXCPU.

    Args:
        end: called with the exit code, 128 + the signal's number.
        is_gone: whether there is no terminal any more; SIGHUP may also come from `kill -HUP`.
    """
    loop = asyncio.get_running_loop()

    def on_signal(number: signal.Signals) -> None:
        if number == signal.SIGHUP and is_gone():
            detach_from_terminal()
        end_soon(128 + number)
        end(128 + number)

    for number in _ENDING:
        loop.add_signal_handler(number, on_signal, number)


def end_soon(code: int) -> None:
    """Ends the process before long, even while a thread of it waits for something.

    Args:
        code: the exit code.
    """
    timer = threading.Timer(_AT_MOST, os._exit, [code])
    timer.daemon = True
    timer.start()


def has_hung_up(descriptor: int, seconds: float | None = 0) -> bool:
    """Return whether the terminal behind a descriptor is gone.

    Args:
        descriptor: of the terminal.
        seconds: how long to wait for that; None for as long as it takes.
    """
    poll = select.poll()
    poll.register(descriptor, 0)
    gone = select.POLLHUP | select.POLLERR | select.POLLNVAL
    found = poll.poll(None if seconds is None else seconds * 1000)
    return any(event & gone for _, event in found)


def can_be_continued() -> bool:
    """Return whether a shell with job control seems to wait for this process group.

    It has put the group into being and leads the session from another one. A command of
    `ssh -tt HOST`, of `sh -c`, or of a terminal's own is in the group that the leader is in, or its
    parent is in another session: whatever stops it, nobody will continue it.
    """
    session = os.getsid(0)
    if os.getpgrp() == session:
        return False
    try:
        return os.getsid(os.getppid()) == session
    except OSError:
        return False


def stop_job() -> None:
    """Stop this process as a shell expects it: with those that started it from a script.

    The system lets a process group be that no shell could continue.
    """
    logit_margins = os.getpgrp() == os.getpid()
    before = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    os.kill(os.getpid() if logit_margins else 0, signal.SIGTSTP)
    signal.signal(signal.SIGTSTP, before)
