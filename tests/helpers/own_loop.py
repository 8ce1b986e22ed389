"""Loops that record in this process."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import mnistop
from mnistop.engine.recording.metrics import MetricsReader, Series
from mnistop.engine.runs.run_folder import Run
from tests.helpers.waiting import wait_until

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 6, 6), np.uint8) / np.float32(255)
LABELS = np.arange(40) % 10
SCORES = np.eye(10, dtype=np.float32)[LABELS] * 3


def begin(**given: Any) -> mnistop.Run:
    """Begin to record a run that is evaluated on `PIXELS`."""
    return mnistop.init(**{"validation": (PIXELS, LABELS)} | given)


def warns(words: str) -> Any:
    """Expect a warning of a recording that holds these words."""
    return pytest.warns(mnistop.RecordingWarning, match=words)


def series(run: Run, name: str) -> Series:
    """The values of a metric that are on disk."""
    reader = MetricsReader(run.path)
    while reader.read():
        pass
    return reader.series(name)


def after_requests_are_read(loop: mnistop.Run, run: Run) -> None:
    """Return once the loop's writer has read the requests made until now.

    It reads them before it writes what is logged; the first of two values may be
    written in a round that began before.
    """
    for _ in range(2):
        written = len(series(run, "round").steps)
        loop.log({"round": 1.0})
        wait_until(lambda before=written: len(series(run, "round").steps) > before)


def warned(run: Run) -> str:
    """The warnings of a run, as its log holds them."""
    return run.log_path.read_text() if run.log_path.exists() else ""


def small() -> nn.Module:
    """An MLP for `PIXELS`, the same each time."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.ReLU(), nn.Linear(8, 10))
