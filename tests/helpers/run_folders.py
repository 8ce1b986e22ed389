"""Run folders that nobody trains."""

from pathlib import Path

from mnistop.engine import events
from mnistop.engine.config import RunConfig
from mnistop.engine.events import Event
from mnistop.engine.recording.recorder import Recorder
from mnistop.engine.runs import run_folder
from mnistop.engine.runs.run_folder import Run


def make_run(folder: Path, name: str | None = None, config: RunConfig | None = None) -> Run:
    """A run that nobody trains."""
    run, lock = run_folder.create(config or RunConfig(), folder)
    lock.close()
    return Run(run.path.rename(folder / name)) if name else run


def say(run: Run, *messages: str) -> None:
    recorder = Recorder(run)
    for message in messages:
        recorder.record(events.Preparing, message=message)


def messages(said: list[Event]) -> list[str]:
    return [event.message for event in said if isinstance(event, events.Preparing)]
