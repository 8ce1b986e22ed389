"""What the interface does when the system tells it to end."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable

from engine.process.stdio import leave_terminal

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


def end_on_signals(end: Callable[[int], object]) -> None:
    """Lets a signal that asks for the end bring it about in good order.

    Batch systems warn of the end of a job by SIGUSR1, SIGUSR2 or SIGXCPU.

    Args:
        end: called with the exit code, 128 + the signal's number.
    """
    loop = asyncio.get_running_loop()

    def on_signal(number: signal.Signals) -> None:
        if number == signal.SIGHUP:
            leave_terminal()
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
