"""The dashboard: its panes in the room there is, buttons for the mouse, and the coach."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual import events, on
from textual.containers import Container
from textual.geometry import Size
from textual.strip import Strip as TextualStrip

from mnistop.engine.analysis.coach import Advice, advise
from mnistop.engine.config import RunConfig
from mnistop.engine.runs.history import History, as_of
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Strip, clean, flow, line, unbroken
from mnistop.tui.draw.palette import Palette
from mnistop.tui.features.train.charts import Charts
from mnistop.tui.features.train.epochs import EpochLog
from mnistop.tui.features.train.hyperparameters import Hyperparameters
from mnistop.tui.features.train.images import Confusion, Digit
from mnistop.tui.session.state import State
from mnistop.tui.terminal.faults import FaultTolerantWidget
from mnistop.tui.text.run_lines import epoch_name
from mnistop.tui.toolkit.inputs import ValueInput
from mnistop.tui.toolkit.pane import LinesPane, textual_strip
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


class Controls(FaultTolerantWidget):
    """One line of words to click on.

    Args:
        terminal: what the terminal can show.
    """

    _WORDS: ClassVar[dict[str, str]] = {
        "train": "[r] Train",
        "pause": "[Space] Pause",
        "stop": "[s] Stop",
    }

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(id="controls")
        self._palette = Palette.of(terminal)
        self._possible: frozenset[str] = frozenset()

    def show(self, possible: frozenset[str]) -> None:
        """Draw what is possible as such.

        Args:
            possible: some of `train`, `pause` and `stop`.
        """
        if possible != self._possible:
            self._possible = possible
            self.refresh()

    def render_line(self, y: int) -> TextualStrip:
        """The line for Textual's compositor."""
        pieces = []
        for action, word in self._WORDS.items():
            possible = action in self._possible
            pieces.append((word, self._palette.strong if possible else self._palette.muted))
            pieces.append((" ", self._palette.muted))
        return textual_strip(line(pieces, self.size.width), self.rich_style)

    async def on_click(self, event: events.Click) -> None:
        """Act on what was clicked."""
        end = 0
        for action, word in self._WORDS.items():
            end += len(word) + 1
            if event.x < end:
                if action in self._possible:
                    await self.run_action(f"screen.{action}")
                return


_LEAST, _MOST = 2, 10
"""Lines below the title."""
_NOTHING = Advice("waiting", "")


class Coach(LinesPane):
    """The coach's advice on the shown epoch, on as many lines as there are.

    Args:
        terminal: what the terminal can show.
        titled: whether a title line stands above; else the text begins with the title.
        id: the widget's id.
    """

    def __init__(self, terminal: Terminal, titled: bool, *, id: str | None = None) -> None:
        super().__init__(terminal, id=id)
        self._titled = titled
        self._advice = _NOTHING
        self._epoch = ""

    def show(self, advice: Advice, epoch: str) -> None:
        """Draw advice.

        Args:
            advice: on the run.
            epoch: the shown epoch, as in `epoch 5`; empty before there is a model.
        """
        self._advice, self._epoch = advice, epoch
        self.on_resize()
        self.redraw()

    def on_resize(self) -> None:
        """Leave the spare lines of a short title to the form above."""
        if self._titled and self.size.width:
            self.set_height(1 + max(_LEAST, len(self.lines(self.size.width, _MOST))))

    def title(self) -> str:
        """The coach, and the epoch that the advice is on."""
        return f"Coach, {self._epoch}" if self._epoch else "Coach"

    def lines(self, width: int, height: int) -> list[Strip]:
        """The sentence, and the remedy so that it stands out."""
        advice = self._advice
        if not advice.sentence:
            return []
        sentence = clean(advice.sentence, self.terminal)
        remedy = clean(f" {advice.remedy}".rstrip(), self.terminal)
        parts = [
            (self._opening(len(sentence + remedy), width * height), self.palette.muted),
            (sentence, None),
            (remedy, self.palette.strong),
        ]
        rows = flow(unbroken(parts), width, " ")
        drawn = [line(row, width) for row in rows[:height]]
        if 0 < height < len(rows):
            cells = min(sum(cell_len(text) for text, _ in rows[height - 1]), width - 2)
            mark = line([("…" if self.terminal.unicode else "~", None)], width - cells)
            drawn[-1] = Strip.join([drawn[-1].crop(0, cells), mark])
        return drawn

    def _opening(self, length: int, room: int) -> str:
        """Return the words before the text where it has no title, few where room is short."""
        if self._titled:
            return ""
        opening = f"{self.title()}: "
        return opening if len(opening) + length <= room or not self._epoch else f"{self._epoch}: "

    def _draw(self) -> list[Strip]:
        if self._titled:
            return super()._draw()
        width, height = self.size
        drawn = self.lines(width, height)
        return [strip.adjust_cell_length(width) for strip in drawn]
