"""Runs, their exported scripts, and the logs that both print."""

import re
from pathlib import Path

import numpy as np
import torch

from mnistop.engine.config import RunConfig
from mnistop.engine.export.script import export_code
from mnistop.engine.runs import run_folder
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.training.loop import train
from mnistop.engine.training.state import Epoch, TrainState
from tests.helpers.small_runs import prepared

Log = list[list[float]]
"""For each epoch: its number, losses of training and validation images, and accuracies."""
EPOCH_HEADER = "epoch  train loss  val loss  train acc  val acc"


class _Epochs:
    """A collector of epochs that never stops the training."""

    def __init__(self) -> None:
        self.epochs: list[Epoch] = []

    def step_done(self, training: TrainState, labels: torch.Tensor) -> None:
        pass

    def epoch_done(self, training: TrainState, epoch: Epoch) -> None:
        self.epochs.append(epoch)

    def wait_while_paused(self) -> float:
        return 0.0

    def wants_stop(self) -> bool:
        return False


def log_of_training(config: RunConfig) -> Log:
    training, images, validation = prepared(config)
    listener = _Epochs()
    train(training, images, validation, listener, listener)
    return [
        [number, epoch.train_loss, epoch.val_loss, epoch.train_acc, epoch.val_acc]
        for number, epoch in enumerate(listener.epochs)
    ]


def printed_log(text: str) -> Log:
    head, *rows = text.splitlines()
    assert head.split() == EPOCH_HEADER.split()
    for row in rows:
        assert all(re.fullmatch(r"\d+\.\d{4,}", number) for number in row.split()[1:])
    return [[float(number) for number in row.split()] for row in rows]


def run_of(config: RunConfig, folder: Path) -> Run:
    run, lock = run_folder.create(config, folder)
    lock.close()
    return run


def write_script(run: Run, folder: Path) -> Path:
    exported = export_code(run, "script", "loop.npz")
    (folder / "loop.py").write_text(exported.code, "utf-8")
    (folder / "loop.npz").write_bytes(exported.images.content())
    return folder / "loop.py"


def assert_same_log(printed: Log, expected: Log, tolerance: float) -> None:
    assert len(printed) == len(expected)
    np.testing.assert_allclose(printed, expected, rtol=0, atol=tolerance)
