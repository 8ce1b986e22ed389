"""The processes: one for each training, and a few that answer questions about models.

A training process is no child of the interface. A helper forked off the fork server forks the
training process into a session of its own, and ends; so the training outlives the program that
started it, and needs no parent to wait for it.
"""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import overload

from mnistop.engine import events
from mnistop.engine.config import RunConfig
from mnistop.engine.errors import MnistopError, RunError, host_error
from mnistop.engine.process import fork_server
from mnistop.engine.process.answering import ask, ask_at_low_priority, close
from mnistop.engine.process.child import detach_from_terminal
from mnistop.engine.process.control import is_suspended, pause, send_signal, stop
from mnistop.engine.process.fork_server import warm_up, warmed_up
from mnistop.engine.runs import lock, sweep_folder
from mnistop.engine.runs.event_log import EventTail, final_event
from mnistop.engine.runs.run_folder import Continuation, Run, runs_folder
from mnistop.engine.runs.sweep_folder import Plan, Resumption, Sweep

__all__ = [
    "ask",
    "ask_at_low_priority",
    "close",
    "follow",
    "is_suspended",
    "launch",
    "launch_sweep",
    "pause",
    "resume",
    "resume_sweep",
    "stop",
    "warm_up",
    "warmed_up",
]

POLL_SECONDS = 0.05
"""The interval at which a run in training is read…"""
ENDED_POLL_SECONDS = 0.25
"""…and one that has ended, which may be resumed or deleted."""
_END_SECONDS = 2.0
"""A process ends this long after the final event of its run, at most."""
_LOOK_SECONDS = 0.01


def launch(config: RunConfig) -> Run:
    """Start a training process for a new run, and return once its folder exists.

    Blocks while the fork server is still loading, some 15 ms when it is warm.

    Raises:
        MnistopError: the data or the device do not fit, or the run folder cannot be made.
    """
    from mnistop.engine.data.sources import absolute

    run, _ = _start(replace(config, source=absolute(config.source)), runs_folder())
    return run


def resume(run: Run, epochs: int | None = None) -> str:
    """Continue a paused run, or start a training process from a run's last checkpoint.

    A run in training that is not paused is left as it is; one that died before its first
    checkpoint starts again.

    Args:
        run: the run.
        epochs: its new total number of epochs, more than it has; so a finished run is trained
            further. None for the planned number.

    Returns:
        A warning if it is uncertain that the data are those that the run began with, or if its
        learning rate changes; else empty.

    Raises:
        MnistopError: the run is finished or another user's, its data or its device are missing or
            have changed, or it cannot have that many epochs.
    """
    give_up = time.monotonic() + _END_SECONDS
    while run.is_running() and not lock.was_taken_elsewhere(run.lock_path):
        if final_event(run) is None:
            if epochs is not None:
                raise RunError(
                    f"{run.full_name} is in training: stop it first, then resume it with another "
                    "number of epochs."
                )
            send_signal(run, signal.SIGUSR2)
            return ""
        if time.monotonic() > give_up:
            break
        time.sleep(_LOOK_SECONDS)
    if run.is_recorded():
        run.config_to_resume()  # which explains that it cannot be
    _, warning = _start(Continuation(run, epochs), run.path.parent)
    return warning


def launch_sweep(
    configs: Sequence[RunConfig],
    title: str = "",
    jobs: int | None = None,
    dask: str | None = None,
) -> Sweep:
    """Start a sweep's process, which trains a run for each configuration, and return at once.

    Args:
        configs: of the members, in the order of their starts.
        title: the user's title for the sweep.
        jobs: the number of members trained at once; None for as many as the cores allow with the
            threads of the configurations.
        dask: the address of a Dask scheduler, as in `tcp://host:8786`, whose workers train the
            members; None for this machine.

    Raises:
        MnistopError: the data or the device do not fit, the cluster cannot be reached, or the
            sweep's folder cannot be made.
    """
    from mnistop.engine.data.sources import absolute

    if not 0 < len(configs) <= sweep_folder.MOST:
        raise RunError(f"A sweep is of 1 to {sweep_folder.MOST:,} runs, not of {len(configs):,}.")
    anywhere = [replace(config, source=absolute(config.source)) for config in configs]
    title = " ".join(title.split())[: sweep_folder.LONGEST_TITLE]
    plan = Plan(configs=tuple(anywhere), title=title, jobs=jobs, dask=dask or "")
    sweep, _ = _start(plan, runs_folder())
    return sweep


def resume_sweep(sweep: Sweep, dask: str | None = None) -> str:
    """Resume a sweep.

    Members that finished or diverged are not trained again, unless they were deleted.

    Args:
        sweep: the sweep.
        dask: the address of a Dask scheduler whose workers train what is left; empty or None for
            this machine.

    Returns:
        A warning, see `resume`.

    Raises:
        MnistopError: it is already running, is finished or another user's, its members' data or
            devices are missing or have changed, or it was trained on a cluster and `dask` is None.
    """
    _, warning = _start(Resumption(sweep, dask), sweep.path.parent)
    return warning


async def follow(run: Run, *, after_end: bool = False) -> AsyncIterator[list[events.Event]]:
    """Yield a run's events in batches, the past ones and then new ones, until its final event.

    `RunInterrupted` stands for a training process that died without a final event.

    Args:
        run: the run.
        after_end: whether to stay after the end, for the events of a run that is resumed, here or
            elsewhere, and for `RunInterrupted` when its folder vanishes. A folder that comes back
            is read from the beginning.

    Raises:
        RunError: the run can no longer be read: its owner has closed it, or the disk fails.
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
        elif not isinstance(last, events.LAST_EVENTS):
            last = await _interruption(run)
            yield [last]
        elif not after_end:
            return
        else:
            await asyncio.sleep(ENDED_POLL_SECONDS)
            vanished = isinstance(last, events.RunInterrupted) and last.vanished
            if vanished and run.is_there():
                tail = EventTail(run)
            elif not vanished and run.is_gone():
                last = None


async def _interruption(run: Run) -> events.RunInterrupted:
    """Return the event for a process that died, or for a folder that is gone or being deleted.

    Raises:
        RunError: the folder can no longer be read.
    """
    if not os.path.exists(run.lock_path):
        await asyncio.sleep(0.3)
    vanished = run.is_gone()
    if not vanished:
        run.check_readable()
    return events.RunInterrupted(run=run.name, time=time.time(), vanished=vanished)


@overload
def _start(what: RunConfig | Continuation, folder: Path) -> tuple[Run, str]: ...
@overload
def _start(what: Plan | Resumption, folder: Path) -> tuple[Sweep, str]: ...
def _start(
    what: RunConfig | Continuation | Plan | Resumption, folder: Path
) -> tuple[Run, str] | tuple[Sweep, str]:
    """Start the process of a run or a sweep, new or not; return it with a warning if any."""
    receiver, sender = fork_server.context.Pipe(duplex=False)
    helper = fork_server.context.Process(target=_prepare, args=(what, folder, sender), daemon=True)
    with receiver:
        try:
            with sender:
                fork_server.begin(helper)
            answer: tuple[Run, str] | tuple[Sweep, str] | MnistopError = receiver.recv()
            helper.join()
        except (EOFError, OSError) as error:
            if lack := host_error(error):
                raise lack from None
            why = "it died" if isinstance(error, EOFError) else error
            raise RunError(
                f"No training process could be started ({why}): there may be "
                "too many processes (ulimit -u), or too little memory. End some, and try again."
            ) from None
    if isinstance(answer, MnistopError):
        raise answer
    return answer


def _prepare(
    what: RunConfig | Continuation | Plan | Resumption, folder: Path, answer: Connection
) -> None:
    detach_from_terminal()
    try:
        from mnistop.engine.process import job
        from mnistop.engine.sweep import job as sweep_job
    except Exception as error:
        damage = f"PyTorch cannot be loaded ({error}): there may be too little memory, or it is "
        answer.send(host_error(error) or RunError(f"{damage}damaged."))
        return
    try:
        if isinstance(what, RunConfig | Continuation):
            job.start(what, folder, answer)
        else:
            sweep_job.start(what, folder, answer)
    except OSError as error:  # it cannot be forked off
        answer.send(host_error(error) or RunError(f"No process could be started: {error}."))
