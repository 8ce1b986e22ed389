"""What can be told of runs at a glance, however many there are and however long their stories."""

import contextlib
import dataclasses
import os
from collections.abc import Iterator

from mnistop.engine import events
from mnistop.engine.config import RunConfig
from mnistop.engine.files import open_regular
from mnistop.engine.runs import lock, run_folder
from mnistop.engine.runs.entry import RunEntry
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.folder import newest_first
from mnistop.engine.runs.run_folder import Run

_END = 1 << 16
"""Bytes at the end of a story that are looked at."""


def in_training() -> list[Run]:
    """The runs that are being trained, newest first."""
    return newest_first(run for run in run_folder.all_runs() if run.is_running())


def trained_here(run: RunEntry) -> bool:
    """Whether a live run's training process is one of this machine."""
    return run.pid is not None and lock.is_here(run.pid, run.run.lock_path)


def epochs_trained(run: Run) -> int:
    """How many epochs a run has finished by now."""
    for event in _newest_events(run):
        if isinstance(event, events.EpochFinished):
            return event.epoch + 1
        if isinstance(event, events.BatchProgress | events.RunResumed):
            return event.epoch
    return 0


def ended(run: Run) -> events.RunFinished | events.RunStopped | events.RunFailed | None:
    """The last word of a run, unless it went on after that."""
    for event in _newest_events(run):
        match event:
            case events.RunFinished() | events.RunStopped() | events.RunFailed():
                return event
            case events.Preparing() | events.RunStarted() | events.RunResumed():
                return None
    return None


def config_to_resume(run: Run) -> RunConfig:
    """The hyperparameters of a run that goes on, with the images and threads that it began with.

    Where `samples` is unset, what that means may have changed since: it did when the test images
    of a source were no longer trained on. Where `threads` is `auto`, another machine would choose
    others, and get other bits; runs of before it could be had one.

    Raises:
        RunError: the configuration cannot be read.
    """
    config, begun = run.config(), start_of(run)
    if config.samples is None and begun:
        images = (begun.training_images or 0) + begun.validation_images
        config = dataclasses.replace(config, samples=images)
    if config.threads == "auto" and begun:
        config = dataclasses.replace(config, threads=begun.threads or 1)
    return config


def start_of(run: Run) -> events.RunStarted | None:
    """What a run said when it began to train, the newest time; None if it has not."""
    found = [event for event in read_events(run) if isinstance(event, events.RunStarted)]
    return found[-1] if found else None


def newest_test(run: Run) -> events.RunTested | None:
    """What a finished run has come to on images never seen; None if there were none."""
    found = [event for event in read_events(run) if isinstance(event, events.RunTested)]
    return found[-1] if found else None


def _newest_events(run: Run) -> Iterator[events.Event]:
    """What a run has said, the newest first, as far as that is in the end of its story."""
    for line in reversed(_last_lines(run)):
        with contextlib.suppress(events.UnreadableEventError):
            yield events.from_json(line)


def _last_lines(run: Run) -> list[bytes]:
    try:
        with open_regular(run.events_path) as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - _END))
            return file.read(_END).splitlines()
    except OSError:
        return []
