"""The names of processes in `ps`, `top` and `nvidia-smi`."""

import contextlib

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
