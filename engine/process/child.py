"""Helpers for processes that outlive their caller: start, standard streams, title, and errors."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import sys
import threading
import traceback
from collections.abc import Callable, Collection
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn, TypeVar

from mnistop.engine.errors import MnistopError, RunError, causes, host_error
from mnistop.engine.files import lacks_inodes, one_line, open_private
from mnistop.engine.runs.folder import Folder

T = TypeVar("T")

HELPER = "mnistop: helper"
"""The title of a process that has loaded PyTorch, to fork others off or to answer questions."""


def fork_off(run: Callable[[], NoReturn]) -> None:
    """Fork off a process that does nothing but `run`; return in this one."""
    if os.fork():
        return
    try:
        run()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def prepare_or_exit(prepare: Callable[[], T], caller: Connection, kind: str) -> T:
    """Prepare a run or a sweep; on an error send it to the caller, and end this process.

    Args:
        prepare: checks everything that can be wrong, and makes or opens the folder.
        caller: gets the `MnistopError`.
        kind: `run` or `sweep`.
    """
    try:
        return prepare()
    except MnistopError as error:
        send_result(caller, error)
    except Exception as error:
        fault = f"by a fault of the program, {type(error).__name__}: {error}"
        sentence = f"No {kind} could be started, {fault}."
        send_result(caller, host_error(error) or RunError(sentence))
    os._exit(1)


def send_result(caller: Connection, result: tuple[Folder, str] | MnistopError) -> None:
    """Send the result of a start; the work goes on even if the caller is gone, as on a hang-up.

    Args:
        caller: waits for it.
        result: the run or sweep with a warning, empty if there is none; or why it cannot start.
    """
    with contextlib.suppress(OSError):
        caller.send(result)


def close_inherited(kept: Collection[int]) -> None:
    """Change to the root folder, and close the inherited files.

    Args:
        kept: descriptors that stay open, beside the standard ones.
    """
    os.chdir("/")
    bounds = [2, *sorted(kept), os.sysconf("SC_OPEN_MAX")]
    for one, next_one in itertools.pairwise(bounds):
        os.closerange(one + 1, next_one)


def end_with(other: Connection) -> None:
    """End this process as soon as the other end of a connection is closed, or its process dies."""

    def wait() -> None:
        with contextlib.suppress(EOFError, OSError):
            other.recv_bytes()  # nothing ever comes
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def as_sentence(error: Exception) -> MnistopError:
    """Return an error as one for users, also if it is a fault of the program."""
    if isinstance(error, MnistopError):
        return error
    if lack := host_error(error):
        return lack
    name = type(error).__name__
    return RunError(f"This is a fault of the program, {name}: {error}.")


def detach_from_terminal() -> None:
    """Point standard input, output and errors at the null device.

    The output of a helper would land in the middle of a screen. After a hang-up the terminal is
    gone, and a process that still reads or writes it spins.
    """
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)
    os.close(null)


def log_to(path: Path) -> None:
    """Append standard output and errors to a file from now on."""
    detach_from_terminal()
    with contextlib.suppress(OSError):
        log = open_private(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 2)
        os.close(log)
    sys.stdout = sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115


def set_title(title: str) -> None:
    """Name this process, as in `mnistop: quiet-otter`.

    Args:
        title: characters that a terminal would not print become `?`: a name may come from a folder
            of another user.
    """
    with contextlib.suppress(ImportError):  # no reason not to train
        from setproctitle import setproctitle

        setproctitle(one_line(title))


def describe_error(error: Exception, folder: Folder) -> str:
    """Explain an error that has ended a run or a sweep, and the remedy."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        if lacks_inodes(error, folder.path):
            return (
                "The disk has no inode left for another file: delete some files, then resume the "
                "run."
            )
        return "The disk is full: free some space, then resume the run."
    if isinstance(error, OSError):
        return str(host_error(error) or "") or (
            f"{folder.path} cannot be written ({error.strerror}): fix that, then resume the run."
        )
    if any(map(_is_memory_error, causes(error))):
        return (
            "The memory is full: free some, then resume the run. One with fewer samples, smaller "
            "layers or smaller batches needs less."
        )
    if lack := host_error(error):
        return f"{lack} Then resume the run."
    return (
        f"The training process met a fault of the program, {type(error).__name__}: "
        f"the traceback is in {folder.log_path}."
    )


def _is_memory_error(error: BaseException) -> bool:
    if isinstance(error, RuntimeError) and "can't allocate memory" in str(error):
        return True
    torch = sys.modules.get("torch")  # not in a script that only records a run
    return isinstance(error, (MemoryError, *((torch.OutOfMemoryError,) if torch else ())))
