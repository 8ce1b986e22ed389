"""A few processes that answer questions about models, for an interface that computes nothing."""

import asyncio
import enum
import functools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import ParamSpec, TypeVar

from engine.errors import RunError
from engine.process import fork_server
from engine.process.stdio import leave_terminal

P = ParamSpec("P")
T = TypeVar("T")


async def ask(question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Puts a question of `engine.questions` to the pool process, which is started when needed.

    Raises:
        MnistopError: what the question raises.
    """
    return await _ask(Urgency.SOON, question, *args, **kwargs)


async def ask_at_leisure(question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Puts a question that takes long to a process of its own, whose work comes after all other.

    Raises:
        MnistopError: what the question raises.
    """
    return await _ask(Urgency.LEISURE, question, *args, **kwargs)


class Urgency(enum.IntEnum):
    """How a process that answers questions stands back behind training: its niceness."""

    SOON = 1
    LEISURE = 10


_pools: dict[Urgency, ProcessPoolExecutor] = {}


async def _ask(urgency: Urgency, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    for attempt in (1, 2):
        pool = _pool(urgency)
        try:
            put = functools.partial(pool.submit, question, *args, **kwargs)
            return await asyncio.wrap_future(await asyncio.to_thread(_put, put))
        except (BrokenProcessPool, EOFError, ConnectionError):
            if _pools.get(urgency) is pool:
                del _pools[urgency]
            if attempt == 2:
                raise RunError("The process that answers questions died twice.") from None
    raise AssertionError


def _put(submit: Callable[[], Future[T]]) -> Future[T]:
    fork_server.replace_dead()
    with fork_server.in_a_folder():
        return submit()


def close() -> None:
    """Ends the processes that answer questions at once; training goes on."""
    for pool in _pools.values():
        processes = list((pool._processes or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()
    _pools.clear()


def _pool(urgency: Urgency) -> ProcessPoolExecutor:
    if urgency not in _pools:
        fork_server.replace_dead()
        _pools[urgency] = ProcessPoolExecutor(
            1, mp_context=fork_server.context, initializer=_become_answerer, initargs=(urgency,)
        )
    return _pools[urgency]


def _become_answerer(urgency: Urgency) -> None:
    """Ends with the interface, even if that is killed, and leaves the processor to training.

    A Ctrl+C, which reaches all processes of a terminal, is for the interface to act on.
    """
    from engine.questions import answer_here

    leave_terminal()

    def end_with_parent() -> None:
        parent = multiprocessing.parent_process()
        if parent:
            parent.join()
        os._exit(0)

    threading.Thread(target=end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answer_here()
    os.nice(urgency)
