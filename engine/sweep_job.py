"""The life of a sweep's process: hands the members out, and tells how the sweep ends."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import IO, NoReturn

import joblib

from engine import events, sweeps
from engine.config import RunConfig
from engine.data import Dataset, is_at_hand, load, split
from engine.device import find_device
from engine.errors import MnistopError, RunError
from engine.event_log import EventLog
from engine.job import detach, in_words
from engine.members import POLL_SECONDS, SETTLED, Trainer, state_of
from engine.nursery import Nursery
from engine.runs import Run
from engine.sweeps import Plan, Sweep


def start(what: Plan | Sweep, folder: Path, answer: Connection) -> None:
    """Forks off a sweep's process, which checks all that can be wrong and makes the sweep's folder.

    Args:
        what: the plan of a new sweep, or a sweep to go on with.
        folder: where new sweeps and their members are made.
        answer: gets the sweep once its process is sure to begin, or the `MnistopError`.
    """
    if os.fork():
        return
    try:
        _live(what, folder, answer)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def _live(what: Plan | Sweep, folder: Path, answer: Connection) -> NoReturn:
    os.setsid()
    # The locks of joblib's threads: those of this method need no process that cleans up after them.
    multiprocessing.set_start_method("fork", force=True)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    nursery = Nursery.forked()  # while this process has one thread, and has looked for no device
    try:
        sweep, plan, lock = _prepare(what, folder, nursery)
    except MnistopError as error:
        _answer(answer, error)
    except Exception as error:
        name = type(error).__name__
        fault = f"No sweep could be started, by a fault of the program, {name}: {error}."
        _answer(answer, RunError(fault))
    else:
        job = _SweepJob(sweep, plan, nursery)
        _answer(answer, sweep)
        answer.close()
        detach(sweep.log_path, {lock.fileno(), nursery.fileno()})
        job.run()
    os._exit(1)


def _answer(connection: Connection, answer: Sweep | MnistopError) -> None:
    """Tells whoever waits for it; a sweep goes on also if they are gone since, as on a hang-up."""
    with contextlib.suppress(OSError):
        connection.send(answer)


def _prepare(what: Plan | Sweep, folder: Path, nursery: Nursery) -> tuple[Sweep, Plan, IO[bytes]]:
    if isinstance(what, Plan):
        _check(what.configs, nursery)
        sweep, lock = sweeps.create(what, folder)
        return sweep, what, lock
    lock = sweeps.reopen(what)
    try:
        plan = what.plan()
        todo = [config for _, config in _unsettled(what, plan)]
        if not todo:
            raise RunError(f"Sweep {what.name} is finished: there is nothing left to resume.")
        _check(todo, nursery)
        return what, plan, lock
    except MnistopError:
        lock.close()
        raise


def _unsettled(sweep: Sweep, plan: Plan) -> list[tuple[Run, RunConfig]]:
    """The members that are not trained to their end."""
    members = ((sweep.member(number), config) for number, config in enumerate(plan.configs, 1))
    return [(run, config) for run, config in members if state_of(run) not in SETTLED]


def _check(configs: Sequence[RunConfig], nursery: Nursery) -> None:
    """That data and devices are there, for what can be told in a moment.

    Raises:
        MnistopError: they are not.
    """
    for device in sorted({config.device for config in configs}):
        find_device(device)
    for source, samples, val_fraction in dict.fromkeys(
        (config.source, config.samples, config.val_fraction) for config in configs
    ):
        if not is_at_hand(source):
            continue
        with (
            nursery.start(_check_split, (source, samples), val_fraction) as process,
            contextlib.suppress(EOFError),
        ):
            error: MnistopError = process.recv()
            raise error


def _check_split(caller: Connection, dataset: Dataset | None, val_fraction: float) -> None:
    if dataset:
        split(dataset, val_fraction, seed=0)


def _fetch(caller: Connection, _: Dataset | None, source: str) -> None:
    """Loads data for the first time; the caller gets a line to show now and then."""
    load(source, progress=caller.send)


class _SweepJob:
    """What the process of a sweep does from when it is sure to begin.

    Args:
        sweep: whose lock this process holds.
        plan: of the sweep.
        nursery: forks off the training processes.
    """

    def __init__(self, sweep: Sweep, plan: Plan, nursery: Nursery) -> None:
        self._sweep = sweep
        self._plan = plan
        self._nursery = nursery
        self._trainer = Trainer(nursery, self._tell_failure)
        self._turn = threading.Lock()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)

    def run(self) -> NoReturn:
        """Trains what is left to be trained, and tells how that ends."""
        self._log = EventLog(self._sweep.path)
        try:
            self._train_all()
        except MnistopError as error:
            self._log.say(events.SweepStopped, message=str(error))
        except Exception as error:  # said first: a full disk may have no room for the traceback
            self._log.say(events.SweepStopped, message=in_words(error, Run(self._sweep.path)))
            traceback.print_exc()
        os._exit(0)

    def _train_all(self) -> None:
        todo = _unsettled(self._sweep, self._plan)
        jobs = min(self._jobs(), len(todo))
        self._log.say(events.SweepStarted, pid=os.getpid(), jobs=jobs)
        self._fetch({config.source for _, config in todo})
        train = joblib.Parallel(jobs, backend="threading", return_as="generator_unordered")
        states = list(train(joblib.delayed(self._trainer.train)(*member) for member in todo))
        left = sum(state not in SETTLED for state in states)
        if not left:
            self._log.say(events.SweepFinished)
        elif self._trainer.is_stopping:
            self._log.say(events.SweepStopped)
        else:
            is_not = "is not trained to its end" if left == 1 else "are not trained to their end"
            what = f"{left:,} of {len(self._plan.configs):,} runs {is_not}"
            self._log.say(events.SweepStopped, message=f"{what}: resume the sweep to try again.")

    def _jobs(self) -> int:
        """How many members are trained at once: as planned, or what the cores allow."""
        threads = max(config.threads for config in self._plan.configs)
        return self._plan.jobs or max(1, joblib.cpu_count() // threads)

    def _fetch(self, sources: set[str]) -> None:
        """Has data fetched that are not at hand, once for all members."""
        for source in sorted(sources):
            if is_at_hand(source) or self._trainer.is_stopping:
                continue
            with self._nursery.start(_fetch, None, source) as process:
                while not self._trainer.is_stopping:
                    if not process.poll(POLL_SECONDS):
                        continue
                    try:
                        told = process.recv()
                    except EOFError:
                        break
                    if isinstance(told, MnistopError):
                        raise told
                    self._log.say(events.Preparing, message=told)

    def _tell_failure(self, run: Run, message: str, retried: bool) -> None:
        with self._turn:
            self._log.say(events.MemberFailed, member=run.name, message=message, retried=retried)

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        self._trainer.stop()
