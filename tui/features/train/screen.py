"""The dashboard: set, train, watch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from textual import events, on
from textual.app import ComposeResult
from textual.message import Message

from mnistop.engine.config import RunConfig
from mnistop.engine.hyperparameters import as_text
from mnistop.engine.runs.recorded import RecordedConfig, as_run_config
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.train.dashboard import Dashboard, correct
from mnistop.tui.features.train.hyperparameters import Hyperparameters
from mnistop.tui.session.progress import LiveRuns
from mnistop.tui.session.replay import ReplayPlayer, why_no_replay
from mnistop.tui.session.run_screen import RunScreen, ScreenWanted, write_pane
from mnistop.tui.session.session import GOING, RunEvents, Session, resume
from mnistop.tui.session.state import State
from mnistop.tui.toolkit.background import BackgroundTasks
from mnistop.tui.toolkit.bars import KeyBar, ScreenBar
from mnistop.tui.toolkit.bindings import IMAGES, REPLAY, WRITE, ZOOM, bindings, hidden, key
from mnistop.tui.toolkit.dialogs import Section
from mnistop.tui.toolkit.pane import LinesPane

_SOMETIMES = ("train", "pause", "stop", "replay", "back", "digit", "zoom")
"""Actions that are not always possible."""


class TrainScreen(RunScreen):
    """The dashboard: a run is set up, trained and watched.

    Args:
        terminal: what the terminal can show.
        values: texts of hyperparameters to start the form with.
        run: a run to open, or None.
    """

    AUTO_FOCUS = ""

    BINDINGS = bindings(
        "",
        key("train", "r", "train", "Train", "Train with the settings in the form"),
        key("pause", "space", "pause", "Pause", "Pause or continue training"),
        key("stop", "s", "stop", "Stop", "Stop training and save"),
        hidden("resume", "R", "resume", "Resume", "Resume this run, or train a finished one on"),
        REPLAY,
        hidden("code", "C", "code", "Code", "These settings as a PyTorch script or notebook"),
        key("pane.next", "tab", "pane(1)", "Pane", "The next pane", priority=True),
        hidden(
            "pane.previous", "shift+tab", "pane(-1)", "Previous", "The pane before", priority=True
        ),
        ZOOM,
        IMAGES,
        hidden("digit.following", "n", "digit(1)", "Next digit", "Next digit"),
        hidden("digit.before", "p", "digit(-1)", "Last digit", "Previous digit"),
        WRITE,
        key("back", "escape", "back", "Back", "Leave the full screen, or go to the newest epoch"),
    )

    def __init__(self, terminal: Terminal, values: dict[str, str], run: Run | None) -> None:
        super().__init__(terminal)
        self._to_open = run
        self.session = Session(
            self, opened=self._show_opened, refused=self._show_problems, changed=self.show_changes
        )
        self._attempts = BackgroundTasks(self, terminal, self.show_changes)
        self._possible: frozenset[str] = frozenset()
        self.player = ReplayPlayer(self, self.session)
        self._dashboard = Dashboard(terminal, values)
        self._form, self._digit = self._dashboard.form, self._dashboard.digit

    def compose(self) -> ComposeResult:
        """The tree; where the panes are is up to the dashboard."""
        yield ScreenBar(self.terminal, "train")
        yield self.question_bar
        yield LiveRuns(lambda: not self.session.is_training)
        yield self._dashboard
        yield self._dashboard.coach
        yield self._progress
        yield KeyBar(self.terminal)

    def on_mount(self) -> None:
        """Start with the form, nothing being edited."""
        self._dashboard.show_form()
        if self._to_open:
            self.session.watch(self._to_open)

    def on_screen_resume(self) -> None:
        """Catch up with the run, as the base class does with what is drawn."""
        self._tell_others()

    @property
    def state(self) -> State:
        """The shown run and epoch."""
        return self.session.state

    @property
    def config(self) -> RunConfig | None:
        """The configuration in the form; None while a value in it is wrong."""
        return self._form.config

    def set_rate(self, text: str) -> None:
        """Set the learning rate, for the next run if one is training."""
        self._form.set_values({"lr": text})
        self._form.point_at("lr")
        self._dashboard.show_form()
        when = "for the next run" if self._form.locked else "r trains with it"
        self.notify(f"The learning rate in the form is {text}: {when}.", markup=False)

    def show_settings(self, texts: Mapping[str, str]) -> None:
        """Show values in the form, all others as in the notebook."""
        self._form.set_values({**RunConfig().texts(), **texts})
        self._dashboard.show_form()

    def show_pane(self, name: str) -> None:
        """Go to a pane, by its name."""
        self._dashboard.go_to_name(name)

    def show_epoch(self, epoch: int | None) -> None:
        """Move the shown epoch: -1 for the untrained model, None for the newest."""
        self.session.look(replace(self.state, cursor=epoch, replay=""))

    # Layout

    def on_resize(self, event: events.Resize) -> None:
        """Find the arrangement that fits."""
        self._dashboard.fit()

    @on(Dashboard.Rearranged)
    def _on_rearranged(self) -> None:
        self.show_changes()

    def action_pane(self, by: int) -> None:
        """Go to the next or previous pane."""
        self._dashboard.step(by)

    def action_zoom(self) -> None:
        """The focused pane alone, and back."""
        self._dashboard.zoom()

    def sections(self) -> list[Section]:
        """Return each pane's purpose and keys, for the help; the focused pane first."""
        return self._dashboard.sections()

    @dataclass
    class Shown(Message):
        """The run, its shown epoch or the status has changed."""

        state: State
        status: str

    # The run

    def action_train(self) -> None:
        """Start a run with what the form holds."""
        if script := self._form.script:
            self._form.unlock()
            self._dashboard.show_form()
            self.notify(
                f"Only {script} can train its run again. The form has those of its settings that "
                "this program knows: r trains with them.",
                markup=False,
            )
        elif config := self._form.config:
            self.session.train(config)
        else:
            self.notify(
                " ".join(self._form.values.problems.values()), severity="error", markup=False
            )

    def action_pause(self) -> None:
        """Pause the run, or let it go on."""
        self.session.pause_or_go_on()

    def action_stop(self) -> None:
        """Ask the run to stop and save."""
        self.session.stop()

    def action_resume(self) -> None:
        """Continue the shown run, or ask how far to train a finished one on."""
        state = self.state
        if run := state.run:
            epochs = len(state.history.epochs)
            resume(self._attempts, self.terminal, run, run.words, state.phase, epochs)

    def _show_opened(self, config: RunConfig) -> None:
        """Show the run's hyperparameters, and the charts where only one pane has room."""
        self._form.set_values(as_run_config(config).texts())
        self._form.show_run(config)
        recorded = self.state.run if isinstance(config, RecordedConfig) else None
        self._dashboard.follow_metrics(recorded)
        self._dashboard.show_charts()
        self._digit.forget()

    def _show_problems(self, problems: dict[str, str]) -> None:
        """Show the problems next to the fields."""
        for name, sentence in problems.items():
            self._form.show_problem(name, sentence)

    def show_changes(self) -> None:
        """Show at once what a person has asked or waits for."""
        if self.is_mounted:
            self._tell_others()
            self.changed()

    @on(RunEvents)
    def _on_run_events(self, message: RunEvents) -> None:
        epochs = self.session.config.epochs
        is_new = self.session.take(message)
        config = self.session.config
        if config.epochs != epochs:
            self._form.set_values({"epochs": as_text(config.epochs)})
        if isinstance(config, RecordedConfig):
            pass
        elif not self.session.is_training:
            self._form.unlock()
        elif not self._form.locked or config.epochs != epochs:  # it was resumed
            self._form.show_run(config)
        self._tell_others()
        self.changed(urgent=is_new)

    def _tell_others(self) -> None:
        """Pass on the possible actions and the shown epoch to buttons and other screens."""
        self.post_message(self.Shown(self.state, self.session.status))
        possible = frozenset(action for action in _SOMETIMES if self.check_action(action, ()))
        if possible != self._possible:
            self._possible = possible
            self._dashboard.controls.show(possible)
            self.refresh_bindings()

    @on(Hyperparameters.Changed)
    def _on_form_changed(self) -> None:
        self.session.error = ""
        self.show_changes()

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Return the reason why an action is impossible now."""
        match action:
            case "train" if self.session.is_training:
                return "A run is being trained: s stops it, and then r trains the next one."
            case "resume" if self.state.run is None:
                return "No run is shown: r trains one, and 6 lists those that there are."
            case "resume" if isinstance(self.session.config, RecordedConfig):
                return (
                    f"{self.session.config.script} recorded this run: run that again with "
                    f'mnistop.init(resume="{self.state.run.name if self.state.run else ""}").'
                )
            case "resume" if self.session.is_training:
                return "This run is in training already."
            case "resume" if getattr(self.state.history.ended, "diverged", False):
                return (
                    f"{self.state.run.words if self.state.run else ''} diverged, and would again."
                )
            case "stop" | "pause" if self.state.phase not in GOING:
                return "Nothing is being trained."
            case "replay":
                return why_no_replay(self.state)
            case "back" if not self._dashboard.zoomed and self.state.cursor is None:
                return "This is the newest epoch already, and Esc never quits: q does."
            case "digit" if self.session.predictions is None:
                return f"There is no image yet: {self.state.hint}."
            case "zoom" if not self._dashboard.can_zoom:
                return "This pane fills the screen already; Tab goes to the next one."
        return ""

    # Looking at an epoch

    def move_cursor(self, by: int) -> None:
        """Move the shown epoch."""
        self.session.look(self.state.moved(by))

    def action_replay(self) -> None:
        """Play the epochs of the run from the first on, pause, or go on."""
        if reason := why_no_replay(self.state):  # asked for by a screen above
            self.notify(reason, markup=False)
        else:
            self.player.toggle()

    def end_replay(self) -> None:
        """End a replay at the newest epoch."""
        self.session.look(self.state.live())

    def action_back(self) -> None:
        """Back from a replay, from the full-screen pane, then from an epoch to the newest."""
        if self.state.replay:
            self.end_replay()
        elif self._dashboard.zoomed:
            self._dashboard.zoom()
            self.show_changes()
        else:
            self.session.look(self.state.live())

    def action_digit(self, by: int) -> None:
        """Show another validation image that is classified correctly."""
        self._digit.follow(self.state, correct(self.session))
        self._digit.action_step(by)

    def action_image_mode(self) -> None:
        """Choose the next way of drawing images."""
        digits = (self._digit,) if self._digit.content else ()
        self._digit.mode = self.next_mode(self._digit.mode, *digits)
        self._digit.redraw()

    def action_write(self) -> None:
        """Write the focused pane as text."""
        pane = self._dashboard.active.widget
        if not isinstance(pane, LinesPane):
            self.notify("Go to a pane with Tab: charts, log, confusion matrix or digit.")
        else:
            write_pane(self, self.state.run, pane)

    def action_code(self) -> None:
        """Show the settings in the form as code."""
        self.post_message(ScreenWanted("code", None))

    # Drawing

    def drawings(self) -> Iterable[tuple[Callable[[], object], float]]:
        """Return what draws the panes, each with the least seconds between two drawings."""
        return self._dashboard.drawings(self.session)

    def draw_progress(self) -> None:
        """Show the progress of the run, or what is to be done first."""
        self._progress.show(self.state, self.session.words)
