"""A run and its whole history, as the commands tell of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mnistop.engine.config import RunConfig
from mnistop.engine.history import History, reduce
from mnistop.engine.overview import LIVE, Listed, Overview
from mnistop.engine.runs import Run
from mnistop.engine.storage.event_tail import read_events


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
        run.check_readable()
        pid = run.process_id()
        running = pid is not None or run.is_running()
        history = reduce(History(), read_events(run))
        return cls(run, config, history, history.state(running), pid)

    @property
    def is_live(self) -> bool:
        """Whether it is being trained."""
        return self.state in LIVE

    @property
    def listed(self) -> Listed:
        """The run as `mnistop runs` lists it."""
        overview = Overview.of(self.run, self.config, self.history)
        return Listed(self.run, overview, self.state, self.pid, self.run.size())

    def as_json(self) -> dict[str, Any]:
        """What `mnistop runs --json` tells of it; None for what is not known yet."""
        return self.listed.as_json()

    def differences(self) -> str:
        """What differs from the notebook's run, as in `lr 0.5, hidden none`."""
        return self.listed.differences()
