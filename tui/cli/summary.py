"""A run in a few values, as `mnistop runs` lists it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.config import RunConfig
from engine.history import History, reduce
from engine.runs import Run, read_events


@dataclass(frozen=True)
class Summary:
    """What a run is and how far it has come."""

    run: Run
    config: RunConfig
    history: History
    state: str
    """As `History.state` has it."""
    pid: int | None
    """The training process while it lives."""

    @classmethod
    def of(cls, run: Run) -> Summary:
        """Reads a run.

        Raises:
            RunError: its configuration is missing, damaged or of a newer format.
        """
        config = run.config()
        pid = run.process_id()
        running = pid is not None or run.is_running()
        history = reduce(History(), read_events(run))
        return cls(run, config, history, history.state(running), pid)

    @property
    def is_live(self) -> bool:
        """Whether it is being trained."""
        return self.state in ("starting", "running", "paused")

    def as_json(self) -> dict[str, Any]:
        """What `mnistop runs --json` tells of it; None for what is not known yet."""
        history = self.history
        newest = history.epochs[-1] if history.epochs else None
        return {
            "name": self.run.name,
            "state": self.state,
            "epoch": newest and newest.epoch,
            "epochs": self.config.epochs,
            "pid": self.pid,
            "config": self.config.model_dump(mode="json"),
            "val_acc": newest and newest.val_acc,
            "best_val_acc": history.best and history.best.val_acc,
            "best_epoch": history.best and history.best.epoch,
            "started": history.started and history.started.time,
            "ended": history.ended and history.ended.time,
        }

    def differences(self) -> str:
        """What differs from the notebook's run, as in `lr 0.5, hidden none`."""
        changes = self.config.changes()
        return ", ".join(f"{name} {text}" for name, text in changes.items()) or "as the notebook"
