"""The life of a sweep's process: hands the members out, and tells how the sweep ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import IO, TYPE_CHECKING, NoReturn, Protocol

from mnistop.engine import events
from mnistop.engine.config import RunConfig
from mnistop.engine.data.sources import source_exists
from mnistop.engine.errors import MnistopError, RunError, host_error
from mnistop.engine.process.child import fork_off, in_words, leave, tell
from mnistop.engine.process.stdio import log_to, set_title
from mnistop.engine.runs import glance, lock, sweep_folder
from mnistop.engine.runs.event_log import EventLog
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.sweep_folder import Plan, Resumption, Sweep
from mnistop.engine.sweep.known_data import DataCheck, key_of, recorded_data
from mnistop.engine.sweep.member_server import MemberServer
from mnistop.engine.sweep.members import DIED, SETTLED, state_of
from mnistop.engine.sweep.this_machine import ThisMachine
from mnistop.engine.training.examples import find_device

if TYPE_CHECKING:  # Dask need not be installed
    from mnistop.engine.sweep.cluster import Cluster


def start(what: Plan | Resumption, folder: Path, answer: Connection) -> None:
    """Forks off a sweep's process, which checks all that can be wrong and makes the sweep's folder.

    Args:
        what: the plan of a new sweep, or a sweep that is to go on.
        folder: where new sweeps and their members are made.
        answer: gets the sweep once its process is sure to begin, or the `MnistopError`.
    """
    fork_off(lambda: _live(what, folder, answer))


def _live(what: Plan | Resumption, folder: Path, answer: Connection) -> NoReturn:
    os.setsid()
    leave({answer.fileno()})
    # The locks of joblib's threads: those of this method need no process that cleans up after them.
    multiprocessing.set_start_method("fork", force=True)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    server = (
        MemberServer.forked()
    )  # while this process has one thread, and has looked for no device
    try:
        job = _prepare(what, folder, server)
    except MnistopError as error:
        tell(answer, error)
    except Exception as error:
        name = type(error).__name__
        fault = f"No sweep could be started, by a fault of the program, {name}: {error}."
        tell(answer, host_error(error) or RunError(fault))
    else:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGXCPU):
            signal.signal(number, job.on_stop)
        set_title(f"mnistop: sweep {job.sweep.words}")
        tell(answer, (job.sweep, job.warning))
        answer.close()
        log_to(job.sweep.log_path)
        job.run()
    os._exit(1)


def _prepare(what: Plan | Resumption, folder: Path, server: MemberServer) -> _SweepJob:
    if isinstance(what, Plan):
        data = DataCheck({})
        executor = _executor(what, what.configs, server, data)
        sweep, held = sweep_folder.create(what, folder)
        return _SweepJob(sweep, what, held, executor, _unsettled(sweep, what), data)
    sweep = what.sweep
    held = sweep_folder.reopen(sweep)
    try:
        plan = sweep.plan()
        todo = _unsettled(sweep, plan)
        if not todo:
            if not sweep.has_said_its_end():  # it was killed before it could say so
                EventLog(sweep.path).say(events.SweepFinished)
            raise RunError(f"Sweep {sweep.name} is finished: there is nothing left to resume.")
        plan = what.of(plan)
        members = _with_images_of_the_others(sweep, plan)
        begun = [(run, config) for run, config in members if run.is_there()]
        data = DataCheck(recorded_data(sweep), sweep, begun)
        left = {run for run, _ in todo}
        todo = [(run, config) for run, config in members if run in left]
        executor = _executor(plan, [config for _, config in todo], server, data)
        return _SweepJob(sweep, plan, held, executor, todo, data)
    except MnistopError:
        lock.release(held)
        raise


def _unsettled(sweep: Sweep, plan: Plan) -> list[Member]:
    """The members that are not trained to their end."""
    members = ((sweep.member(number), config) for number, config in enumerate(plan.configs, 1))
    return [(run, config) for run, config in members if state_of(run) not in SETTLED]


def _with_images_of_the_others(sweep: Sweep, plan: Plan) -> list[Member]:
    """All members with the images of those that began before test images were kept apart.

    All of a sweep are to learn from the same images, and `samples` unset meant more of them then.
    """
    members = [(sweep.member(number), config) for number, config in enumerate(plan.configs, 1)]
    images = {}
    for run, config in members:
        begun = glance.start_of(run) if config.samples is None else None
        if begun and begun.test_images is None:
            images[config.source] = (begun.training_images or 0) + begun.validation_images
    return [
        (run, replace(config, samples=images[config.source]))
        if config.samples is None and config.source in images
        else (run, config)
        for run, config in members
    ]


def _executor(
    plan: Plan, todo: Sequence[RunConfig], server: MemberServer, data: DataCheck
) -> Executor:
    """Who trains the members, once it is sure that they have what they need.

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
    """The Dask cluster of an address, once it is sure that it can train.

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
    """Who trains the members of a sweep."""

    def places(self, configs: Sequence[RunConfig]) -> int:
        """How many members are trained at once if nothing else is planned."""

    def stop(self) -> None:
        """Begins no other member, and stops those in training with a checkpoint."""

    @property
    def is_stopping(self) -> bool:
        """Whether `stop` was called."""

    def train_all(self, todo: Sequence[Member], jobs: int | None, log: EventLog) -> Iterator[str]:
        """Trains members, so many at once, and yields the state of each in any order."""


class _SweepJob:
    """What the process of a sweep does from when it is sure to begin.

    Args:
        sweep: the sweep.
        plan: what is to be trained.
        held: the lock of the sweep, taken by this process.
        executor: who trains.
        todo: the members that are not trained to their end.
        data: what is known of their data.
    """

    def __init__(
        self,
        sweep: Sweep,
        plan: Plan,
        held: IO[bytes],
        executor: Executor,
        todo: Sequence[Member],
        data: DataCheck,
    ) -> None:
        self.sweep = sweep
        self._todo = todo
        self._plan = plan
        self._lock = held
        self._executor = executor
        self._data = data
        self.warning = data.warning
        """Why it is not certain that the data are those that the sweep began with."""

    def on_stop(self, number: int, frame: FrameType | None) -> None:
        """Answers a signal."""
        self._executor.stop()

    def run(self) -> NoReturn:
        """Trains what is left to be trained, and tells how that ends."""
        log = EventLog(self.sweep.path)
        try:
            self._train_all(log)
        except MnistopError as error:
            log.say(events.SweepStopped, message=str(error))
        except Exception as error:  # said first: a full disk may have no room for the traceback
            log.say(events.SweepStopped, message=in_words(error, self.sweep))
            traceback.print_exc()
        lock.release(self._lock)
        os._exit(0)

    def _train_all(self, log: EventLog) -> None:
        jobs, cluster = self._plan.jobs, self._plan.dask
        places = jobs or self._executor.places([config for _, config in self._todo])
        log.say(events.SweepStarted, pid=os.getpid(), jobs=places, cluster=cluster)
        self._data.record(log)
        states = list(self._executor.train_all(self._todo, jobs, log))
        left = sum(state not in SETTLED for state in states)
        if not left:
            log.say(events.SweepFinished)
        elif self._executor.is_stopping:
            log.say(events.SweepStopped)
        else:
            is_not = "is not trained to its end" if left == 1 else "are not trained to their end"
            what = f"{left:,} of {len(self._plan.configs):,} runs {is_not}"
            reason = self._common_reason()
            end = f". {reason}" if reason else ": resume the sweep to try again."
            log.say(events.SweepStopped, message=what + end)

    def _common_reason(self) -> str:
        """What has kept all those members from beginning, such as their data; else nothing."""
        reasons: set[str] = set()
        for event in self.sweep.events():
            match event:
                case events.SweepStarted():
                    reasons.clear()
                case events.MemberFailed(message=message):
                    reasons.add(message)
        return reasons.pop() if len(reasons) == 1 and DIED not in reasons else ""
