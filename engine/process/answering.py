"""Processes that answer questions about models, for an interface that computes nothing."""

from __future__ import annotations

import asyncio
import enum
import functools
import multiprocessing
import os
import queue
import signal
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from typing import Any, NamedTuple, ParamSpec, TypeVar

from mnistop.engine.errors import RunError, host_error
from mnistop.engine.process import fork_server
from mnistop.engine.process.child import detach_from_terminal

P = ParamSpec("P")
T = TypeVar("T")


async def ask(question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Send a question of `mnistop.engine.analysis` to a process, which is started if needed.

    Raises:
        MnistopError: raised by the question.
    """
    return await _ask(Niceness.NORMAL, question, *args, **kwargs)


async def ask_at_low_priority(question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Send a long question to a process of its own, at a lower priority than all others.

    Raises:
        MnistopError: raised by the question.
    """
    return await _ask(Niceness.LOW, question, *args, **kwargs)


class Niceness(enum.IntEnum):
    """The niceness of a process that answers questions: training comes first."""

    NORMAL = 1
    LOW = 10


_answerers: dict[Niceness, _Answerer] = {}


async def _ask(
    niceness: Niceness, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    if niceness not in _answerers:
        _answerers[niceness] = _Answerer(niceness)
    answer: Future[T] = Future()
    _answerers[niceness].put(functools.partial(question, *args, **kwargs), answer)
    return await asyncio.wrap_future(answer)


def close() -> None:
    """End the processes that answer questions at once; training goes on."""
    for answerer in _answerers.values():
        answerer.close()
    _answerers.clear()


class _Question(NamedTuple):
    call: Callable[[], Any]
    answer: Future[Any]


class _Answerer:
    """A process that answers questions one after the other, and a thread that puts them to it.

    A `ProcessPoolExecutor` needs three threads, system semaphores and a process that cleans up
    after these; it waits forever if a thread cannot be started, and may fail while Python ends.

    Args:
        niceness: of the process.

    Raises:
        HostError: the thread cannot be started.
    """

    def __init__(self, niceness: Niceness) -> None:
        self._niceness = niceness
        self._questions: queue.SimpleQueue[_Question] = queue.SimpleQueue()
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._closed = False
        self._turn = threading.Lock()
        try:
            threading.Thread(target=self._put_all, name="questions", daemon=True).start()
        except RuntimeError as error:
            raise (host_error(error) or error) from None

    def put(self, call: Callable[[], T], answer: Future[T]) -> None:
        """Queue a question for the process, unless it is cancelled before its turn."""
        self._questions.put(_Question(call, answer))

    def close(self) -> None:
        """End the process at once."""
        with self._turn:
            self._closed = True
            if self._process:
                self._process.terminate()

    def _put_all(self) -> None:
        while not self._closed:
            call, answer = self._questions.get()
            if not answer.set_running_or_notify_cancel():
                continue
            try:
                answer.set_result(self._answer_to(call))
            except Exception as error:
                answer.set_exception(host_error(error) or error)

    def _answer_to(self, call: Callable[[], T]) -> T:
        question = bytes(ForkingPickler.dumps(call))
        for _ in range(2):
            try:
                connection = self._connection or self._started()
                connection.send_bytes(question)
                result, error = connection.recv()
            except (EOFError, ConnectionError):
                self._connection = None
                continue
            if error:
                raise error
            return result  # type: ignore[no-any-return]
        raise RunError(
            "The process that answers questions died twice: there may be too many processes "
            "(ulimit -u), or too little memory. End some, and try again."
        )

    def _started(self) -> Connection:
        ours, theirs = fork_server.context.Pipe()
        process = fork_server.context.Process(
            target=_answer_all, args=(theirs, self._niceness), daemon=True
        )
        with theirs:
            fork_server.begin(process)
        with self._turn:
            self._process, self._connection = process, ours
            if self._closed:
                process.terminate()
        return ours


def _answer_all(asked: Connection, niceness: Niceness) -> None:
    """Answer questions until the process is ended."""
    _become_answerer(niceness)
    while True:
        call = asked.recv()
        try:
            answer: tuple[Any, Exception | None] = call(), None
        except Exception as error:
            error.add_note(traceback.format_exc())
            answer = None, error
        try:
            asked.send(answer)
        except (TypeError, AttributeError, ValueError) as error:  # it cannot be pickled
            asked.send((None, error))


def _become_answerer(niceness: Niceness) -> None:
    """End with the interface, even if that is killed, and leave the processor to training.

    Ctrl+C reaches all processes of a terminal, but only the interface acts on it.
    """
    from mnistop.engine.analysis.loading import use_one_thread

    detach_from_terminal()

    def end_with_parent() -> None:
        parent = multiprocessing.parent_process()
        if parent:
            parent.join()
        os._exit(0)

    threading.Thread(target=end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    use_one_thread()
    os.nice(niceness)
