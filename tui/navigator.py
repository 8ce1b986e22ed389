"""The screens over the dashboard, the app's own dialogs, and what is loaded when.

Before the first frame only the dashboard is loaded. Everything else follows in a thread as soon as
that frame is shown, so that no key waits for it; a screen is made when it is first opened.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Literal

from textual import events, on
from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widgets import Static

from mnistop.engine.config import RunConfig
from mnistop.engine.errors import MnistopError
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.train.dashboard import LEAST, mode_for
from mnistop.tui.features.train.screen import TrainScreen
from mnistop.tui.session.question import PlaceWanted, Question
from mnistop.tui.session.run_screen import EpochMoved, ReplayWanted, RunScreen, ScreenWanted
from mnistop.tui.session.state import State
from mnistop.tui.session.view import ViewScreen
from mnistop.tui.terminal import garbage_collection
from mnistop.tui.terminal.faults import FaultTolerant
from mnistop.tui.terminal.scheduler import Pace
from mnistop.tui.terminal.terminal_app import TerminalApp
from mnistop.tui.toolkit.bars import SCREENS
from mnistop.tui.toolkit.bindings import bindings, key
from mnistop.tui.toolkit.dialogs import HelpScreen

if TYPE_CHECKING:
    from mnistop.engine.lessons.course import Place

NAMES = tuple(name for name in SCREENS if name != "train")
"""The screens that lie over the dashboard."""

LOADED_AFTER_THE_FIRST_FRAME = (
    "mnistop.tui.draw.chart",
    "mnistop.engine.runs.predictions",
    "mnistop.engine.analysis.coach.rules",
    "mnistop.tui.draw.matrix",
    "plotext._figure",
    "mnistop.tui.text.portrait",
    "mnistop.engine.analysis.image_filters",
    *(f"mnistop.tui.features.{name}.screen" for name in NAMES),
    "mnistop.tui.features.sweep.form_screen",
    "mnistop.tui.keys",
)
"""Modules, those that are likely to be needed first at first."""
_SWITCH_SECONDS = 0.0002
"""So long a key waits for this thread, some ten times until it is answered; usual are 5 ms."""


def load_the_rest() -> threading.Thread:
    """Load in a thread all that the first frame does without."""
    thread = threading.Thread(target=_load_the_rest, name="loading", daemon=True)
    thread.start()
    return thread


def _load_the_rest() -> None:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    for module in LOADED_AFTER_THE_FIRST_FRAME:
        with contextlib.suppress(Exception):  # which is said when its screen is opened
            importlib.import_module(module)
    sys.setswitchinterval(usual)
    garbage_collection.go_on_between_keys()


class Views(dict[str, ViewScreen]):
    """The screens by their names among `NAMES`, each made when it is first opened.

    `attack` is the class `AttackScreen` in the module `screen` of the feature's folder.

    Args:
        terminal: what the terminal can show.
        form: tells what the form holds, None while a value in it is wrong.
    """

    def __init__(self, terminal: Terminal, form: Callable[[], RunConfig | None]) -> None:
        self._terminal = terminal
        self._form = form

    def __missing__(self, name: str) -> ViewScreen:
        module = importlib.import_module(f"mnistop.tui.features.{name}.screen")
        view: ViewScreen = getattr(module, f"{name.capitalize()}Screen")(self._terminal)
        view.form = self._form
        self[name] = view
        return view

    def name_of(self, view: ViewScreen) -> str:
        """Return the name of a screen that is among these."""
        return next(name for name, made in self.items() if made is view)


Answer = Literal["leave", "stop", "stay"]


class QuitScreen(FaultTolerant, ModalScreen[Answer]):
    """One line at the bottom; the charts stay visible."""

    BINDINGS = bindings(
        "quit",
        key(
            "leave",
            "d,enter,q,ctrl+q,ctrl+c",
            "dismiss('leave')",
            "Leave it running",
            "Quit; training goes on and can be watched again",
        ),
        key("stop", "s", "dismiss('stop')", "Stop and save", "Quit once the run has saved"),
        key("stay", "escape", "dismiss('stay')", "Go on", "Do not quit"),
    )

    def compose(self) -> ComposeResult:
        """Yield the line."""
        yield Static(
            "d quit, training goes on (Enter)   s stop, save and quit   Esc stay",
            markup=False,
        )


class TooSmallScreen(FaultTolerant, ModalScreen[None]):
    """One sentence, and no keys but those that need nothing to be seen.

    It closes itself once there is room. Until it can, below a question, nothing is seen of it.
    """

    AUTO_FOCUS = ""
    ALLOW_SELECT = False
    ACTIONS: ClassVar = frozenset({"quit", "help", "suspend_process"})
    """What the app still does."""

    BINDINGS = bindings(
        "",
        key("quit", "q,ctrl+q,ctrl+c", "app.quit", "Quit", "Quit"),
        key("help", "?,f1", "app.help", "Help", "All keys"),
        key("suspend", "ctrl+z", "app.suspend_process", "Suspend", "To the shell"),
    )

    def __init__(self) -> None:
        super().__init__()
        self._sentence = Static(markup=False)

    def compose(self) -> ComposeResult:
        """Yield the sentence."""
        yield self._sentence

    @property
    def _fits(self) -> bool:
        return mode_for(self.app.size) != "too-small"

    def on_resize(self) -> None:
        """Show the size, or close where it is enough."""
        self.set_class(self._fits, "fits")
        self._sentence.update(
            f"The terminal has {self.app.size.width}×{self.app.size.height} cells; mnistop "
            f"needs {LEAST.width}×{LEAST.height}. Training is not affected."
        )
        self._close_if_it_fits()

    def on_screen_resume(self) -> None:
        """Close if the terminal has grown since a question covered this."""
        self._close_if_it_fits()

    def _close_if_it_fits(self) -> None:
        if self._fits and self.is_active:
            self.dismiss()


class Navigator(TerminalApp):
    """An app with the dashboard and screens over it, and nothing in a terminal that is too small.

    Args:
        terminal: what the terminal can show.
        pace: how much the line takes.
        train: the dashboard.
    """

    def __init__(self, terminal: Terminal, pace: Pace, train: TrainScreen) -> None:
        super().__init__(terminal, pace)
        self._train = train
        self._views = Views(terminal, lambda: train.config)
        self._trail: list[str] = []
        """The screens that Esc returns to, the last one first."""
        self._question: Question | None = None
        """The question of the lesson whose screen is looked at."""

    @property
    def shown(self) -> State:
        """The state that the dashboard shows."""
        return self._train.state

    # The terminal's size

    def on_resize(self, event: events.Resize) -> None:
        """Cover a terminal that is too small, once Textual has taken up the size."""
        self.call_next(self._on_resized)

    def _on_resized(self) -> None:
        if not self.is_too_small and any(
            isinstance(screen, TooSmallScreen) for screen in self.screen_stack
        ):
            self.forget_typed()  # it was typed unseen
        self.cover_what_is_too_small()

    def on_screen_changed(self) -> None:
        """Show on another screen what belongs to all of them."""
        self.show_question()
        self.cover_what_is_too_small()

    def cover_what_is_too_small(self) -> None:
        """Cover all but help and quitting, so that nothing is shown in part or acts unseen."""
        if self.is_too_small and not isinstance(
            self.screen, TooSmallScreen | HelpScreen | QuitScreen
        ):
            self.push_screen(TooSmallScreen())

    @property
    def is_too_small(self) -> bool:
        """True while the terminal has too few cells for anything but a sentence."""
        return mode_for(self.size) == "too-small"

    # Screens

    def action_go(self, name: str) -> None:
        """Go to a screen: the dashboard, or one over it."""
        self._trail.clear()
        self._go(name)

    def _go(self, name: str) -> None:
        if name == "train":
            while isinstance(self.screen, ViewScreen):
                self.pop_screen()
        else:
            self._open(self._views[name])

    def _open(self, view: ViewScreen) -> None:
        if view is self.screen:
            return
        if not self.is_screen_installed(view):
            self.install_screen(view, self._views.name_of(view))
        view.state, view.status = self.shown, self._train.session.status
        if isinstance(self.screen, ViewScreen):
            self.switch_screen(view)
        else:
            self.push_screen(view)

    @on(ScreenWanted)
    def _on_screen_wanted(self, message: ScreenWanted) -> None:
        view = self._views[message.name]
        try:
            view.enter(message.about)
        except MnistopError as error:  # what it is about has just been deleted or damaged
            self.notify(str(error), severity="error", markup=False)
        else:
            if isinstance(self.screen, ViewScreen) and self.screen is not view:
                self._trail.append(self._views.name_of(self.screen))
            self._open(view)

    @on(PlaceWanted)
    def _on_place_wanted(self, message: PlaceWanted) -> None:
        """Open the screen of a lesson, in the state that the lesson is about."""
        place, train = message.place, self._train
        if place.form is not None:
            train.show_settings(place.form)
        elif message.runs:
            run = message.runs[0].run
            if train.state.run != run:
                train.session.watch(run)
            train.show_epoch(place.epoch)
        self._question = message.question
        self._trail.clear()
        if place.screen == "train":
            self._go("train")
        elif place.screen == "compare":
            self._on_screen_wanted(ScreenWanted("compare", (message.runs, ())))
        else:
            self._open_place(place)
        self.show_question()
        if place.pane and isinstance(self.screen, RunScreen):
            shown = self.screen
            shown.after_refresh(lambda: shown.show_pane(place.pane))

    def _open_place(self, place: Place) -> None:
        view = self._views[place.screen]
        about = place.images if place.screen == "mistakes" else place.image
        if about is not None:
            view.enter(about)
        self._trail.append("course")
        self._open(view)

    def show_question(self) -> None:
        """Show the question of a lesson on the screen in sight; back at the course it is over."""
        if isinstance(self.screen, RunScreen):
            if getattr(self.screen, "NAME", "") == "course":
                self._question = None
            self.screen.question_bar.show(self._question)

    def action_answer(self) -> None:
        """Ask for the answer to the question in sight."""
        if self._question:
            self._question.answer()

    @on(ViewScreen.Left)
    def _on_left(self) -> None:
        self._go(self._trail.pop() if self._trail else "train")

    @on(TrainScreen.Shown)
    def _on_shown(self, message: TrainScreen.Shown) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, ViewScreen):
                screen.follow(message.state, message.status)

    @on(EpochMoved)
    def _on_epoch_moved(self, message: EpochMoved) -> None:
        self._train.move_cursor(message.by)

    @on(ReplayWanted)
    def _on_replay_wanted(self, message: ReplayWanted) -> None:
        if message.ends:
            self._train.end_replay()
        else:
            self._train.action_replay()
