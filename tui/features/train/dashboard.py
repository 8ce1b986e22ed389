"""The dashboard: its panes in the room there is."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from textual import on
from textual.containers import Container
from textual.geometry import Size

from mnistop.engine.analysis.coach import advise
from mnistop.engine.config import RunConfig
from mnistop.engine.runs.history import History, as_of
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.train.charts import Charts
from mnistop.tui.features.train.coach import Coach, Controls
from mnistop.tui.features.train.epochs import EpochLog
from mnistop.tui.features.train.hyperparameters import Hyperparameters
from mnistop.tui.features.train.images import Confusion, Digit
from mnistop.tui.session.state import State
from mnistop.tui.text.run_lines import epoch_name
from mnistop.tui.toolkit.inputs import ValueInput
from mnistop.tui.toolkit.pane_host import Mode, Pane, PaneHost

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mnistop.tui.session.session import Session

_LEAST_HEIGHT = 20
"""Rows of a small terminal from which on there are lines for it."""

_METRICS_SECONDS = 0.5
"""The metrics of a recorded run are read this often."""

LEAST = Size(60, 16)
"""Below this nothing can be shown that makes sense."""


def mode_for(size: Size) -> Mode:
    """Return the mode that fits a terminal.

    `wide` shows all panes at once, `medium` charts, log and one of the others, `small` one pane
    at a time.
    """
    if size.width < LEAST.width or size.height < LEAST.height:
        return "too-small"
    if size.width >= 120 and size.height >= 38:
        return "wide"
    if size.width >= 100 and size.height >= 34:
        return "medium"
    return "small"


class Dashboard(PaneHost):
    """The panes of the dashboard, in the order in which Tab goes through them.

    Args:
        terminal: what the terminal can show.
        values: texts of hyperparameters to start the form with.
    """

    def __init__(self, terminal: Terminal, values: Mapping[str, str]) -> None:
        self.form = Hyperparameters(values, terminal)
        self.charts, self.epoch_log = Charts(terminal), EpochLog(terminal)
        self.matrix, self.digit = Confusion(terminal), Digit(terminal)
        self.controls = Controls(terminal)
        self.coach = Coach(terminal, titled=False, id="coach")
        """Below the panes."""
        self._coach_aside = Coach(terminal, titled=True, id="coach-aside")
        """Under the form, where that stands beside the charts."""
        self._advised: tuple[Run | None, int, History] | None = None
        self._metrics_wanted = asyncio.Event()
        """Set when another page of metrics is wanted at once."""
        column = Container(self.form, self._coach_aside, self.controls, id="form-column")
        panes = [
            Pane("Hyperparameters", column, self.form, parts=[ValueInput]),
            Pane("Charts", self.charts, self.charts, always=True),
            Pane("Log", self.epoch_log, self.epoch_log, always=True),
            Pane("Confusion", self.matrix, self.matrix),
            Pane("Digit", self.digit, self.digit),
        ]
        super().__init__(terminal, panes, id="dashboard")

    def mode_for(self, size: Size) -> Mode:
        """Return how many panes fit a terminal of some size."""
        return mode_for(size)

    def fit(self) -> None:
        """Show what fits the terminal, the coach below the panes if there is no room beside."""
        super().fit()
        mode, shown = self.mode, self.active.name
        has_room = self.app.size.height >= _LEAST_HEIGHT and shown in ("Charts", "Log")
        self.coach.display = mode == "medium" or (mode == "small" and has_room)
        self.coach.set_class(mode == "small", "small")

    def show_form(self) -> None:
        """Show the form and give it the keys."""
        self.go_to(self.panes[0])

    def show_charts(self) -> None:
        """Show the charts where only one pane has room and that is the form."""
        if self.mode == "small" and self.active.keys is self.form:
            self.go_to(self.panes[1])

    # Drawing

    def drawings(self, session: Session) -> Iterable[tuple[Callable[[], object], float]]:
        """Return what draws the panes, each with the least seconds between two drawings."""

        def draw_matrix() -> None:
            if self.matrix.display:
                state, found = session.state, session.predictions
                counts = found.matrix(state.shown_epoch + 1) if found else None
                self.matrix.show_epoch(counts, state)

        def draw_digit() -> None:
            if self.digit.display:
                self.digit.follow(session.state, correct(session))

        return [
            (lambda: self.charts.prepare(session.state), 0.5),
            (self.charts.redraw, 0.5),
            (lambda: self.epoch_log.show(session.state), 0.5),
            (draw_matrix, 0.5),
            (draw_digit, 0.25),
            (lambda: self.advise(session.state, session.config), 1.0),
        ]

    def follow_metrics(self, run: Run | None) -> None:
        """Read the metrics of a recorded run as they come, until another one is shown.

        Args:
            run: None if the shown run is not a recorded one.
        """
        self.charts.show_metrics(None)
        self.workers.cancel_group(self, "metrics")
        if run:
            self.run_worker(self._read_metrics(run), group="metrics", exit_on_error=False)

    async def _read_metrics(self, run: Run) -> None:
        from mnistop.tui.features.train.metrics import RunMetrics  # which needs NumPy

        metrics = RunMetrics(run)
        while True:
            self._metrics_wanted.clear()
            self.charts.show_metrics(await asyncio.to_thread(metrics.page, *self.charts.wanted))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._metrics_wanted.wait(), _METRICS_SECONDS)

    @on(Charts.PageWanted)
    def _on_page_wanted(self) -> None:
        self._metrics_wanted.set()

    def advise(self, state: State, config: RunConfig) -> None:
        """Show advice on the run up to the shown epoch, if it or the run is another.

        Args:
            state: the run and the shown epoch.
            config: its hyperparameters.
        """
        run, epochs, history = state.run, state.shown_epoch + 1, state.history
        if self._advised and self._advised[:2] == (run, epochs) and self._advised[2] is history:
            return
        self._advised = run, epochs, history
        history = as_of(history, epochs)
        predictions = None
        if run and epochs and state.class_names:
            from mnistop.engine.runs.predictions import load_predictions  # which needs NumPy

            predictions = load_predictions(run, epochs, len(state.class_names))
        advice = advise(history, config, predictions)
        is_evaluated = history.started and history.started.validation_images
        epoch = epoch_name(epochs - 1) if epochs or is_evaluated else ""
        for coach in (self.coach, self._coach_aside):
            coach.show(advice, epoch)


def correct(session: Session) -> NDArray[np.intp] | None:
    """Return the validation images classified correctly at the shown epoch, if known."""
    found = session.predictions
    return found.correct(session.state.shown_epoch + 1) if found else None
