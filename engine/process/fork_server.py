"""The process from which all others are forked, with PyTorch loaded, and the folder of its socket.

A socket's path may have some 100 bytes, and the temporary folder of a cluster or of macOS is often
longer; it may also be missing, full, or on a disk without sockets. Then another folder is used.
Linux has sockets without a path, but any user of the machine could connect to those, and let the
fork server execute programs.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing import forkserver, process, resource_tracker, util
from multiprocessing.process import BaseProcess
from pathlib import Path

from mnistop.engine.errors import HostError, RunError, host_error
from mnistop.engine.runs.run_folder import runs_folder

_USUAL = ("/tmp", "/var/tmp", "/dev/shm")
_choosing = threading.Lock()


def temporary_folder() -> Path:
    """Return a private folder for sockets, the same at each call; it is removed at exit.

    `multiprocessing` puts its sockets there.

    Raises:
        HostError: there is no place for one.
    """
    with _choosing:
        kept = process.current_process()._config.get("tempdir")  # type: ignore[attr-defined]
        if kept and os.path.isdir(kept):
            return Path(kept)
        process.current_process()._config["tempdir"] = None  # type: ignore[attr-defined]
        before = tempfile.tempdir
        try:
            tempfile.tempdir = _place_of_sockets()
            return Path(util.get_temp_dir())
        finally:
            tempfile.tempdir = before


def remove_temporary_folder() -> None:
    """Remove the folder if there is one, for a process that ends without Python's exit handlers."""
    if kept := process.current_process()._config.get("tempdir"):  # type: ignore[attr-defined]
        shutil.rmtree(kept, ignore_errors=True)


def _place_of_sockets() -> str:
    """Return the first folder in which a socket can be made."""
    tried = []
    for place in _candidates():
        try:
            _try_socket(place)
        except OSError as error:
            tried.append(f"{place}: {error.strerror or error}")
        else:
            return place
    raise HostError(
        "There is no folder for temporary files with room for a socket "
        f"({'; '.join(tried)}): set TMPDIR to one that can be written and has a short path."
    )


def _candidates() -> Iterator[str]:
    for name in ("TMPDIR", "TEMP", "TMP", "XDG_RUNTIME_DIR"):
        if place := os.environ.get(name):
            yield os.path.abspath(place)
    yield from _USUAL
    with suppress(RunError):
        yield str(runs_folder())


def _try_socket(place: str) -> None:
    """Create a socket as `multiprocessing` would, and remove it.

    Raises:
        OSError: it cannot be made.
    """
    with (
        tempfile.TemporaryDirectory(prefix="pymp-", dir=place) as folder,
        socket.socket(socket.AF_UNIX) as one,
    ):
        one.bind(os.path.join(folder, "listener-12345678"))


_POLL_SECONDS = 0.05
_SECONDS_OF_DYING = 2.0
"""The time until a killed fork server is known to be dead, at most."""

IGNORED_SIGNALS = {signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU}
"""Signals to all processes of a terminal or of a batch job, on which others act."""

context = multiprocessing.get_context("forkserver")
"""Makes processes and pipes."""

_starting = threading.Lock()


def warm_up() -> None:
    """Start the fork server, which loads PyTorch in the background.

    In a Textual app use `warmed_up`: Textual's replacement of `sys.stderr` has no descriptor that a
    server could inherit.

    Raises:
        HostError: it cannot be started.
    """
    context.set_forkserver_preload(["mnistop.engine.preload"])
    before = signal.pthread_sigmask(signal.SIG_BLOCK, IGNORED_SIGNALS)  # until it can ignore them
    try:
        with in_a_folder():
            temporary_folder()
            resource_tracker.ensure_running()
            forkserver.ensure_running()
    except OSError as error:
        raise (host_error(error) or error) from None
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def replace_dead() -> None:
    """Start the fork server again if it was killed, for example for lack of memory.

    It inherits the real `sys.stderr`, since Textual's replacement cannot be inherited.
    """
    with _starting, contextlib.redirect_stderr(sys.__stderr__):
        warm_up()


@contextlib.contextmanager
def in_a_folder() -> Iterator[None]:
    """Change the working directory for a moment if it has been deleted.

    Python asks for its name whenever it starts a process, and MKL needs it to load its parts.
    """
    try:
        os.getcwd()
    except FileNotFoundError:
        deleted = os.open(".", os.O_RDONLY | os.O_CLOEXEC)
        os.chdir("/")
        try:
            yield
        finally:
            os.fchdir(deleted)
            os.close(deleted)
    else:
        yield


def begin(process: BaseProcess) -> None:
    """Start a process, with a new fork server if the old one is gone or ending.

    Raises:
        OSError, EOFError, HostError: it cannot be started.
    """
    end = time.monotonic() + _SECONDS_OF_DYING
    while True:
        replace_dead()
        try:
            with in_a_folder():
                return process.start()
        except FileNotFoundError:  # the temporary folder was cleaned up
            if time.monotonic() > end:
                raise
            _kill_server()
        except (EOFError, ConnectionError):
            if time.monotonic() > end:
                raise
        time.sleep(_POLL_SECONDS)


def _kill_server() -> None:
    """End a fork server that cannot be reached any more; the processes forked off it go on."""
    number = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    with contextlib.suppress(ProcessLookupError):
        os.kill(number, signal.SIGKILL)


async def warmed_up() -> None:
    """Start the fork server if needed, and return once it has loaded everything.

    The program can end meanwhile without waiting.
    """
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()

    def start_one() -> None:
        process = context.Process(target=_do_nothing, daemon=True)
        with contextlib.suppress(
            HostError, OSError, EOFError
        ):  # the first start of a run reports it
            begin(process)
            process.join()
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(ready.set)

    threading.Thread(target=start_one, daemon=True).start()
    await ready.wait()


def _do_nothing() -> None:
    pass
