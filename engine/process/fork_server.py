"""The process from which all others are forked: it has loaded PyTorch, so they start at once."""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from multiprocessing import forkserver, resource_tracker
from multiprocessing.process import BaseProcess

from mnistop.engine.errors import HostError, host_error
from mnistop.engine.process.temporary import temporary_folder

_POLL_SECONDS = 0.05
_SECONDS_OF_DYING = 2.0
"""A fork server that was killed may take so long until it is known to be dead."""

OUTLIVED = {signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU}
"""What reaches all processes of a terminal or of a batch job, and is for others to act on."""

context = multiprocessing.get_context("forkserver")
"""What processes and pipes are made of."""

_starting = threading.Lock()


def warm_up() -> None:
    """Starts the fork server, which loads PyTorch and scikit-learn while nobody waits.

    In a Textual app use `warmed_up`: what that puts in the place of `sys.stderr` has no descriptor
    that a server could inherit.

    Raises:
        HostError: it cannot be started.
    """
    context.set_forkserver_preload(["mnistop.engine.process.outlive", "mnistop.engine.preload"])
    before = signal.pthread_sigmask(signal.SIG_BLOCK, OUTLIVED)  # until it can ignore them
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
    """Starts anew what was killed, as where memory runs out.

    It inherits `sys.stderr`, and what Textual puts in its place cannot be inherited.
    """
    with _starting, contextlib.redirect_stderr(sys.__stderr__):
        warm_up()


@contextlib.contextmanager
def in_a_folder() -> Iterator[None]:
    """Steps out of the working directory for a moment if it has been deleted.

    Whenever a process is started, Python asks for its name, and MKL needs it to load its parts.
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
    """Starts a process, by a new fork server if the old one is gone or just going.

    Raises:
        OSError, EOFError, HostError: it cannot be started.
    """
    end = time.monotonic() + _SECONDS_OF_DYING
    while True:
        replace_dead()
        try:
            with in_a_folder():
                return process.start()
        except FileNotFoundError:  # somebody has cleaned up the temporary folder
            if time.monotonic() > end:
                raise
            _kill_server()
        except (EOFError, ConnectionError):
            if time.monotonic() > end:
                raise
        time.sleep(_POLL_SECONDS)


def _kill_server() -> None:
    """Ends a fork server that cannot be reached any more; what it has forked off goes on."""
    number = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    with contextlib.suppress(ProcessLookupError):
        os.kill(number, signal.SIGKILL)


async def warmed_up() -> None:
    """Starts the fork server, if need be, and returns once it has loaded everything.

    Ending the program need not wait.
    """
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()

    def try_it() -> None:
        process = context.Process(target=_do_nothing, daemon=True)
        with contextlib.suppress(HostError, OSError, EOFError):  # the first start of a run says so
            begin(process)
            process.join()
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(ready.set)

    threading.Thread(target=try_it, daemon=True).start()
    await ready.wait()


def _do_nothing() -> None:
    pass
