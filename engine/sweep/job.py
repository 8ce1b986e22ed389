"""The life of a sweep's process: it hands out the members, and records how the sweep ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, TYPE_CHECKING, NoReturn, Protocol

from mnistop.engine import events
from mnistop.engine.config import RunConfig
from mnistop.engine.data.sources import source_exists
from mnistop.engine.errors import MnistopError, RunError
from mnistop.engine.process.child import (
    close_inherited,
    describe_error,
    fork_off,
    log_to,
    prepare_or_exit,
    send_result,
    set_title,
)
from mnistop.engine.runs import lock, sweep_folder
from mnistop.engine.runs.event_log import EventLog, last_of_kind, read_events
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.sweep_folder import Plan, Resumption, Sweep
from mnistop.engine.sweep.known_data import DataCheck, key_of, recorded_data
from mnistop.engine.sweep.member_server import MemberServer
from mnistop.engine.sweep.members import DIED, SETTLED, ThisMachine, state_of
from mnistop.engine.training.examples import find_device

if TYPE_CHECKING:  # Dask need not be installed
    from mnistop.engine.sweep.cluster import Cluster


def start(what: Plan | Resumption, folder: Path, answer: Connection) -> None:
    """Fork off a sweep's process, which makes or opens the sweep's folder.

    Args:
        what: the plan of a new sweep, or a sweep to resume.
        folder: the folder to make new sweeps and members in.
        answer: gets the sweep once its process is sure to begin, or the `MnistopError`.
    """
    fork_off(lambda: _live(what, folder, answer))


def _live(what: Plan | Resumption, folder: Path, caller: Connection) -> NoReturn:
    os.setsid()
    close_inherited({caller.fileno()})
    # The locks of joblib's threads: those of this method need no process that cleans up after them.
    multiprocessing.set_start_method("fork", force=True)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    server = MemberServer.forked()  # while there is one thread, and no device was looked for
    job = prepare_or_exit(lambda: _prepare(what, folder, server), caller, "sweep")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGXCPU):
        signal.signal(number, lambda *_: job.executor.stop())
    set_title(f"mnistop: sweep {job.sweep.words}")
    send_result(caller, (job.sweep, job.data.warning))
    caller.close()
    log_to(job.sweep.log_path)
    log = EventLog(job.sweep.path)
    try:
        job.train_all(log)
    except MnistopError as error:
        log.record(events.SweepStopped, message=str(error))
    except Exception as error:  # recorded first: a full disk may have no room for the traceback
        log.record(events.SweepStopped, message=describe_error(error, job.sweep))
        traceback.print_exc()
    lock.release(job.lock)
    os._exit(0)


def _prepare(what: Plan | Resumption, folder: Path, server: MemberServer) -> _SweepJob:
    if isinstance(what, Plan):
        data = DataCheck({})
        executor = _executor(what, what.configs, server, data)
        sweep, held = sweep_folder.create(what, folder)
        return _SweepJob(sweep, what, held, executor, _unsettled(_members(sweep, what)), data)
    sweep = what.sweep
    held = sweep.take_lock()
    try:
        left = {run for run, _ in _unsettled(_members(sweep, sweep.plan()))}
        if not left:
            if not sweep.is_finished():  # it was killed before it could record that
                EventLog(sweep.path).record(events.SweepFinished)
            raise RunError(f"Sweep {sweep.name} is finished: there is nothing left to resume.")
        plan = what.resumed_plan()
        members = _with_same_images(_members(sweep, plan))
        begun = [(run, config) for run, config in members if run.is_there()]
        data = DataCheck(recorded_data(sweep), sweep, begun)
        todo = [(run, config) for run, config in members if run in left]
        executor = _executor(plan, [config for _, config in todo], server, data)
        return _SweepJob(sweep, plan, held, executor, todo, data)
    except MnistopError:
        lock.release(held)
        raise


def _members(sweep: Sweep, plan: Plan) -> list[Member]:
    return [(sweep.member(number), config) for number, config in enumerate(plan.configs, 1)]


def _unsettled(members: Sequence[Member]) -> list[Member]:
    """Return the members that are not trained to their end."""
    return [(run, config) for run, config in members if state_of(run) not in SETTLED]


def _with_same_images(members: Sequence[Member]) -> list[Member]:
    """Return the members, with the images of those that began before test images were set apart.

    Unset `samples` meant more images then, and all members are to be trained on the same ones.
    """
    images = {}
    for run, config in members:
        started = last_of_kind(run, events.RunStarted) if config.samples is None else None
        if started and started.test_images is None:
            images[config.source] = (started.training_images or 0) + started.validation_images
    return [
        (run, replace(config, samples=config.samples or images.get(config.source)))
        for run, config in members
    ]


def _executor(
    plan: Plan, todo: Sequence[RunConfig], server: MemberServer, data: DataCheck
) -> Executor:
    """Return what trains the members, once it is sure that they have what they need.

    Raises:
        MnistopError: data or devices are missing, or the cluster, or the data have changed.
    """
    if plan.dask:
        executor = connect(plan.dask, sorted({config.source for config in todo}))
        unknown = [config for config in todo if key_of(config) not in data.known]
        data.check([config for config in unknown if source_exists(config.source)], server)
        executor.check_data(todo, data)
        return executor
    for device in sorted({config.device for config in todo}):
        find_device(device)
    data.check(todo, server)
    return ThisMachine(server, data)


def connect(address: str, sources: Sequence[str]) -> Cluster:
    """Connect to the Dask cluster at an address, and check that it can train.

    Raises:
        RunError: it cannot be reached, lacks mnistop or a source, or Dask is not installed here.
    """
    try:
        from mnistop.engine.sweep.cluster import Cluster
    except ImportError:
        raise RunError(
            "For a Dask cluster mnistop needs Dask: pip install 'mnistop[dask]'."
        ) from None
    cluster = Cluster(address)
    cluster.check(sources)
    return cluster


Member = tuple[Run, RunConfig]


class Executor(Protocol):
    """The interface of what trains the members of a sweep."""

    def places(self, configs: Sequence[RunConfig]) -> int:
        """Return the number of members trained at once if the plan names none."""

    def stop(self) -> None:
        """Start no other member, and stop those in training with a checkpoint."""

    @property
    def is_stopping(self) -> bool:
        """True once `stop` was called."""

    def train_all(self, todo: Sequence[Member], jobs: int | None, log: EventLog) -> Iterator[str]:
        """Train members, `jobs` at once, and yield the state of each in the order of their ends.

        The state is that of `state_of`. The log gets the failures.
        """


@dataclass(frozen=True)
class _SweepJob:
    """A sweep that is sure to begin or to be resumed."""

    sweep: Sweep
    plan: Plan
    lock: IO[bytes]
    """Open, and held by this process."""
    executor: Executor
    todo: Sequence[Member]
    """The members that are not trained to their end."""
    data: DataCheck

    def train_all(self, log: EventLog) -> None:
        """Train the remaining members, and record the end.

        Raises:
            MnistopError: data cannot be fetched, or have changed.
        """
        jobs = self.plan.jobs
        places = jobs or self.executor.places([config for _, config in self.todo])
        log.record(events.SweepStarted, pid=os.getpid(), jobs=places, cluster=self.plan.dask)
        self.data.record(log)
        states = list(self.executor.train_all(self.todo, jobs, log))
        left = sum(state not in SETTLED for state in states)
        if not left:
            log.record(events.SweepFinished)
        elif self.executor.is_stopping:
            log.record(events.SweepStopped)
        else:
            is_not = "is not trained to its end" if left == 1 else "are not trained to their end"
            what = f"{left:,} of {len(self.plan.configs):,} runs {is_not}"
            reason = self._common_reason()
            end = f". {reason}" if reason else ": resume the sweep to try again."
            log.record(events.SweepStopped, message=what + end)

    def _common_reason(self) -> str:
        """Return the reason why all those members failed, such as their data; empty if several."""
        reasons: set[str] = set()
        for event in read_events(self.sweep):
            match event:
                case events.SweepStarted():
                    reasons.clear()
                case events.MemberFailed(message=message):
                    reasons.add(message)
        return reasons.pop() if len(reasons) == 1 and DIED not in reasons else ""
