"""The dashboard: set, train, watch."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from engine import worker
from engine.coach import advise
from engine.config import RunConfig, as_text
from engine.errors import ConfigError, DataError, MnistopError
from engine.filters import as_word
from engine.judgement import judgement_after
from engine.runs import Run
from tui import state as states
from tui.digit_questions import DigitQuestions
from tui.feed import RunSaid, feed
from tui.keymap import declared
from tui.layout import LEAST
from tui.panes.charts import Charts
from tui.panes.coach import Coach
from tui.panes.confusion import Confusion
from tui.panes.controls import Controls
from tui.panes.dashboard import Dashboard, Pane
from tui.panes.digit import Digit
from tui.panes.epoch_log import EpochLog
from tui.panes.hyperparameters import Hyperparameters
from tui.panes.key_bar import KeyBar
from tui.panes.lines import LinesPane
from tui.panes.progress import Progress
from tui.panes.value_input import ValueInput
from tui.predictions import Predictions
from tui.render.terminal import Terminal
from tui.screens.help import Section
from tui.state import State

_KINDS: dict[str, tuple[type[Widget], ...]] = {
    "Hyperparameters": (Hyperparameters, ValueInput),
    "Charts": (Charts,),
    "Log": (EpochLog,),
    "Confusion": (Confusion,),
    "Digit": (Digit,),
}
"""The panes by their names, in the order in which Tab goes through them."""
_GOING = ("starting", "running", "paused")
_COACH_SECONDS = 1.0
"""The coach speaks this often at most."""
_COACH_HEIGHT = 20
"""Rows of a small terminal from which on the coach has its lines there."""
_SOMETIMES = ("train", "pause", "stop", "back", "digit", "zoom")
"""Actions that are not always possible."""


class TrainScreen(Screen[None]):
    """All panes of a run that is set, going on, or over.

    Args:
        terminal: what the terminal can show.
        values: texts of hyperparameters to start the form with.
        run: a run to open, or None.
        frames: redraws a second, at most.
    """

    AUTO_FOCUS = ""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "train", "Train", id="train", tooltip="Train with what the form holds"),
        Binding("space", "pause", "Pause", id="pause", tooltip="Pause training, or let it go on"),
        Binding("s", "stop", "Stop", id="stop", tooltip="Stop training and save"),
        Binding("tab", "pane(1)", "Pane", id="pane.next", tooltip="The next pane", priority=True),
        Binding(
            "shift+tab",
            "pane(-1)",
            "Previous pane",
            show=False,
            id="pane.previous",
            tooltip="The previous pane",
            priority=True,
        ),
        Binding("z", "zoom", "Zoom", id="zoom", tooltip="The focused pane alone, and back"),
        Binding("v", "image_mode", "Draw", show=False, id="images", tooltip="How images are drawn"),
        Binding(
            "n", "digit(1)", "Next digit", show=False, id="digit.following", tooltip="Next digit"
        ),
        Binding(
            "p", "digit(-1)", "Last digit", show=False, id="digit.before", tooltip="Previous digit"
        ),
        Binding(
            "w",
            "write",
            "Write",
            show=False,
            id="write",
            tooltip="Write the focused pane to a text file in this folder",
        ),
        Binding(
            "escape",
            "back",
            "Back",
            id="back",
            tooltip="Out of the full-screen pane, or to the newest epoch",
        ),
    ]

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    """The focused widget; panes draw their own focus, and nothing else has to be sent."""

    def __init__(
        self, terminal: Terminal, values: dict[str, str], run: Run | None, frames: float
    ) -> None:
        super().__init__()
        self._terminal = terminal
        self._frames = frames
        self._to_open = run
        self._state = State()
        self._predictions: Predictions | None = None
        self._notice = ""
        self._launching = False
        self._after_launch: Callable[[], object] | None = None
        self._after_end: Callable[[], object] | None = None
        self._possible: frozenset[str] = frozenset()
        self._warm = False
        self._dirty = True
        self._form = Hyperparameters(values, ascii=not terminal.unicode)
        self._charts = Charts(terminal)
        self._log = EpochLog(terminal)
        self._matrix = Confusion(terminal)
        self._digit = Digit(terminal)
        self._progress = Progress(terminal, id="progress")
        self._coach = Coach(terminal, titled=False, id="coach")
        self._coach_aside = Coach(terminal, titled=True, id="coach-aside")
        self._coached: State | None = None
        self._run_config = RunConfig()
        self._controls = Controls(terminal)
        self._too_small = Static(id="too-small", markup=False)
        column = Container(self._form, self._coach_aside, self._controls, id="form-column")
        widgets = (column, self._charts, self._log, self._matrix, self._digit)
        self._panes = [
            Pane(name, widget, widget, always=name in ("Charts", "Log"))
            for name, widget in zip(_KINDS, widgets, strict=True)
        ]
        self._panes[0] = self._panes[0]._replace(keys=self._form)
        self._dashboard = Dashboard(terminal, self._panes)
        self._questions = DigitQuestions(self._digit)

    def compose(self) -> ComposeResult:
        """The tree; where the panes are is up to the dashboard."""
        yield self._dashboard
        yield self._coach
        yield self._progress
        yield self._too_small
        yield KeyBar(self._terminal)

    def on_mount(self) -> None:
        """Starts with the form, nothing being edited."""
        self._dashboard.go_to(self._panes[0])
        self.set_interval(1 / self._frames, self._draw_if_dirty)
        self.set_interval(max(_COACH_SECONDS, 1 / self._frames), self._coach_if_new)
        self.run_worker(self._warm_up(), group="warm", exit_on_error=False)
        if self._to_open:
            self.watch_run(self._to_open)
        self._draw()
        self._coach_if_new()

    @property
    def state(self) -> State:
        """What is shown."""
        return self._state

    @property
    def config(self) -> RunConfig | None:
        """What the form holds; None while a value in it is wrong."""
        return self._form.config

    @property
    def is_training(self) -> bool:
        """Whether the shown run is going on, or a new one is being started."""
        return self._launching or self._state.phase in _GOING

    # Layout

    def on_resize(self, event: events.Resize) -> None:
        """Finds the arrangement that fits."""
        self._dashboard.fit()
        self._fit_coach()
        self._too_small.update(
            f"The terminal has {self.app.size.width}×{self.app.size.height} cells; mnistop "
            f"needs {LEAST.width}×{LEAST.height}. Training is not affected."
        )

    @on(Dashboard.Rearranged)
    def _on_rearranged(self) -> None:
        mode = self._dashboard.mode
        self.set_class(mode == "too-small", "too-small")
        self._fit_coach()
        self._changed()

    def _fit_coach(self) -> None:
        """Gives the coach lines below the panes where it has no place beside the charts."""
        mode, shown = self._dashboard.mode, self._dashboard.active.name
        has_room = self.app.size.height >= _COACH_HEIGHT and shown in ("Charts", "Log")
        self._coach.display = mode == "medium" or (mode == "small" and has_room)
        self._coach.set_class(mode == "small", "small")

    def action_pane(self, by: int) -> None:
        """Goes to the next or previous pane."""
        self._dashboard.step(by)

    def action_zoom(self) -> None:
        """The focused pane alone, and back."""
        self._dashboard.zoom()

    def sections(self) -> list[Section]:
        """What each pane is for and its keys, for the help; the focused pane first."""
        sections = [
            Section(name, getattr(pane, "EXPLANATION", ""), declared(pane, *parts))
            for name, (pane, *parts) in _KINDS.items()
        ]
        first = self._panes.index(self._dashboard.active)
        return sections[first:] + sections[:first]

    @dataclass
    class Shown(Message):
        """The run, or the epoch of it that is looked at, has changed."""

        state: State

    @dataclass
    class ImagesWanted(Message):
        """The validation images that pass a filter shall be shown, of the epoch looked at."""

        filter: str

    @on(Confusion.CellChosen)
    def _on_cell_chosen(self, message: Confusion.CellChosen) -> None:
        names = [as_word(name) for name in self._matrix.names]
        words = [
            f"true:{names[message.true]}" if message.true is not None else "",
            f"pred:{names[message.predicted]}" if message.predicted is not None else "",
        ]
        self.post_message(self.ImagesWanted(" ".join(filter(None, [*words, "all"]))))

    # Running

    async def _warm_up(self) -> None:
        await worker.warmed_up()
        self._warm = True
        self._changed()

    def action_train(self) -> None:
        """Starts a run with what the form holds."""
        config = self._form.config
        if config is None:
            self.notify(" ".join(self._form.problems.values()), severity="error", markup=False)
        else:
            self._launching = True
            self._draw()
            self.run_worker(self._launch(config), group="launch", exit_on_error=False)

    async def _launch(self, config: RunConfig) -> None:
        self._notice = ""
        try:
            run = await asyncio.to_thread(worker.launch, config)
        except ConfigError as error:
            for name, sentence in error.problems.items():
                self._complain(name, sentence)
        except DataError as error:
            self._complain("source", str(error))
        except MnistopError as error:
            self._notice = str(error)
        else:
            self.watch_run(run)
        finally:
            self._launching = False
            self._changed()
            if self._after_launch:
                self._after_launch()

    def _complain(self, name: str, sentence: str) -> None:
        self._form.show_problem(name, sentence)
        self._notice = sentence

    def watch_run(self, run: Run) -> None:
        """Shows a run from its beginning, and what it says from now on.

        Args:
            run: a run, going on or over.
        """
        try:
            config = run.config()
        except MnistopError as error:
            self._notice = str(error)
            return
        self._form.set_values({name: as_text(value) for name, value in config})
        self._form.show_run(config)
        form, charts, *_ = self._panes
        if self._dashboard.mode == "small" and self._dashboard.active is form:
            self._dashboard.go_to(charts)
        self._predictions = None
        self._run_config = config
        self._state = states.watching(run, config)
        self._questions.forget()
        self.run_worker(feed(run, self), group="feed", exclusive=True, exit_on_error=False)

    def action_stop(self) -> None:
        """Asks the run to stop and save."""
        self._tell(worker.stop)

    def leave_then(self, then: Callable[[], object]) -> None:
        """Does something, but not before a run that is being started is there."""
        if self._launching:
            self._after_launch = then
        else:
            then()

    def stop_then(self, then: Callable[[], object]) -> None:
        """Stops the run and does something once it has saved."""
        self.leave_then(lambda: self._stop_then(then))

    def _stop_then(self, then: Callable[[], object]) -> None:
        if self.is_training:
            self._after_end = then
            self.action_stop()
        else:
            then()

    def action_pause(self) -> None:
        """Pauses the run, or lets it go on."""
        self._tell(worker.resume if self._state.phase == "paused" else worker.pause)

    def _tell(self, what: Callable[[Run], None]) -> None:
        if run := self._state.run:
            try:
                what(run)
            except MnistopError as error:
                self.notify(str(error), severity="error", markup=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leaves out what is not possible now."""
        match action:
            case "train":
                return not self.is_training
            case "stop" | "pause":
                return self._state.phase in _GOING
            case "back":
                return self._dashboard.zoomed or self._state.cursor is not None
            case "digit":
                return self._predictions is not None
            case "zoom":
                return self._dashboard.can_zoom
        return True

    # What the run says

    @on(RunSaid)
    def _on_run_said(self, message: RunSaid) -> None:
        if message.run != self._state.run:
            return
        before = self._state
        self._state = states.reduce(before, message.events)
        self._dirty = True
        if self._predictions is None and (started := self._state.history.started):
            self._predictions = Predictions(message.run, len(started.class_names))
        if not self.is_training:
            self._form.unlock()
        if self._state.phase != before.phase or not before.history.epochs:
            self._draw_if_dirty()
            self._coach_if_new()
        if self._after_end and not self.is_training:
            self._after_end()

    @on(Worker.StateChanged)
    def _on_worker_state_changed(self, message: Worker.StateChanged) -> None:
        if message.state == WorkerState.ERROR:
            error = message.worker.error
            self._notice = f"This is a fault of the program, {type(error).__name__}: {error}"
            self._changed()

    @on(Hyperparameters.Changed)
    def _on_form_changed(self) -> None:
        self._notice = ""
        self._changed()

    # Looking at an epoch

    @on(Charts.CursorMoved)
    @on(EpochLog.CursorMoved)
    def _on_cursor_moved(self, message: Charts.CursorMoved | EpochLog.CursorMoved) -> None:
        self.move_cursor(message.by)

    def move_cursor(self, by: int) -> None:
        """Moves the epoch that is looked at."""
        self._state = self._state.moved(by)
        self._changed()

    def action_back(self) -> None:
        """Back from the full-screen pane, then from an epoch to the newest."""
        if self._dashboard.zoomed:
            self._dashboard.zoom()
        else:
            self._state = self._state.live()
        self._changed()

    @on(Digit.ImageStepped)
    def _on_image_stepped(self, message: Digit.ImageStepped) -> None:
        self.action_digit(message.by)

    def action_digit(self, by: int) -> None:
        """Shows another validation image that is predicted rightly."""
        right = self._right()
        if not len(right):
            self.notify("No validation image is predicted rightly here.")
        self._questions.step(by, right)
        self._changed()

    @on(Digit.EpsilonChosen)
    def _on_epsilon_chosen(self) -> None:
        self._changed()

    def action_image_mode(self) -> None:
        """Takes the next way of drawing images."""
        self._digit.next_mode()

    def action_write(self) -> None:
        """Writes the focused pane as text."""
        name, pane, *_ = self._dashboard.active
        if not isinstance(pane, LinesPane):
            self.notify("Go to a pane with Tab: charts, log, confusion matrix or digit.")
            return
        run = self._state.run.name if self._state.run else "no-run"
        path = Path(f"mnistop-{run}-{name.lower()}.txt").absolute()
        try:
            path.write_text(pane.text() + "\n", encoding="utf-8")
        except OSError as error:
            self.notify(f"{path}: {error.strerror}.", severity="error", markup=False)
        else:
            self.notify(f"Written to {path}", markup=False)

    # Drawing

    def _changed(self) -> None:
        self._dirty = True
        self._draw_if_dirty()

    def _draw_if_dirty(self) -> None:
        if self._dirty and self.is_mounted:
            self._draw()

    def _draw(self) -> None:
        self._dirty = False
        state = self._state
        self.post_message(self.Shown(state))
        self._charts.show(state)
        self._log.show(state)
        self._progress.show(state, self._words())
        if self._matrix.display:
            self._draw_matrix()
        if self._digit.display:
            self._questions.want(state, self._right())
        possible = frozenset(action for action in _SOMETIMES if self.check_action(action, ()))
        if possible != self._possible:
            self._possible = possible
            self._controls.show(possible)
            self.refresh_bindings()

    def _coach_if_new(self) -> None:
        """Lets the coach read the curves again if they are others."""
        state, before = self._state, self._coached
        if before and before.run == state.run and before.history is state.history:
            return
        self._coached = state
        history, judgement = state.history, None
        if state.run and history.started and history.epochs:
            classes = len(history.started.class_names)
            judgement = judgement_after(state.run, len(history.epochs), classes)
        advice = advise(history, self._run_config, judgement)
        for coach in (self._coach, self._coach_aside):
            coach.show(advice, len(history.epochs) - 1)

    def _words(self) -> str:
        if self._launching:
            return (
                "Checking the data and starting"
                if self._warm
                else "Warming up: PyTorch is loading; training starts by itself in a moment"
            )
        if self._notice:
            return self._notice
        if self._state.run is None:
            loading = "" if self._warm else " (PyTorch is loading meanwhile)"
            return f"Press r to train with these settings, ? for help{loading}"
        return ""

    def _right(self) -> NDArray[np.intp]:
        """The validation images that are predicted rightly at the shown epoch."""
        if self._predictions is None:
            return np.empty(0, np.intp)
        return self._predictions.right(self._state.shown_epoch + 1)

    def _draw_matrix(self) -> None:
        state = self._state
        started, predictions = state.history.started, self._predictions
        matrix = predictions.matrix(state.shown_epoch + 1) if predictions else None
        if started is None or matrix is None:
            self._matrix.clear(state.hint)
        else:
            self._matrix.show(matrix, tuple(started.class_names), state.shown_epoch)
