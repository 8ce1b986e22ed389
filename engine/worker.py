"""The processes: one for each training, and a few that answer questions about models.

A training process is no child of the interface. A helper forked off the fork server forks the
training process into a session of its own, and ends; so the training outlives whoever started it,
and nobody has to wait for it.
"""

import asyncio
import contextlib
import enum
import functools
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import ParamSpec, TypeVar, overload

from engine import events, lock, sweeps
from engine.config import RunConfig
from engine.errors import MnistopError, RunError
from engine.event_tail import EventTail
from engine.runs import Run, runs_folder
from engine.stdio import leave_terminal
from engine.sweeps import Plan, Resumption, Sweep

P = ParamSpec("P")
T = TypeVar("T")

POLL_SECONDS = 0.05
_SECONDS_OF_DYING = 2.0
"""A fork server that was killed may take so long until it is known to be dead."""

_context = multiprocessing.get_context("forkserver")


def warm_up() -> None:
    """Starts the fork server, which loads PyTorch and scikit-learn while nobody waits.

    In a Textual app use `warmed_up`: what that puts in the place of `sys.stderr` has no descriptor
    that a server could inherit.
    """
    resource_tracker.ensure_running()
    _context.set_forkserver_preload(["engine.outlive", "engine.preload"])
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})  # until it can ignore it
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _replace_servers() -> None:
    """Starts anew what was killed, as where memory runs out.

    It inherits `sys.stderr`, and what Textual puts in its place cannot be inherited.
    """
    with _starting, contextlib.redirect_stderr(sys.__stderr__):
        warm_up()


_starting = threading.Lock()


def _begin(process: BaseProcess) -> None:
    """Starts a process, by a new fork server if the old one is gone or just going.

    Raises:
        OSError, EOFError: it cannot be started.
    """
    end = time.monotonic() + _SECONDS_OF_DYING
    while True:
        _replace_servers()
        try:
            return process.start()
        except (EOFError, ConnectionError):
            if time.monotonic() > end:
                raise
        time.sleep(POLL_SECONDS)


async def warmed_up() -> None:
    """Starts the fork server, if need be, and returns once it has loaded everything.

    Ending the program need not wait.
    """
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()

    def try_it() -> None:
        process = _context.Process(target=_do_nothing, daemon=True)
        _begin(process)
        process.join()
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(ready.set)

    threading.Thread(target=try_it, daemon=True).start()
    await ready.wait()


def _do_nothing() -> None:
    pass


def launch(config: RunConfig) -> Run:
    """Starts a training process for a new run and returns once its folder is there.

    Blocks while the fork server is still loading, some 15 ms when it is warm.

    Raises:
        MnistopError: the data or the device do not fit, or the run folder cannot be made.
    """
    from engine.data import absolute

    return _start(replace(config, source=absolute(config.source)), runs_folder())


def resume(run: Run) -> None:
    """Lets a paused run go on, or starts a training process from a run's last checkpoint.

    A run in training that is not paused goes on as it is; one that died before its first
    checkpoint starts again.

    Raises:
        MnistopError: the run is finished or another user's, or its data or its device are gone.
    """
    if run.is_running():
        _signal(run, signal.SIGUSR2)
    else:
        _start(run, run.path.parent)


def launch_sweep(
    configs: Sequence[RunConfig],
    title: str = "",
    jobs: int | None = None,
    dask: str | None = None,
) -> Sweep:
    """Starts a sweep's process, which trains a run for each configuration, and returns at once.

    Args:
        configs: of the members, in the order in which they are begun.
        title: the user's words for the sweep.
        jobs: how many members are trained at once; None for as many as there are cores for, with
            the threads that the configurations ask for.
        dask: the address of a Dask scheduler, as in `tcp://host:8786`, whose workers train the
            members; None for this machine.

    Raises:
        MnistopError: the data or the device do not fit, the cluster cannot be reached, or the
            sweep's folder cannot be made.
    """
    from engine.data import absolute

    if not 0 < len(configs) <= sweeps.MOST:
        raise RunError(f"A sweep is of 1 to {sweeps.MOST:,} runs, not of {len(configs):,}.")
    anywhere = [replace(config, source=absolute(config.source)) for config in configs]
    title = " ".join(title.split())[: sweeps.LONGEST_TITLE]
    plan = Plan(configs=tuple(anywhere), title=title, jobs=jobs, dask=dask or "")
    return _start(plan, runs_folder())


def resume_sweep(sweep: Sweep, dask: str | None = None) -> None:
    """Lets a sweep go on where it was.

    What is trained to its end or has diverged is not trained again, unless it was deleted.

    Args:
        sweep: which.
        dask: the address of a Dask scheduler whose workers train what is left; empty or None for
            this machine.

    Raises:
        MnistopError: it goes on already, is finished or another user's, what its members need is
            gone, or it was trained on a cluster and `dask` is None.
    """
    _start(Resumption(sweep, dask), sweep.path.parent)


def stop_sweep(sweep: Sweep) -> None:
    """Asks a sweep to stop: members in training stop with a checkpoint, and no other is begun.

    Raises:
        RunError: it does not go on, or belongs to another user.
    """
    _signal(sweep, signal.SIGTERM)


def stop(run: Run) -> None:
    """Asks a run to stop after the present step, with a checkpoint.

    Raises:
        RunError: the run is not being trained, or belongs to another user.
    """
    _signal(run, signal.SIGTERM)


def pause(run: Run) -> None:
    """Asks a run to wait between two steps until `resume`.

    Raises:
        RunError: the run is not being trained, or belongs to another user.
    """
    _signal(run, signal.SIGUSR1)


async def follow(run: Run) -> AsyncIterator[list[events.Event]]:
    """Yields what a run has said and says, in batches as it comes, until its last event.

    A training process that died without a word is told by `RunInterrupted`.
    """
    tail = EventTail(run)
    last: events.Event | None = None
    while True:
        running = run.is_running()
        if batch := tail.read():
            last = batch[-1]
            yield batch
        elif running:
            await asyncio.sleep(POLL_SECONDS)
        elif isinstance(last, events.LAST_EVENTS):
            return
        else:
            last = await _interruption(run)
            yield [last]


async def _interruption(run: Run) -> events.RunInterrupted:
    """Tells a process that died from a folder that is gone, or just going file by file."""
    if not run.lock_path.exists():
        await asyncio.sleep(0.3)
    vanished = not run.is_there()
    return events.RunInterrupted(run=run.name, time=time.time(), vanished=vanished)


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
    _replace_servers()
    return submit()


def close() -> None:
    """Ends the processes that answer questions at once; training goes on."""
    for pool in _pools.values():
        processes = list((pool._processes or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()
    _pools.clear()


_pools: dict[Urgency, ProcessPoolExecutor] = {}


def _pool(urgency: Urgency) -> ProcessPoolExecutor:
    if urgency not in _pools:
        _replace_servers()
        _pools[urgency] = ProcessPoolExecutor(
            1, mp_context=_context, initializer=_become_answerer, initargs=(urgency,)
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


def _signal(whom: Run | Sweep, number: signal.Signals) -> None:
    process = whom.process_id()
    try:
        if process is None:
            raise ProcessLookupError
        if not lock.is_here(process, whom.lock_path):
            raise RunError(
                f"{whom.full_name} is trained on another machine or in another container: "
                "it can be stopped and paused only there."
            )
        os.kill(process, number)
    except ProcessLookupError:
        raise RunError(f"{whom.full_name} is not being trained.") from None
    except PermissionError:
        raise RunError(
            f"{whom.full_name} belongs to another user, who alone can do that."
        ) from None


@overload
def _start(what: RunConfig | Run, folder: Path) -> Run: ...
@overload
def _start(what: Plan | Resumption, folder: Path) -> Sweep: ...
def _start(what: RunConfig | Run | Plan | Resumption, folder: Path) -> Run | Sweep:
    """Starts the process of a run or a sweep, new or not."""
    receiver, sender = _context.Pipe(duplex=False)
    helper = _context.Process(target=_prepare, args=(what, folder, sender), daemon=True)
    with receiver:
        try:
            with sender:
                _begin(helper)
            answer: Run | Sweep | MnistopError = receiver.recv()
            helper.join()
        except (EOFError, OSError) as error:
            raise RunError(
                f"No training process could be started ({error or type(error).__name__}): there "
                "may be too many processes, or too little memory. Try again."
            ) from None
    if isinstance(answer, MnistopError):
        raise answer
    return answer


def _prepare(what: RunConfig | Run | Plan | Resumption, folder: Path, answer: Connection) -> None:
    leave_terminal()
    try:
        from engine import job, sweep_job
    except Exception as error:
        answer.send(
            RunError(
                f"PyTorch cannot be loaded ({error}): there may be too little memory, or it is "
                "damaged."
            )
        )
        return
    if isinstance(what, RunConfig | Run):
        job.start(what, folder, answer)
    else:
        sweep_job.start(what, folder, answer)
