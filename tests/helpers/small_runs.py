"""Trainings that take a moment, in this process or in processes of their own."""

import asyncio
import contextlib
import functools
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mnistop.engine import worker
from mnistop.engine.config import RunConfig
from mnistop.engine.data.sources import load, split
from mnistop.engine.events import Event
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.history import History, reduce
from mnistop.engine.runs.run_folder import Run, list_runs
from mnistop.engine.runs.sweep_folder import list_sweeps
from mnistop.engine.training.loop import train
from mnistop.engine.training.state import Epoch, Labelled, TrainState

CPU = torch.device("cpu")
ROOT = Path(__file__).parents[2]


# In this process.


def digits_config(**values: Any) -> RunConfig:
    """A run on the 8 × 8 digits: 10 steps an epoch, where nothing else is asked for."""
    defaults = {"source": "digits", "samples": 400, "epochs": 3, "hidden": (16,), "device": "cpu"}
    return RunConfig(**(defaults | values))


def prepared(config: RunConfig) -> tuple[TrainState, Labelled, Labelled]:
    """A fresh training with its training and validation images."""
    dataset = _load(config.source, config.samples)
    parts = [
        Labelled(
            torch.from_numpy(dataset.images[rows]).flatten(1),
            torch.from_numpy(dataset.labels[rows]),
        )
        for rows in split(dataset, config.val_fraction, config.split_seed)
    ]
    counts = torch.bincount(parts[0].labels, minlength=dataset.classes).tolist()
    return TrainState(config, dataset.image_shape, counts, CPU), parts[0], parts[1]


_load = functools.cache(load)


class Listener:
    """The sink and the control of a training: keeps all that it hears.

    Args:
        stop_after: steps after which to ask for a stop; None for never.
    """

    def __init__(self, stop_after: int | None = None) -> None:
        self.epochs: list[Epoch] = []
        self.saved: list[bytes] = []
        self._stop_after = stop_after

    def step_done(self, training: TrainState, labels: Tensor) -> None:
        self.saved.append(to_bytes(training.state_dict()))

    def epoch_done(self, training: TrainState, epoch: Epoch) -> None:
        self.epochs.append(epoch)

    def wait_while_paused(self) -> float:
        return 0.0

    def wants_stop(self) -> bool:
        return self._stop_after is not None and len(self.saved) >= self._stop_after


class QuietListener(Listener):
    """One that keeps the epochs only."""

    def step_done(self, training: TrainState, labels: Tensor) -> None:
        pass


class BatchListener(QuietListener):
    """A collector of the images that each step has learned from, and of its epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[tuple[int, Tensor]] = []

    def step_done(self, training: TrainState, labels: Tensor) -> None:
        size = training.config.batch_size
        rows = training.order[(training.step - 1) * size : training.step * size]
        self.batches.append((training.epoch, rows))


def trained(config: RunConfig) -> tuple[TrainState, list[Epoch]]:
    """A training gone to its end, and its epochs."""
    training, images, validation = prepared(config)
    listener = QuietListener()
    train(training, images, validation, listener, listener)
    return training, listener.epochs


def to_bytes(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def from_bytes(content: bytes) -> Any:
    return torch.load(io.BytesIO(content), weights_only=True)


def numbers(epochs: Sequence[Epoch]) -> list[tuple[Any, ...]]:
    """All of some epochs but how long they took."""
    return [
        (
            each.train_loss,
            each.val_loss,
            each.train_acc,
            each.val_acc,
            each.lr,
            each.log_probabilities.tolist(),
        )
        for each in epochs
    ]


KINDS: dict[str, dict[str, Any]] = {
    "default": {},
    "adam, cosine, dropout": {
        "optimizer": "adam",
        "lr": 0.003,
        "schedule": "cosine",
        "dropout": 0.3,
    },
    "momentum, shift, step": {"optimizer": "sgd", "shift": 1, "schedule": "step", "lr": 0.05},
    "adversarial": {"adversarial_epsilon": 0.1, "clip_norm": 1.0},
    "rmsprop, dropout": {"optimizer": "rmsprop", "lr": 0.001, "dropout": 0.1},
    "adamw, decay, shift, dropout": {
        "optimizer": "adamw",
        "weight_decay": 0.1,
        "lr": 0.003,
        "shift": 1,
        "dropout": 0.1,
    },
}
"""Configurations that between them use all that a checkpoint holds."""


# In processes of their own.

ENDLESS = 1_000_000
"""Epochs of a run that only ends when it is told to."""


def ever_more(epochs: int) -> Iterator[int]:
    """Numbers of epochs to try, for a run that is to be interrupted and then to reach its end.

    Whether it still trains when it is interrupted depends on the speed of the machine: if it does
    not, the next number is tried.
    """
    for doublings in range(0, 20, 2):
        yield epochs << doublings
    raise AssertionError("no run was long enough to be interrupted")


def history_of(run: Run) -> History:
    return reduce(History(), read_events(run))


def state_of(run: Run) -> str:
    return history_of(run).state(run.is_running())


async def launched(**values: Any) -> Run:
    """A run on the digits, started in a process of its own."""
    return await asyncio.to_thread(worker.launch, digits_config(**values))


async def endless(**values: Any) -> Run:
    """A run in training, with an epoch done."""
    run = await launched(epochs=ENDLESS, **values)
    await until(run, lambda history: history.epochs)
    return run


async def until(run: Run, reached: Callable[[History], object]) -> History:
    """Return the run's events once a condition holds, or once it has ended."""
    history = History()
    async for batch in worker.follow(run):
        for event in batch:
            history = reduce(history, [event])
            if reached(history):
                return history
    return history


async def to_the_end(run: Run) -> tuple[History, list[Event]]:
    """Return all events of the run."""
    said: list[Event] = []
    async for batch in worker.follow(run):
        said += batch
    return reduce(History(), said), said


def kill_all() -> None:
    """Ends the training processes that a test left, those of sweeps first."""
    for one in [*list_sweeps(), *list_runs()]:
        if process := one.process_id():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


def run_script(
    code: str, runs: Path, wrapped_in: Sequence[str] = (), **options: Any
) -> subprocess.Popen[str]:
    """Starts a Python process of its own, whose runs go to a folder.

    Args:
        code: what it does.
        runs: the folder of its runs.
        wrapped_in: a command that runs the rest of the command line.
        options: more for `Popen`.
    """
    environment = os.environ | {"MNISTOP_RUNS": str(runs), "PYTHONPATH": str(ROOT)}
    settings = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.Popen(
        [*wrapped_in, sys.executable, "-c", code], text=True, env=environment, **settings
    )
