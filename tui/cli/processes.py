"""The helping processes of a command: started out of reach of Ctrl+C, and left without waiting."""

from __future__ import annotations

import multiprocessing
import os
import signal
from typing import NoReturn

from mnistop.engine import worker
from mnistop.engine.process.temporary import remove_temporary_folder


def warm_up() -> None:
    """Starts the fork server, out of reach of a Ctrl+C that is meant for this process."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        worker.warm_up()
    finally:
        signal.signal(signal.SIGINT, before)


def leave(number: int) -> NoReturn:
    """Ends this process at once, as by a signal; what it started for itself ends with it."""
    for helper in multiprocessing.active_children():
        helper.terminate()
    remove_temporary_folder()
    os._exit(128 + number)
