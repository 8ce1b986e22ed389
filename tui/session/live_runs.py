"""The line on top of the first screen: what is being trained, and how to watch it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from textual.widgets import Static
from textual.worker import Worker

from mnistop.engine.errors import RunError
from mnistop.engine.runs.glance import epochs_trained, in_training
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.terminal.fault_tolerant import FaultTolerant

_LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class Going:
    """A run in training, as far as it is."""

    run: Run
    epochs: int
    """Finished ones."""
    planned: int


class LiveRuns(FaultTolerant, Static):
    """Shows itself while there are runs in training and none of them is watched.

    Args:
        wanted: says whether anybody wants to know of them.
    """

    def __init__(self, wanted: Callable[[], bool]) -> None:
        super().__init__(id="live-runs", markup=False)
        self.display = False
        self.newest: Run | None = None
        """The run to watch, while the line is shown."""
        self._wanted = wanted

    def on_mount(self) -> None:
        """Looks for runs now and every second."""
        self.every(_LOOK_SECONDS, self.look)
        self.look()

    async def on_click(self) -> None:
        """Watches the run that is in training."""
        await self.app.run_action("watch")

    def look(self) -> None:
        """Looks for runs, unless nobody wants to know."""
        if self._wanted():
            self.run_worker(self._look(), group="live", exclusive=True, exit_on_error=False)
        else:
            self._show([])

    def _on_worker_state_changed(self, message: Worker.StateChanged) -> None:
        """Does not tell of each look that fails: the next one follows at once."""
        message.prevent_default()

    async def _look(self) -> None:
        going = await asyncio.to_thread(_what_is_going_on)
        self._show(going if self._wanted() else [])

    def _show(self, going: list[Going]) -> None:
        before, self.newest = self.newest, going[0].run if going else None
        self.display = bool(going)
        if going:
            self.update(_sentence(going))
        if before != self.newest:
            self.app.screen.refresh_bindings()


def _what_is_going_on() -> list[Going]:
    found = []
    for run in in_training():
        try:
            found.append(Going(run, epochs_trained(run), run.config().epochs))
        except RunError:
            continue
    return found


def _sentence(going: list[Going]) -> str:
    newest, *others = going
    name = newest.run.words
    more = f", {len(others)} more in training" if others else ""
    return (
        f"Run {name} is training (epoch {newest.epochs:,} of {newest.planned:,}{more}): "
        "press o to watch it"
    )
