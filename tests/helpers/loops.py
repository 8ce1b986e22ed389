"""Loops of one's own, recorded in processes of their own."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from mnistop.engine.recording.metrics import MetricsReader
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.history import History, reduce
from mnistop.engine.runs.run_folder import Run, list_runs

BEGINNING = """
import os, sys, time
import numpy as np
import mnistop
images = np.random.default_rng(0).integers(0, 256, (40, 6, 6), np.uint8)
labels = np.arange(40) % 10
scores = np.eye(10, dtype=np.float32)[labels] * 3
def ready():
    print("ready", flush=True)
"""
LOOP = """
run = mnistop.init(validation=(images, labels))
for epoch in run.epochs(3):
    run.log({"train/loss": 1.0})
    run.log_predictions(scores)
"""


def begin(script: str, *, wait: bool = False, **environ: str) -> subprocess.Popen[str]:
    """Start a script after `BEGINNING`; with `wait`, return once it has called `ready`."""
    process = subprocess.Popen(
        [sys.executable, "-c", BEGINNING + textwrap.dedent(script)],
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if wait:
        assert process.stdout
        line = process.stdout.readline()
        if line != "ready\n":
            raise AssertionError(line + str(process.communicate()))
    return process


def run(script: str, *, code: int = 0, **environ: str) -> tuple[str, str]:
    """Run a script to its end, and return what it has printed and its errors."""
    process = begin(script, **environ)
    out, err = process.communicate(timeout=200)
    assert process.returncode == code, err
    return out, err


def interrupt(process: subprocess.Popen[Any], number: int = signal.SIGINT) -> str:
    """Send a signal to a script, wait for its end, and return its errors."""
    process.send_signal(number)
    _, err = process.communicate(timeout=100)
    return str(err)


def the_run() -> Run:
    """The only run."""
    (only,) = list_runs()
    return only


def history_of(run: Run) -> History:
    """Return a run's history so far."""
    return reduce(History(), read_events(run))


def state_of(run: Run) -> str:
    """The state of a run."""
    return history_of(run).state(run.is_running())


def logged(of: Run, name: str = "a") -> int:
    """Return the number of a metric's values on disk."""
    reader = MetricsReader(of.path)
    while reader.read():
        pass
    return reader.count(name)


def files_in(folder: Path) -> set[str]:
    """The names of the files in a folder."""
    return {path.name for path in folder.iterdir()}
