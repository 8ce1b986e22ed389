"""What can be told of runs at a glance, however many there are and however long their stories."""

import os

from engine import events, runs
from engine.files import open_regular
from engine.runs import Run

_END = 1 << 16
"""Bytes at the end of a story that are looked at."""


def in_training() -> list[Run]:
    """The runs that are being trained, newest first."""
    return [run for run in runs.list_runs() if run.is_running()]


def epochs_trained(run: Run) -> int:
    """How many epochs a run has finished by now."""
    for line in reversed(_last_lines(run)):
        try:
            event = events.from_json(line)
        except events.UnreadableEventError:
            continue
        if isinstance(event, events.EpochFinished):
            return event.epoch + 1
        if isinstance(event, events.BatchProgress | events.RunResumed):
            return event.epoch
    return 0


def _last_lines(run: Run) -> list[bytes]:
    try:
        with open_regular(run.path / "events.jsonl") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - _END))
            return file.read(_END).splitlines()
    except OSError:
        return []
