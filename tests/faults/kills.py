"""Trainings that are killed at random moments and resumed, against ones that never were."""

from __future__ import annotations

import itertools
import os
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mnistop.engine import worker
from mnistop.engine.config import RunConfig
from mnistop.engine.events import RunFinished
from mnistop.engine.runs import checkpoint
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.history import History, reduce
from mnistop.engine.runs.run_folder import Run
from tests.helpers.waiting import wait_until

OPTIMIZERS = ("manual", "sgd", "adam", "adamw", "rmsprop")
SCHEDULES = ("constant", "step", "cosine")


def settings() -> list[dict[str, Any]]:
    """Every optimizer with every schedule, with and without shifts and dropout."""
    return [
        {
            "optimizer": optimizer,
            "schedule": schedule,
            "shift": shift,
            "dropout": dropout,
            "lr": 0.05 if optimizer in ("manual", "sgd") else 0.003,
            "weight_decay": 0.01 if optimizer in ("sgd", "adamw") else 0.0,
        }
        for optimizer, schedule, shift, dropout in itertools.product(
            OPTIMIZERS, SCHEDULES, (0, 1), (0.0, 0.2)
        )
    ]


@dataclass
class Tally:
    """Numbers of the trials."""

    kills: int = 0
    while_writing: int = 0
    """Kills while a file was being replaced."""
    runs: int = 0
    equal: int = 0
    """Runs that ended with the same bits as one never killed."""
    different: list[str] = field(default_factory=list)


def kill_and_resume(kills: int, seed: int, epochs: int = 300) -> Tally:
    """Kills trainings so many times in all, each up to four times, and compares how they end.

    Args:
        kills: how many.
        seed: of the moments and of the order of the settings.
        epochs: of each training.
    """
    moments, tally = random.Random(seed), Tally()
    for values in _in_random_order(moments):
        if tally.kills >= kills:
            return tally
        config = RunConfig(
            source="digits", samples=600, batch_size=8, hidden=(64,), epochs=epochs, **values
        )
        never_killed = worker.launch(config)
        run = worker.launch(config)
        for _ in range(min(moments.randint(1, 4), kills - tally.kills)):
            if not _kill(run, moments, tally):
                break
            worker.resume(run)
        _wait_for_end(run)
        _wait_for_end(never_killed)
        tally.runs += 1
        if results(run) == results(never_killed):
            tally.equal += 1
        else:
            tally.different.append(f"{run.path} {values}")
    return tally


def _in_random_order(moments: random.Random) -> Iterator[dict[str, Any]]:
    while True:
        some = settings()
        moments.shuffle(some)
        yield from some


def _kill(run: Run, moments: random.Random, tally: Tally) -> bool:
    """Kills a training at a random moment, or while it replaces a file; False if it has ended."""
    process = run.process_id()
    time.sleep(moments.uniform(0, 1.5))
    if moments.random() < 0.5:
        _wait_for_a_write(run)
    if process is None or not run.is_running():
        return False
    os.kill(process, signal.SIGKILL)
    wait_until(lambda: not run.is_running(), seconds=1000)
    if isinstance(reduce(History(), read_events(run)).ended, RunFinished):
        return False
    tally.kills += 1
    tally.while_writing += any(run.path.rglob("*.new"))
    return True


def _wait_for_a_write(run: Run) -> None:
    """Until a checkpoint is being written, or the run ends."""
    beside = str(run.path / "checkpoint.pt.new")
    for number in itertools.count():
        if os.path.exists(beside) or (number % 1000 == 0 and not run.is_running()):
            return


def _wait_for_end(run: Run) -> None:
    wait_until(lambda: not run.is_running(), seconds=1000)


def results(run: Run) -> dict[str, Any]:
    """All that a run has computed, without times."""
    state = checkpoint.load(run.path / "checkpoint.pt")
    history = reduce(History(), read_events(run))
    weights = {"last": state["model"], "best": checkpoint.load(run.path / "best.pt")["model"]}
    return {
        "ended": type(history.ended),
        "weights": {
            (file, name): value.numpy().tobytes()
            for file, content in weights.items()
            for name, value in content.items()
        },
        "snapshots": (run.path / "weights.f32").read_bytes(),
        "predictions": run.predictions().tobytes(),
        "log-probabilities": (run.path / "log_probabilities.f16").read_bytes(),
        "epochs": [
            (each.epoch, each.train_loss, each.val_loss, each.train_acc, each.val_acc, each.lr)
            for each in history.epochs
        ],
    }
