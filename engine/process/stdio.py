"""The title of a process, and the standard descriptors of one that has no business with a
terminal."""

import contextlib
import os
import sys
from pathlib import Path

from mnistop.engine.files import open_private


def leave_terminal() -> None:
    """Points standard input, output and errors at the null device.

    What a helping process prints would land in the middle of a screen, and after a hang-up the
    terminal is gone: whoever reads it or writes to it anyway spins.
    """
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)
    os.close(null)


def log_to(path: Path) -> None:
    """Has what is written to standard output and errors appended to a file."""
    null = os.open(os.devnull, os.O_RDWR)
    try:
        log = open_private(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    except OSError:
        log = os.dup(null)
    for number, descriptor in enumerate((null, null, log)):
        os.dup2(descriptor, number)
    os.close(null)
    os.close(log)
    sys.stdout = sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115


HELPER = "mnistop: helper"
"""A process that has loaded PyTorch for others to be forked from, or answers questions."""


def set_title(title: str) -> None:
    """Name this process, as in `mnistop: quiet-otter`.

    Args:
        title: characters that a terminal would not print become `?`: a name may come from a folder
            of somebody else's.
    """
    shown = "".join(character if character.isprintable() else "?" for character in title)
    with contextlib.suppress(ImportError):  # no reason not to train
        from setproctitle import setproctitle

        setproctitle(shown)
