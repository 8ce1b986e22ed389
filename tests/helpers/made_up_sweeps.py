"""Made-up sweeps: their folders, and members that no process has trained."""

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mnistop.engine import events
from mnistop.engine.config import RunConfig
from mnistop.engine.runs import sweep_folder
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.sweep_folder import Plan, Sweep
from tests.helpers import made_up


def create(folder: Path, configs: Sequence[RunConfig], title: str = "", dask: str = "") -> Sweep:
    """A sweep that has just begun, and of which no process lives."""
    sweep, held = sweep_folder.create(Plan(configs=tuple(configs), title=title, dask=dask), folder)
    held.close()
    say(sweep, events.SweepStarted(run=sweep.name, time=0.0, pid=1, jobs=2))
    return sweep


def say(sweep: Sweep, event: events.Event) -> None:
    made_up.say(Run(sweep.path), [event])


def member(sweep: Sweep, number: int, val_acc: float, epochs: int = 5, ended: bool = True) -> Run:
    """Finish a member of a sweep with an accuracy."""
    run = sweep.member(number)
    told = [
        *made_up.story(epochs - 1, run.name)[:-1],
        made_up.epoch(epochs - 1, run.name, val_acc),
        *([made_up.finished(epochs, run.name)] if ended else []),
    ]
    return made_up.write_run(sweep.path.parent, told, sweep.plan().configs[number - 1], run.name)


@contextmanager
def going_on(sweep: Sweep) -> Iterator[None]:
    """Make a sweep look as if its process were alive."""
    with open(sweep.lock_path, "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def finished(sweep: Sweep) -> None:
    say(sweep, events.SweepFinished(run=sweep.name, time=1.0))


def stopped(sweep: Sweep, message: str = "") -> None:
    say(sweep, events.SweepStopped(run=sweep.name, time=1.0, message=message))
