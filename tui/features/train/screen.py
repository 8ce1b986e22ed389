"""The dashboard: set, train, watch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container
from textual.message import Message
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget

from mnistop.engine import worker
from mnistop.engine.config import RunConfig
from mnistop.engine.hyperparameters import as_text
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.train.confusion import Confusion
from mnistop.tui.features.train.dashboard import Coaching, Controls, Dashboard
from mnistop.tui.features.train.digit import Digit
from mnistop.tui.features.train.epochs import Charts, EpochLog
from mnistop.tui.features.train.hyperparameters import Hyperparameters
from mnistop.tui.session.progress import LiveRuns, Progress
from mnistop.tui.session.session import GOING, RunSaid, Session, ask_to_train_on
from mnistop.tui.session.state import State
from mnistop.tui.session.view import ScreenWanted, shines_through, write_pane
from mnistop.tui.terminal.faults import FaultTolerant
from mnistop.tui.terminal.scheduler import Scheduler
from mnistop.tui.toolkit.ask import Attempts
from mnistop.tui.toolkit.bars import KeyBar, ScreenBar
from mnistop.tui.toolkit.bindings import (
    IMAGES,
    WRITE,
    ZOOM,
    GivesReasons,
    bindings,
    declared,
    hidden,
    key,
)
from mnistop.tui.toolkit.form_values import ValueInput
from mnistop.tui.toolkit.help import Section
from mnistop.tui.toolkit.pane import LinesPane
from mnistop.tui.toolkit.pane_host import Pane

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_KINDS: dict[str, tuple[type[Widget], ...]] = {
    "Hyperparameters": (Hyperparameters, ValueInput),
    "Charts": (Charts,),
    "Log": (EpochLog,),
    "Confusion": (Confusion,),
    "Digit": (Digit,),
}
"""The panes by their names, in the order in which Tab goes through them."""
_SOMETIMES = ("train", "pause", "stop", "back", "digit", "zoom")
"""Actions that are not always possible."""


class TrainScreen(GivesReasons, FaultTolerant, Screen[None]):
    """All panes of a run that is set, going on, or over.

    Args:
        terminal: what the terminal can show.
        values: texts of hyperparameters to start the form with.
        run: a run to open, or None.
    """

    AUTO_FOCUS = ""

    BINDINGS = bindings(
        "",
        key("train", "r", "train", "Train", "Train with the settings in the form"),
        key("pause", "space", "pause", "Pause", "Pause training, or let it go on"),
        key("stop", "s", "stop", "Stop", "Stop training and save"),
        hidden("resume", "R", "resume", "Resume", "Resume this run, or train a finished one on"),
        key("pane.next", "tab", "pane(1)", "Pane", "The next pane", priority=True),
        key(
            "pane.previous",
            "shift+tab",
            "pane(-1)",
            "Previous pane",
            "The previous pane",
            show=False,
            priority=True,
        ),
        ZOOM,
        IMAGES,
        hidden("digit.following", "n", "digit(1)", "Next digit", "Next digit"),
        hidden("digit.before", "p", "digit(-1)", "Last digit", "Previous digit"),
        WRITE,
        key("back", "escape", "back", "Back", "Leave the full screen, or go to the newest epoch"),
    )

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    """The focused widget; panes draw their own focus, and nothing else has to be sent."""

    def __init__(self, terminal: Terminal, values: dict[str, str], run: Run | None) -> None:
        super().__init__()
        self._terminal = terminal
        self._to_open = run
        self.session = Session(self, self)
        self._attempts = Attempts(self, terminal, self.on_session_changed)
        self._possible: frozenset[str] = frozenset()
        self._form = Hyperparameters(values, terminal)
        self._charts = Charts(terminal)
        self._log = EpochLog(terminal)
        self._matrix = Confusion(terminal)
        self._digit = Digit(terminal)
        self._progress = Progress(terminal, id="progress")
        self._coaching = Coaching(terminal)
        self._controls = Controls(terminal)
        column = Container(self._form, self._coaching.aside, self._controls, id="form-column")
        widgets = (column, self._charts, self._log, self._matrix, self._digit)
        self._panes = [
            Pane(name, widget, widget, always=name in ("Charts", "Log"))
            for name, widget in zip(_KINDS, widgets, strict=True)
        ]
        self._panes[0] = self._panes[0]._replace(keys=self._form)
        self._dashboard = Dashboard(terminal, self._panes)

    def compose(self) -> ComposeResult:
        """The tree; where the panes are is up to the dashboard."""
        yield ScreenBar(self._terminal, "train")
        yield LiveRuns(lambda: not self.session.is_training)
        yield self._dashboard
        yield self._coaching.below
        yield self._progress
        yield KeyBar(self._terminal)

    def on_mount(self) -> None:
        """Starts with the form, nothing being edited."""
        self._dashboard.go_to(self._panes[0])
        self._scheduler = Scheduler(self)
        self._scheduler.add(self._draw_progress, 0.25, cheap=True)
        for draw, seconds in (
            (self._prepare_charts, 0.5),
            (self._charts.redraw, 0.5),
            (self._draw_log, 0.5),
            (self._draw_matrix, 0.5),
            (self._draw_digit, 0.25),
            (self._draw_coach, 1.0),
        ):
            self._scheduler.add(draw, seconds)
        if self._to_open:
            self.session.watch(self._to_open)
        self.on_session_changed()
        self._scheduler.finish()

    def on_screen_resume(self) -> None:
        """Catches up with what happened while another screen was shown."""
        self.on_session_changed()
        self._scheduler.finish()

    @property
    def is_current(self) -> bool:
        """Whether the dashboard can be seen."""
        return super().is_current and shines_through(self)

    @property
    def state(self) -> State:
        """What is shown."""
        return self.session.state

    @property
    def config(self) -> RunConfig | None:
        """What the form holds; None while a value in it is wrong."""
        return self._form.config

    def set_rate(self, text: str) -> None:
        """Takes up a learning rate, for the next run if one is going on."""
        self._form.set_values({"lr": text})
        self._form.point_at("lr")
        self._dashboard.go_to(self._panes[0])
        when = "for the next run" if self._form.locked else "r trains with it"
        self.notify(f"The learning rate in the form is {text}: {when}.", markup=False)

    # Layout

    def on_resize(self, event: events.Resize) -> None:
        """Finds the arrangement that fits."""
        self._dashboard.fit()
        self._coaching.fit(self._dashboard)

    @on(Dashboard.Rearranged)
    def _on_rearranged(self) -> None:
        self._coaching.fit(self._dashboard)
        self.on_session_changed()

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
        """The run, the epoch of it that is looked at, or what is to be said, has changed."""

        state: State
        status: str

    @dataclass
    class Ended(Message):
        """The run that is shown has come to its end just now."""

        run: Run

    @on(Confusion.CellChosen)
    def _on_cell_chosen(self, message: Confusion.CellChosen) -> None:
        from mnistop.engine.analysis.image_filters import as_word

        names = [as_word(name) for name in self._matrix.names]
        words = [
            f"true:{names[message.true]}" if message.true is not None else "",
            f"pred:{names[message.predicted]}" if message.predicted is not None else "",
        ]
        self.post_message(ScreenWanted("mistakes", " ".join(filter(None, [*words, "all"]))))

    # The run

    def action_train(self) -> None:
        """Starts a run with what the form holds."""
        if config := self._form.config:
            self.session.train(config)
        else:
            self.notify(" ".join(self._form.problems.values()), severity="error", markup=False)

    def action_pause(self) -> None:
        """Pauses the run, or lets it go on."""
        self.session.pause_or_go_on()

    def action_stop(self) -> None:
        """Asks the run to stop and save."""
        self.session.stop()

    def action_resume(self) -> None:
        """Goes on with the run that is shown, or asks how far to train a finished one on."""
        if not (run := self.state.run):
            return
        if self.state.phase == "finished":
            epochs = len(self.state.history.epochs)
            ask_to_train_on(self._attempts, self._terminal, run, run.words, epochs)
        else:
            self._attempts.resume(lambda: worker.resume(run))
            self.notify(f"Resuming {run.words}", markup=False)

    def on_session_opened(self, config: RunConfig) -> None:
        """Shows the run's hyperparameters, and the charts where only one pane has room."""
        self._form.set_values({name: as_text(value) for name, value in config})
        self._form.show_run(config)
        form, charts, *_ = self._panes
        if self._dashboard.mode == "small" and self._dashboard.active is form:
            self._dashboard.go_to(charts)
        self._digit.forget()

    def on_session_refused(self, problems: dict[str, str]) -> None:
        """Says beside the fields what is wrong."""
        for name, sentence in problems.items():
            self._form.show_problem(name, sentence)

    def on_session_ended(self, run: Run) -> None:
        """Hands it on."""
        self.post_message(self.Ended(run))

    def on_session_changed(self) -> None:
        """Shows at once what a person has asked for, or waits for."""
        if self.is_mounted:
            self._tell_others()
            self._scheduler.changed(urgent=True)

    @on(RunSaid)
    def _on_run_said(self, message: RunSaid) -> None:
        epochs = self.session.config.epochs
        is_new = self.session.hear(message)
        config = self.session.config
        if config.epochs != epochs:
            self._form.set_values({"epochs": as_text(config.epochs)})
        if not self.session.is_training:
            self._form.unlock()
        elif not self._form.locked or config.epochs != epochs:  # it was resumed
            self._form.show_run(config)
        self._tell_others()
        self._scheduler.changed(urgent=is_new)

    def _tell_others(self) -> None:
        """What can be done, and what is looked at, by those that are not drawn here."""
        self.post_message(self.Shown(self.state, self.session.status))
        possible = frozenset(action for action in _SOMETIMES if self.check_action(action, ()))
        if possible != self._possible:
            self._possible = possible
            self._controls.show(possible)
            self.refresh_bindings()

    @on(Hyperparameters.Changed)
    def _on_form_changed(self) -> None:
        self.session.error = ""
        self.on_session_changed()

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Give the reason why an action is impossible now."""
        match action:
            case "train" if self.session.is_training:
                return "A run is being trained: s stops it, and then r trains the next one."
            case "resume" if self.state.run is None:
                return "No run is shown: r trains one, and 6 lists those that there are."
            case "resume" if self.session.is_training:
                return "This run is in training already."
            case "resume" if getattr(self.state.history.ended, "diverged", False):
                return (
                    f"{self.state.run.words if self.state.run else ''} diverged, and would again."
                )
            case "stop" | "pause" if self.state.phase not in GOING:
                return "Nothing is being trained."
            case "back" if not self._dashboard.zoomed and self.state.cursor is None:
                return "All is at the newest epoch here, and Esc never quits: q does."
            case "digit" if self.session.predictions is None:
                return f"There is no image yet: {self.state.hint}."
            case "zoom" if not self._dashboard.can_zoom:
                return "This pane has all the room already; Tab goes to the next one."
        return ""

    # Looking at an epoch

    def move_cursor(self, by: int) -> None:
        """Moves the epoch that is looked at."""
        self.session.look(self.state.moved(by))

    def action_back(self) -> None:
        """Back from the full-screen pane, then from an epoch to the newest."""
        if self._dashboard.zoomed:
            self._dashboard.zoom()
            self.on_session_changed()
        else:
            self.session.look(self.state.live())

    def action_digit(self, by: int) -> None:
        """Show another validation image that is classified correctly."""
        self._digit.follow(self.state, self._right())
        self._digit.action_step(by)

    def action_image_mode(self) -> None:
        """Takes the next way of drawing images."""
        self._digit.next_mode()
        if not (self._digit.display and self._digit.answer):
            from mnistop.tui.draw.image import mode_words

            self.notify(mode_words(self._digit.mode))

    def action_write(self) -> None:
        """Writes the focused pane as text."""
        pane = self._dashboard.active.widget
        if not isinstance(pane, LinesPane):
            self.notify("Go to a pane with Tab: charts, log, confusion matrix or digit.")
        else:
            write_pane(self, self.state.run, pane)

    # Drawing

    def _draw_progress(self) -> None:
        self._progress.show(self.state, self.session.words)

    def _prepare_charts(self) -> None:
        self._charts.prepare(self.state)

    def _draw_log(self) -> None:
        self._log.show(self.state)

    def _draw_matrix(self) -> None:
        if not self._matrix.display:
            return
        state, predictions = self.state, self.session.predictions
        matrix = predictions.matrix(state.shown_epoch + 1) if predictions else None
        if matrix is None:
            self._matrix.clear(state.hint)
        else:
            self._matrix.show(matrix, state.class_names, state.shown_epoch)

    def _draw_digit(self) -> None:
        if self._digit.display:
            self._digit.follow(self.state, self._right())

    def _right(self) -> NDArray[np.intp] | None:
        """The validation images that are predicted rightly at the shown epoch, if known."""
        if self.session.predictions is None:
            return None
        return self.session.predictions.correct(self.state.shown_epoch + 1)

    def _draw_coach(self) -> None:
        self._coaching.read(self.state, self.session.config)
