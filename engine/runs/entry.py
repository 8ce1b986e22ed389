"""A run in a list: the user's name and note for it, its values, and its whole history."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Annotated, Any, Self

from msgspec import Meta

from mnistop.engine.config import RunConfig
from mnistop.engine.errors import RunError
from mnistop.engine.events import Count, Fraction, Number, RunFailed, Seconds, Size
from mnistop.engine.files import from_json, open_regular, write_atomically
from mnistop.engine.runs import lock
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.history import History, reduce
from mnistop.engine.runs.recorded import RecordedConfig, planned_epochs
from mnistop.engine.runs.run_folder import Run

FILE = "about.json"
LONGEST_NAME = 40
LONGEST_NOTE = 400


@dataclass(frozen=True)
class About:
    """The user's name and note for a run; empty if there are none."""

    name: Annotated[str, Meta(max_length=LONGEST_NAME)] = ""
    note: Annotated[str, Meta(max_length=LONGEST_NOTE)] = ""


_LARGEST = 1 << 14


def read_about(run: Run) -> About:
    """Read the user's name and note for a run; empty if the file is missing or damaged."""
    try:
        with open_regular(run.path / FILE) as file:
            found = from_json(About, file.read(_LARGEST))
            return About(_one_line(found.name), _one_line(found.note))
    except (OSError, ValueError):
        return About()


def write_about(run: Run, about: About) -> None:
    """Write the user's name and note for a run, each on one line and cut to its maximum length.

    Raises:
        RunError: the run's folder cannot be written.
    """
    kept = About(_one_line(about.name)[:LONGEST_NAME], _one_line(about.note)[:LONGEST_NOTE])
    try:
        write_atomically(run.path / FILE, json.dumps(vars(kept)).encode())
    except OSError as error:
        raise RunError(
            f"Run {run.name} cannot be annotated: {run.why_not_writable(error)}."
        ) from None


def _one_line(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


LIVE = ("starting", "running", "paused")
"""The states of a run whose training process is alive."""

_LONGEST = 1e11
"""The maximum of `Seconds`."""


@dataclass(frozen=True, kw_only=True)
class Results:
    """The numbers of a run so far; None for those not known yet."""

    epochs: Count = 0
    """The finished epochs."""
    train_loss: Number | None = None
    """Of the newest epoch, as the next two are."""
    val_loss: Number | None = None
    val_acc: Fraction | None = None
    best_val_acc: Fraction | None = None
    """Of the best epoch, as the next four are."""
    best_val_loss: Number | None = None
    best_train_loss: Number | None = None
    test_acc: Fraction | None = None
    """On unseen images; None before the run is finished, and if there are none."""
    best_epoch: Count | None = None
    validation_images: Size | None = None
    test_images: Size | None = None
    """The number of images behind `test_acc`."""
    seconds: Seconds = 0.0
    """Training and evaluation of all epochs, without pauses."""
    diverged: bool = False
    """True if the run failed because its loss became infinite or not a number."""

    @classmethod
    def of(cls, history: History, **more: Any) -> Self:
        """Collect the results of a run, and the further fields of a subclass."""
        newest = history.epochs[-1] if history.epochs else None
        best, tested = history.best, history.tested
        return cls(
            epochs=len(history.epochs),
            train_loss=newest.train_loss if newest else None,
            val_loss=newest.val_loss if newest else None,
            val_acc=newest.val_acc if newest else None,
            best_val_acc=best.val_acc if best else None,
            best_val_loss=best.val_loss if best else None,
            best_train_loss=best.train_loss if best else None,
            test_acc=history.test_acc,
            best_epoch=best.epoch if best else None,
            validation_images=history.started.validation_images if history.started else None,
            test_images=tested.images if tested else None,
            seconds=min(_LONGEST, history.seconds),
            diverged=isinstance(history.ended, RunFailed) and history.ended.diverged,
            **more,
        )


@dataclass(frozen=True, kw_only=True)
class Overview(Results):
    """A summary of a run's files; its state also depends on the training process."""

    changes: dict[str, str]
    """The differences from the notebook's run, as texts by name."""
    planned: Count
    """The planned number of epochs; 0 if a recorded run does not name it."""
    if_alive: str
    """The run's state, see `History.state`, if its training process is alive."""
    if_dead: str
    """The state if it is not."""
    threads: Size | None = None
    """Processor threads; None before training starts, and in old runs."""
    started: Seconds | None = None
    """Seconds since 1970, as the next one is."""
    ended: Seconds | None = None
    message: str = ""
    """The reason if the run failed."""
    about: About = field(default_factory=About)
    script: str = ""
    """The script that recorded the run; empty for a training of this program."""

    @classmethod
    def of_run(cls, run: Run, config: RunConfig, history: History) -> Self:
        """Summarize a run by its configuration and history."""
        started, ended = history.started, history.ended
        return cls.of(
            history,
            changes=config.changes(),
            planned=history.planned or planned_epochs(config),
            if_alive=history.state(True),
            if_dead=history.state(False),
            threads=started.threads if started else None,
            started=started.time if started else None,
            ended=ended.time if ended else None,
            message=ended.message if isinstance(ended, RunFailed) else "",
            about=read_about(run),
            script=config.script if isinstance(config, RecordedConfig) else "",
        )

    @property
    def is_settled(self) -> bool:
        """True if the run has a final event."""
        return self.if_alive == self.if_dead


_IN_JSON = (
    *("threads", "val_acc", "val_loss", "best_val_acc", "best_val_loss", "best_epoch"),
    *("test_images", "test_acc", "started", "ended"),
)


@dataclass(frozen=True)
class RunEntry:
    """A run in a list."""

    run: Run
    overview: Overview
    state: str
    pid: int | None = None
    """The training process while it is alive."""
    bytes: int | None = None
    """The size on the disk."""
    is_suspended: bool = False
    """True if its training process was stopped by SIGSTOP or Ctrl+Z."""

    @property
    def is_live(self) -> bool:
        """True if the run is being trained."""
        return self.state in LIVE

    def is_here(self) -> bool:
        """Return whether its training process is alive on this machine."""
        return self.pid is not None and lock.is_here(self.pid, self.run.lock_path)

    @property
    def title(self) -> str:
        """The user's name for the run, else its two words."""
        return self.overview.about.name or self.run.words

    def config(self) -> RunConfig:
        """The hyperparameters."""
        if self.overview.script:
            return RecordedConfig.of(self.overview.script, self.overview.changes)
        return RunConfig.from_values(self.overview.changes)

    def differences(self) -> str:
        """Return the differences from the notebook's run, as in `lr 0.5, hidden none`.

        Of a source's paths, the last folder and the name of the file are enough to tell.
        """
        changes = dict(self.overview.changes)
        if "source" in changes:
            paths = (path.split("/")[-2:] for path in changes["source"].split(","))
            changes["source"] = ",".join(map("/".join, paths))
        usual = "" if self.overview.script else "as the notebook"
        return ", ".join(f"{name} {text}" for name, text in changes.items()) or usual

    def as_json(self) -> dict[str, Any]:
        """Return the entry of `mnistop runs --json`; None for what is not known yet."""
        seen = self.overview
        return {
            "name": self.run.name,
            "state": self.state,
            "epoch": seen.epochs - 1 if seen.epochs else None,
            "epochs": seen.planned or None,
            "pid": self.pid,
            "config": dict(self.config()),
            "script": seen.script or None,
            **{name: getattr(seen, name) for name in _IN_JSON},
            "sweep": self.run.sweep or None,
            "title": seen.about.name,
            "note": seen.about.note,
            "bytes": self.bytes,
        }


@dataclass(frozen=True)
class Summary:
    """A run with its whole history."""

    run: Run
    config: RunConfig
    history: History
    state: str
    """See `History.state`."""
    pid: int | None
    """The training process while it is alive."""

    @classmethod
    def of(cls, run: Run) -> Self:
        """Read a run.

        Raises:
            RunError: its configuration is missing, damaged or of a newer format.
        """
        config = run.config()
        run.check_readable()
        pid = run.process_id()
        running = pid is not None or run.is_running()
        history = reduce(History(), read_events(run))
        return cls(run, config, history, history.state(running), pid)

    @property
    def is_live(self) -> bool:
        """True if the run is being trained."""
        return self.state in LIVE

    @property
    def is_recorded(self) -> bool:
        """True if the loop of a script recorded it."""
        return isinstance(self.config, RecordedConfig)

    @property
    def planned(self) -> int:
        """The planned number of epochs; 0 if a recorded run does not name it."""
        return self.history.planned or planned_epochs(self.config)

    @property
    def listed(self) -> RunEntry:
        """The run as `mnistop runs` lists it."""
        overview = Overview.of_run(self.run, self.config, self.history)
        return RunEntry(self.run, overview, self.state, self.pid, self.run.size())
