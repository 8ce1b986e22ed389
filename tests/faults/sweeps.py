"""Sweeps that are killed at random moments and resumed, against runs that never were."""

from __future__ import annotations

import os
import random
import signal
import time
from dataclasses import dataclass, field
from typing import Any

from mnistop.engine import worker
from mnistop.engine.config import RunConfig
from mnistop.engine.errors import RunError
from mnistop.engine.events import RunFinished
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.run_folder import Run, list_runs
from mnistop.engine.runs.sweep_folder import Sweep
from tests.faults.kills import results
from tests.helpers.waiting import wait_until

MEMBERS = 4
JOBS = 2


@dataclass
class Tally:
    """Numbers of the trials."""

    kills_of_sweeps: int = 0
    kills_of_members: int = 0
    sweeps: int = 0
    members: int = 0
    equal: int = 0
    """Members that were trained to their end once, with the bits of a run never killed."""
    wrong: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        """All kills."""
        return self.kills_of_sweeps + self.kills_of_members


def configs(epochs: int) -> list[RunConfig]:
    """Four members that differ in what a checkpoint must keep."""
    values: list[dict[str, Any]] = [
        {"lr": 0.05},
        {"lr": 0.1, "optimizer": "sgd", "schedule": "cosine"},
        {"lr": 0.003, "optimizer": "adam", "dropout": 0.2},
        {"lr": 0.05, "shift": 1, "seed": 7},
    ]
    return [
        RunConfig(source="digits", samples=400, batch_size=16, hidden=(32,), epochs=epochs, **each)
        for each in values
    ]


def kill_and_resume(kills: int, seed: int, epochs: int = 60) -> Tally:
    """Kills sweeps and their members so many times in all, and looks at how they end.

    Args:
        kills: how many.
        seed: of the moments and the victims.
        epochs: of each member.
    """
    moments, tally = random.Random(seed), Tally()
    planned = configs(epochs)
    never_killed = [results(_trained(config)) for config in planned]
    while tally.kills < kills:
        sweep = worker.launch_sweep(planned, jobs=JOBS)
        for _ in range(min(moments.randint(1, 5), kills - tally.kills)):
            time.sleep(moments.uniform(0, 0.4))
            _kill(sweep, moments, tally)
            if not sweep.is_running():
                if sweep.state() == "finished":
                    break
                _resume(sweep)
        _see_through(sweep)
        tally.sweeps += 1
        for number, wanted in enumerate(never_killed, 1):
            _judge(sweep.member(number), wanted, tally)
        if len(sweep.members()) != MEMBERS:
            tally.wrong.append(f"{sweep.path} has {len(sweep.members())} members")
    tally.wrong += [f"{run.path} is in training" for run in list_runs() if run.is_running()]
    return tally


def _trained(config: RunConfig) -> Run:
    run = worker.launch(config)
    wait_until(lambda: not run.is_running(), seconds=1000)
    return run


def _kill(sweep: Sweep, moments: random.Random, tally: Tally) -> None:
    """Kills the sweep's process, which is gone then, or that of a member in training."""
    if moments.random() < 0.6:
        if process := sweep.process_id():
            os.kill(process, signal.SIGKILL)
            tally.kills_of_sweeps += 1
        wait_until(lambda: not sweep.is_running(), seconds=1000)
        return
    in_training = [process for run in sweep.members() if (process := run.process_id())]
    if in_training:
        os.kill(moments.choice(in_training), signal.SIGKILL)
        tally.kills_of_members += 1


def _see_through(sweep: Sweep) -> None:
    """Waits for the end; a member that was killed too often is given up, until it is resumed."""
    while True:
        wait_until(lambda: not sweep.is_running(), seconds=1000)
        if sweep.state() == "finished":
            return
        _resume(sweep)


def _resume(sweep: Sweep) -> None:
    """Resume a sweep, unless it was killed between its last member's end and its own."""
    try:
        worker.resume_sweep(sweep)
    except RunError:
        if sweep.state() != "finished":
            raise


def _judge(run: Run, wanted: dict[str, Any], tally: Tally) -> None:
    tally.members += 1
    ends = sum(isinstance(event, RunFinished) for event in read_events(run))
    if ends != 1:
        tally.wrong.append(f"{run.path} was trained to its end {ends} times")
    elif results(run) != wanted:
        tally.wrong.append(f"{run.path} has other bits")
    else:
        tally.equal += 1
