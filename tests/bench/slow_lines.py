"""Age of the picture, and delay of a key, behind lines that buffer without limit."""

from __future__ import annotations

import re
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from mnistop.engine import events, worker
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.run_folder import Run
from tests.ssh.slow_line import SlowLine, slow_line

LINES = ((300, 0.0), (300, 0.25), (1000, 0.0), (1000, 0.25))
"""Bytes a second, and seconds of delay in each direction."""
STEADY_SECONDS = 45


def main() -> None:
    """Print a row for each line."""
    print(
        "bytes/s  delay  age of the epoch shown: median, most   ? to its first row   bytes/s used"
    )
    for rate, delay in LINES:
        with tempfile.TemporaryDirectory() as folder:
            ages, key, used = _measure(Path(folder), rate, delay)
        print(
            f"{rate:7}  {delay * 2000:3.0f} ms  {statistics.median(ages):20.1f} s, "
            f"{max(ages):4.1f} s  {key:18.1f} s  {used:13.0f}"
        )


def _measure(folder: Path, rate: float, delay: float) -> tuple[list[float], float, float]:
    settings = ("--epochs", "1000000", "--samples", "400", "--hidden", "16")
    with slow_line(folder, *settings, rate=rate, delay=delay) as shown:
        shown.wait_for("Press r to train")
        shown.send("r")
        shown.wait_for(lambda: _epoch(shown.text) > 50)
        (path,) = (folder / "mnistop_runs").glob("2*")
        seen: list[tuple[float, int]] = []
        written = len(shown.written)
        _watch(shown, lambda: seen.append((time.time(), _epoch(shown.text))))
        used = (len(shown.written) - written) / STEADY_SECONDS
        pressed = time.monotonic()
        shown.send("?")
        shown.wait_for("mnistop trains a classifier")
        key = time.monotonic() - pressed
        worker.stop(Run(path))
    times = {
        event.epoch: event.time
        for event in read_events(Run(path))
        if isinstance(event, events.EpochFinished)
    }
    return [now - times[epoch] for now, epoch in seen if epoch in times], key, used


def _watch(shown: SlowLine, note: Callable[[], object]) -> None:
    end = time.monotonic() + STEADY_SECONDS
    while time.monotonic() < end:
        shown._read(0.25)
        note()


def _epoch(text: str) -> int:
    found = re.search(r"epoch ([\d,]+) of", text)
    return int(found[1].replace(",", "")) if found else 0


if __name__ == "__main__":
    main()
