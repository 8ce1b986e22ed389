"""What the interface does when the system tells it to end."""

import asyncio
import os
import signal
from collections.abc import Callable


def end_on_signals(end: Callable[[int], None]) -> None:
    """Lets SIGTERM, SIGQUIT and SIGHUP end the interface in good order.

    After a hang-up the terminal is gone, and whoever writes to it anyway spins: so the standard
    descriptors are pointed at the null device first.

    Args:
        end: called with the exit code, 128 + the signal's number.
    """
    loop = asyncio.get_running_loop()

    def on_signal(number: signal.Signals) -> None:
        if number == signal.SIGHUP:
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in range(3):
                os.dup2(null, descriptor)
        end(128 + number)

    for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP):
        loop.add_signal_handler(number, on_signal, number)
