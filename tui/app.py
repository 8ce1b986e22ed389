"""The app: the screens, the keys that hold everywhere, and how the terminal is used."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import events, on
from textual.binding import Binding

from mnistop.engine import worker
from mnistop.engine.errors import MnistopError
from mnistop.engine.process.child import set_title
from mnistop.engine.runs.lookup import find_run
from mnistop.engine.runs.run_folder import Run, runs_folder
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.train.dashboard import LEAST
from mnistop.tui.features.train.screen import TrainScreen
from mnistop.tui.navigator import Answer, Navigator, QuitScreen, TooSmallScreen, load_the_rest
from mnistop.tui.session.progress import LiveRuns
from mnistop.tui.session.question import QuestionChanged
from mnistop.tui.session.run_screen import ScreenWanted
from mnistop.tui.session.session import RunEnded
from mnistop.tui.session.view import ViewScreen
from mnistop.tui.terminal.attributes import to_ascii
from mnistop.tui.terminal.scheduler import SLOW, USUAL
from mnistop.tui.toolkit.bars import SCREENS
from mnistop.tui.toolkit.bindings import (
    GivesReasons,
    bindings,
    declared,
    hidden,
    key,
    keys_of,
    reason_against,
)
from mnistop.tui.toolkit.dialogs import HelpScreen, Section
from mnistop.tui.toolkit.preferences import read_keymap, read_notices, takes_mouse

if TYPE_CHECKING:
    from textual.command import Provider
    from textual.notifications import SeverityLevel

    from mnistop.engine.lessons.course import Course
    from mnistop.engine.runs.sweep_folder import Sweep


_KEY_NAMES = {"←→": "left/right", "↑↓": "up/down", "←↑↓→": "arrows"}
"""What the arrows are called where they cannot be shown."""


def _commands() -> type[Provider]:
    from mnistop.tui.keys import Commands

    return Commands


class MnistopApp(GivesReasons, Navigator, inherit_bindings=False):
    """mnistop.

    Args:
        terminal: what the terminal can show.
        values: texts of hyperparameters to start the form with.
        run: a run to open, or None.
        slow: whether the line is slow.
        course: a course to open instead of the dashboard.
    """

    TITLE = "mnistop"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS = {_commands}  # noqa: RUF012 (as Textual declares it)

    BINDINGS = bindings(
        "",
        *(
            hidden(f"screen.{screen}", shortcut, f"go('{screen}')", name, tip)
            for screen, (shortcut, name, tip) in SCREENS.items()
            if shortcut
        ),
        key("quit", "q,ctrl+q,ctrl+c", "quit", "Quit", "Quit; training can go on without it"),
        key("help", "?,f1", "help", "Help", "What each pane is for, and all keys"),
        key("watch", "o", "watch", "Watch", "Watch the run in training, where o does nothing else"),
        hidden("answer", "A", "answer", "Answer", "Answer the question of the lesson here"),
        hidden("commands", "ctrl+p", "command_palette", "Commands", "Find a command by its name"),
        hidden(
            "redraw",
            "ctrl+l",
            "redraw",
            "Redraw",
            "Draw the whole screen again, after something else wrote over it",
        ),
        hidden("suspend", "ctrl+z", "suspend_process", "Suspend", "Back to the shell; fg returns"),
    )

    def __init__(
        self,
        terminal: Terminal,
        values: dict[str, str] | None = None,
        run: Run | None = None,
        slow: bool = False,
        course: Course | None = None,
    ) -> None:
        pace = SLOW if slow else USUAL
        super().__init__(terminal, pace, TrainScreen(terminal, values or {}, run))
        self._course = course
        self._keys: dict[str, str] = {}
        self._bell = False
        """Whether a bell rings when the shown run has ended."""
        self._notify = ""
        """The user's command for that moment."""

    def get_key_display(self, binding: Binding) -> str:
        """Return the key's name, in ASCII where only that can be shown."""
        shown = super().get_key_display(binding)
        if self.terminal.unicode or shown.isascii():
            return shown
        if binding.key_display:
            return _KEY_NAMES.get(binding.key_display, to_ascii(shown))
        return binding.key.partition(",")[0]

    def on_mount(self) -> None:
        """Open the dashboard."""
        try:
            self._keys = read_keymap(self._bindings_by_place, self._advise)
            self.set_keymap(self._keys)
            self._bell, self._notify = read_notices()
        except MnistopError as error:
            self._advise(str(error), "warning")
        self.screen_change_signal.subscribe(self, lambda _: self.on_screen_changed())
        self.push_screen(self._train)
        if self._course:
            self.post_message(ScreenWanted("course", self._course))
        if self.terminal.advice:
            self._advise(self.terminal.advice)
        self.after_refresh(self._after_the_first_frame)

    def _advise(self, sentence: str, severity: SeverityLevel = "information") -> None:
        self.notify(sentence, severity=severity, markup=False, timeout=15)

    def _after_the_first_frame(self) -> None:
        """Load all that the frame did not need: PyTorch in the fork server, the rest here."""
        self._train.session.warm_up()
        load_the_rest()

    def action_watch(self) -> None:
        """Watch the run named in the line on top."""
        line = self._train.query_one(LiveRuns)
        if line.newest:
            self._train.session.watch(line.newest)
            line.look()

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Return the reason why an action is impossible now."""
        if self.is_too_small and action not in TooSmallScreen.ACTIONS:
            return f"The terminal is smaller than {LEAST.width}×{LEAST.height} cells."
        if action == "watch":
            found = list(self._train.query(LiveRuns)) if self._train.is_mounted else []
            if not (found and found[0].newest):
                return "No other run is being trained that could be watched."
        if action == "answer" and self._question is None:
            return "No question is open: 7 is the course, and o there opens a step's screen."
        return super().why_not(action, parameters)

    def on_key(self, event: events.Key) -> None:
        """Explain why a key that has a meaning here, or on the dashboard, does nothing now."""
        reason = reason_against(self.screen, event.key, self._keys)
        if reason := reason or self._only_on_dashboard(event.key):
            self.notify(reason, markup=False)

    def _only_on_dashboard(self, key: str) -> str:
        """Return a sentence on a key that means nothing on this screen; empty if it means some."""
        if isinstance(self.screen, ViewScreen) and key not in self.screen.active_bindings:
            for binding in declared(TrainScreen):
                if key in keys_of(binding, self._keys):
                    return (
                        f"{binding.description} ({key}) is a key of the dashboard: press 1 first."
                    )
        return ""

    @on(QuestionChanged)
    def _on_question_changed(self) -> None:
        self.show_question()

    @on(RunEnded)
    async def _on_ended(self, message: RunEnded) -> None:
        if self._question:
            self._question.run_ended()
        if self._bell or self._notify:
            self.run_worker(self._tell_end(message.run), exit_on_error=False)

    async def _tell_end(self, run: Run) -> None:
        """Call for attention, as the configuration file asks."""
        from mnistop.tui.session.notification import Outcome, attention, run_command

        outcome = await asyncio.to_thread(Outcome.of, run)
        if self._bell and self.line:
            self.line.write(attention(outcome.sentence, os.environ))
        if self._notify:
            problem = await asyncio.to_thread(run_command, self._notify, outcome)
            if problem:
                self.notify(problem, severity="warning", markup=False)

    def hand_over(self) -> None:
        """Run the user's command when a run that was started here ends."""
        run = self._train.session.started
        if self._notify and run and run.is_running():
            from mnistop.tui.session.notification import leave_watcher

            with contextlib.suppress(OSError):
                leave_watcher(run, self._notify)

    @on(ViewScreen.OpenWanted)
    def _on_open_wanted(self, message: ViewScreen.OpenWanted) -> None:
        self._train.session.watch(message.run)
        self.action_go("train")

    @on(ViewScreen.NewSweepWanted)
    def _on_new_sweep_wanted(self, message: ViewScreen.NewSweepWanted) -> None:
        from mnistop.tui.features.sweep.form_screen import ask_for_sweep

        def show(sweep: Sweep) -> None:
            self.post_message(ScreenWanted("sweep", sweep))

        config = self._train.config
        ask_for_sweep(self.screen, self.terminal, config, message.known, message.attempts, show)

    @on(ViewScreen.RateTaken)
    def _on_rate_taken(self, message: ViewScreen.RateTaken) -> None:
        self._train.set_rate(message.text)
        self.action_go("train")

    def action_help(self) -> None:
        """Explain the panes and all keys."""
        self.push_screen(HelpScreen(self._sections(), self._keys))

    def _bindings_by_place(self) -> list[Sequence[Binding]]:
        """All bindings, those together that hold at the same time."""
        at_once = declared(TrainScreen, type(self))
        return [at_once, *(section.bindings for section in self._sections())]

    def _sections(self) -> list[Section]:
        from mnistop.tui.keys import help_sections

        return help_sections(self, self.screen, self._train, self._views)

    async def action_quit(self) -> None:
        """Quit; ask first about a run in training."""
        if self._train.session.is_training:
            self.push_screen(QuitScreen(), self._on_quit_answer)
        else:
            self.exit()

    def _on_quit_answer(self, answer: Answer | None) -> None:
        if answer == "leave":
            self._train.session.leave_then(self.exit)
        elif answer == "stop":
            self._train.session.stop_then(self.exit)


def run_app(
    terminal: Terminal,
    values: dict[str, str],
    run: str | None,
    slow: bool,
    mouse: bool | None = None,
    course: Course | None = None,
) -> int:
    """Open the app and return the exit code of the command.

    Args:
        terminal: what the terminal can show.
        values: texts of hyperparameters to start the form with.
        run: which run to open, as for `find_run`, or None.
        slow: whether the line is slow.
        mouse: whether to take the mouse; None for what the configuration file says.
        course: a course to open instead of the dashboard.

    Raises:
        MnistopError: there is no such run, or no folder for any.
    """
    runs_folder()
    opened = find_run(run) if run else None
    set_title("mnistop")
    app = MnistopApp(terminal, values, opened, slow, course)
    try:
        app.run(mouse=takes_mouse() if mouse is None else mouse)
    finally:
        worker.close()
        app.hand_over()
    words = app.fault if app.is_heard else ""
    if app.is_heard and app.shown.run:
        from mnistop.tui.text.run_lines import farewell

        words += farewell(app.shown.run, app.shown.epochs_planned)
    if words:
        print(words if terminal.unicode else to_ascii(words))
    return app.return_code or 0
