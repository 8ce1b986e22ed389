"""A server process that has loaded PyTorch and the data, and forks off the members of a sweep.

A training then starts within milliseconds, and all share the memory of what is loaded. The server
has one thread only, so that it can be forked; its user may have many. It ends when its user does,
and so does everything that it has forked off.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import Pipe, reduction
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, NoReturn, TypeVarTuple

from mnistop.engine.config import LOADED_BY, SPLIT_BY, RunConfig
from mnistop.engine.data.sources import load_data
from mnistop.engine.errors import DataError, MnistopError, RunError, TooFewImagesError, host_error
from mnistop.engine.fingerprint import Fingerprint, changes, has_changed
from mnistop.engine.process.child import as_sentence, end_with

if TYPE_CHECKING:  # PyTorch is for the server, not for its user
    from mnistop.engine.training.examples import Examples

Arguments = TypeVarTuple("Arguments")

_KEPT = 4
"""The number of split data sets that are cached."""


@dataclass(frozen=True)
class NeededData:
    """The data that a process needs."""

    config: RunConfig
    """Chooses and splits them."""
    fingerprint: Fingerprint | None = None
    """Their required identity; None for any."""


class MemberServer:
    """A connection to the server, for any thread of its user.

    Args:
        connection: to the server's process.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def forked(cls) -> MemberServer:
        """Fork a server off this process, which has loaded PyTorch and has one thread only."""
        ours, theirs = Pipe()
        if not os.fork():
            ours.close()
            _serve(theirs)
        theirs.close()
        return cls(ours)

    @classmethod
    def executed(cls) -> MemberServer:
        """Start a server in a fresh interpreter, for a process with threads."""
        ours, theirs = Pipe()
        with theirs:
            number = theirs.fileno()
            process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(number)],
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                pass_fds=(number,),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        server = cls(ours)
        server._process = process
        return server

    def fileno(self) -> int:
        """Return the descriptor of the connection."""
        return self._connection.fileno()

    def is_alive(self) -> bool:
        """Return whether an executed server is alive."""
        return self._process is not None and self._process.poll() is None

    def start(
        self,
        task: Callable[[Connection, Examples | None, *Arguments], None],
        data: NeededData | None,
        *args: *Arguments,
    ) -> Connection:
        """Fork off a process for a task; return at once.

        Args:
            task: called there with a connection to the caller and the data.
            data: loaded by the server first, unless cached; None for no data.
            args: further arguments of `task`.

        Returns:
            The connection. It brings what `task` sends, or the `MnistopError` that kept it from
            starting, and closes when the process ends. The process ends when it is closed.

        Raises:
            RunError: the server has died.
        """
        ours, theirs = Pipe()
        try:
            with theirs, self._turn:
                self._connection.send((task, data, args))
                reduction.send_handle(self._connection, theirs.fileno(), 0)
        except OSError:
            ours.close()
            raise RunError(
                "The process that starts the trainings has died: resume the sweep."
            ) from None
        return ours


def _serve(connection: Connection) -> NoReturn:
    """Serve until the user has gone."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_IGN)  # ended children are no zombies then
    os.closerange(3, connection.fileno())
    os.closerange(connection.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
    with contextlib.suppress(EOFError, OSError):
        while True:
            task, data, args = connection.recv()
            with Connection(reduction.recv_handle(connection)) as theirs:
                if error := _fork(connection, theirs, task, data, args):
                    with contextlib.suppress(OSError):
                        theirs.send(error)
    os._exit(0)


def _fork(
    connection: Connection,
    theirs: Connection,
    task: Callable[..., None],
    data: NeededData | None,
    args: tuple[object, ...],
) -> MnistopError | None:
    """Fork off a process; return the error if that fails."""
    try:
        examples = _loaded(data) if data else None
        if os.fork():
            return None
    except OSError as error:
        words = f"No process could be started ({error.strerror or error})."
        return host_error(error) or RunError(words)
    except Exception as error:
        return as_sentence(error)
    try:
        connection.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        end_with(theirs)
        task(theirs, examples, *args)
        os._exit(0)
    except Exception as error:
        traceback.print_exc()
        with contextlib.suppress(OSError):
            theirs.send(as_sentence(error))
    finally:
        os._exit(1)


def _data_of(config: RunConfig) -> RunConfig:
    """Return a configuration with the same data, and defaults for the rest."""
    return RunConfig(**{name: getattr(config, name) for name in LOADED_BY + SPLIT_BY})


_kept: dict[tuple[RunConfig, Fingerprint], Examples] = {}


def _loaded(data: NeededData) -> Examples:
    """Return cached data of the required identity, else load and check them.

    Raises:
        DataError: they cannot be loaded, or have changed.
    """
    from mnistop.engine.training.examples import make_examples

    config = _data_of(data.config)
    if data.fingerprint and (config, data.fingerprint) in _kept:
        return _kept[config, data.fingerprint]
    try:
        examples = make_examples(load_data(config), config)
    except TooFewImagesError as error:
        if not data.fingerprint:
            raise
        raise _changed(config.source, error.difference) from None
    if data.fingerprint and (difference := changes(data.fingerprint, examples.fingerprint)):
        raise _changed(config.source, difference)
    if len(_kept) == _KEPT and (config, examples.fingerprint) not in _kept:
        del _kept[next(iter(_kept))]
    _kept[config, examples.fingerprint] = examples
    return examples


def _changed(source: str, difference: str) -> DataError:
    changed = has_changed(source, difference)
    return DataError(
        f"{changed[0].upper()}{changed[1:]} since the sweep began: put the original data back and "
        "resume the sweep, or start a new one with them as they are."
    )


def _load() -> None:
    """Load the training code, without garbage collection meanwhile or in forked processes."""
    gc.disable()
    import mnistop.engine.process.job  # noqa: F401

    gc.freeze()
    gc.enable()


if __name__ == "__main__":
    from mnistop.engine.process.child import HELPER, set_title

    set_title(HELPER)
    _load()
    _serve(Connection(int(sys.argv[1])))
