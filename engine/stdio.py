"""The standard descriptors of a process that has no business with a terminal."""

import os


def leave_terminal() -> None:
    """Points standard input, output and errors at the null device.

    What a helping process prints would land in the middle of a screen, and after a hang-up the
    terminal is gone: whoever reads it or writes to it anyway spins.
    """
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)
    os.close(null)
