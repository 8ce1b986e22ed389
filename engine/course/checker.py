"""Checking a student's file in processes of its own, with a limit on the time of each part.

The caller has no PyTorch. A process that has it loaded stays, and forks another one for each part
of a file: whatever the student's code does there, the caller goes on.
"""

from __future__ import annotations

import ast
import contextlib
import os
import signal
import time
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from typing import Any, NoReturn

from mnistop.engine.course.findings import BLANK, ERROR, Finding, are_right, at_line
from mnistop.engine.course.source import Source
from mnistop.engine.errors import MnistopError
from mnistop.engine.process import fork_server
from mnistop.engine.process.child import detach_from_terminal

SECONDS = 10.0
"""The processor time that each function may take: a busy machine makes no code wrong."""
_CLOCK, _KILLED = 4, 12
"""Factors of the time by the clock: until code is interrupted, as if it sleeps, and then killed."""
_CODE = (ast.FunctionDef, ast.ClassDef, ast.For, ast.While, ast.With, ast.If, ast.Try)
"""Statements of which a file of the exercise has at least one."""
_IDLE = 0.2
"""Seconds without a further file, after which there is time to load more."""


class FileError(MnistopError):
    """A student's file that is missing or cannot be read."""


class Checker:
    """A process that checks files one after the other; the first waits until PyTorch is loaded.

    As a context manager it ends its process with the block.

    Args:
        seconds: the processor time that each function may take.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self._connection, end = fork_server.context.Pipe()
        fork_server.begin(fork_server.context.Process(target=serve, args=(end, seconds)))
        end.close()

    def __enter__(self) -> Checker:
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()

    def check(self, path: Path) -> list[Finding]:
        """Check a file.

        Returns:
            A finding for each blank, in the order of the exercise.

        Raises:
            FileError: the file is missing, or cannot be read.
            MnistopError: the process has died.
        """
        source = read(path)
        try:
            self._connection.send(source)
            found: list[Finding] = self._connection.recv()
        except (EOFError, ConnectionError) as error:
            raise MnistopError(
                "The process that checks has died: there may be too little memory. Try again."
            ) from error
        return found


def read(path: Path) -> Source:
    """Read a student's file.

    Raises:
        FileError: it is missing, or cannot be read.
    """
    try:
        return Source.read(path)
    except UnicodeDecodeError:
        raise FileError(f"{path} cannot be read: it is not a text in UTF-8.") from None
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror or error}.") from None


# In the process that stays


def serve(caller: Connection, seconds: float) -> None:
    """Check the files that a caller sends, until it is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    detach_from_terminal()
    from mnistop.engine.course.parts import warm_up

    warm_up()
    is_first = True
    while True:
        try:
            source: Source = caller.recv()
            caller.send(check_source(source, seconds, caller))
            if is_first and not caller.poll(_IDLE):
                is_first = False
                _load_more()
        except (EOFError, OSError):
            return


def _load_more() -> None:
    """Load what students often use, while nobody waits: it takes seconds."""
    with contextlib.suppress(ImportError):
        import sklearn.model_selection  # noqa: F401
        import torch._dynamo  # noqa: F401  # which the first optimizer of `torch.optim` imports


def check_source(
    source: Source, seconds: float = SECONDS, caller: Connection | None = None
) -> list[Finding]:
    """Check a file, each part in a process of its own.

    Args:
        source: the file.
        seconds: the time that each part may take.
        caller: the check ends early if it is gone.
    """
    try:
        has_functions = source.has_functions
    except (RecursionError, MemoryError):
        text = "This cannot be read as Python: it is nested too deeply."
        return [Finding("file", ERROR, text)]
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        message = getattr(error, "msg", None) or str(error)
        hint = f": {source.line(line)}" if source.line(line) else ""
        text = at_line(line, f"this is not Python ({message}){hint}")
        return [Finding("file", ERROR, text, line)]
    if not has_functions and not any(isinstance(node, _CODE) for node in source.tree.body):
        text = "There is neither a function of the exercise nor a training loop in the file."
        return [Finding("file", BLANK, text)]
    if not has_functions:
        return _in_child(source, "script", seconds, caller)
    found = []
    for part in ("MLP", "train_step", "evaluate"):
        found += _in_child(source, part, seconds, caller)
    if source.main_block:  # which runs if its functions are right
        part = "loop" if are_right(found) else "unrun loop"
        found += _in_child(source, part, seconds, caller)
    return found


def _in_child(
    source: Source,
    part: str,
    seconds: float,
    caller: Connection | None,
) -> list[Finding]:
    """Check a part of a file in a process of its own, and return the findings."""
    reader, writer = Pipe(duplex=False)
    child = os.fork()
    if child == 0:
        _run_and_exit(source, part, seconds, writer)
    writer.close()
    found: list[Finding] | None = None
    end = time.monotonic() + _KILLED * seconds
    try:
        watched = [reader, *([caller] if caller else [])]
        ready = wait(watched, max(0.0, end - time.monotonic()))
        is_late = not ready
        if reader in ready:
            with contextlib.suppress(EOFError):
                found = reader.recv()
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        reader.close()
    if found is not None:
        return found
    cause = f"took more than {seconds:g} s" if is_late else "ended Python itself"
    return [Finding(part, ERROR, f"The code {cause}, and gave no answer.")]


def _run_and_exit(
    source: Source,
    part: str,
    seconds: float,
    writer: Connection,
) -> NoReturn:
    from mnistop.engine.course.exceptions import StillRunningError
    from mnistop.engine.course.parts import check_part

    try:
        os.setsid()
        detach_from_terminal()
        signal.signal(signal.SIGINT, signal.SIG_DFL)

        def stop(number: int, frame: Any) -> None:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.setitimer(signal.ITIMER_REAL, _CLOCK * seconds)  # if the code goes on
            raise StillRunningError(f"still running after {seconds:g} s")

        signal.signal(signal.SIGPROF, stop)
        signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        signal.setitimer(signal.ITIMER_REAL, _CLOCK * seconds)
        with contextlib.suppress(OSError):
            os.chdir(os.path.dirname(source.path))
        found = check_part(source, part)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        writer.send(found)
    finally:
        os._exit(0)
