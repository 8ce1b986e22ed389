"""The coach on the dashboard: where its words stand, and when it reads the curves again."""

from __future__ import annotations

from mnistop.engine.analysis.coach import advise
from mnistop.engine.config import RunConfig
from mnistop.engine.runs.history import History, as_of
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.train.coach import Coach
from mnistop.tui.features.train.dashboard import Dashboard
from mnistop.tui.session.state import State
from mnistop.tui.text.runs import epoch_name

_LEAST_HEIGHT = 20
"""Rows of a small terminal from which on there are lines for it."""


class Coaching:
    """The coach's words, in the one of two places that the terminal has room for.

    Args:
        terminal: what the terminal can show.
    """

    def __init__(self, terminal: Terminal) -> None:
        self.below = Coach(terminal, titled=False, id="coach")
        """Below the panes."""
        self.aside = Coach(terminal, titled=True, id="coach-aside")
        """Under the form, where that stands beside the charts."""
        self._known: tuple[Run | None, History, int] | None = None

    def fit(self, dashboard: Dashboard) -> None:
        """Gives it lines below the panes where it has no place beside the charts."""
        mode, shown = dashboard.mode, dashboard.active.name
        has_room = dashboard.app.size.height >= _LEAST_HEIGHT and shown in ("Charts", "Log")
        self.below.display = mode == "medium" or (mode == "small" and has_room)
        self.below.set_class(mode == "small", "small")

    def read(self, state: State, config: RunConfig) -> None:
        """Has the curves read again, up to the shown epoch, if they or it are others.

        Args:
            state: the run and the shown epoch.
            config: its hyperparameters.
        """
        run, epochs = state.run, state.shown_epoch + 1
        if self._known and self._known[::2] == (run, epochs) and self._known[1] is state.history:
            return
        self._known = (run, state.history, epochs)
        history = as_of(state.history, epochs)
        judgement = None
        if run and epochs and state.class_names:
            from mnistop.engine.runs.predictions import judgement_after  # which needs NumPy

            judgement = judgement_after(run, epochs, len(state.class_names))
        advice = advise(history, config, judgement)
        when = epoch_name(epochs - 1) if history.started else ""
        for coach in (self.below, self.aside):
            coach.show(advice, when)
