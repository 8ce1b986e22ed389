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
from typing import TYPE_CHECKING

from mnistop.engine.config import RunConfig
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.terminal import garbage_collection
from mnistop.tui.toolkit.bars import SCREENS

if TYPE_CHECKING:
    from mnistop.tui.session.view import ViewScreen

from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widgets import Static

from mnistop.tui.features.train.dashboard import LEAST, mode_for
from mnistop.tui.terminal.faults import FaultTolerant
from mnistop.tui.toolkit.bindings import bindings, key

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
    """Loads in a thread what the dashboard could be drawn without."""
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


class Views(dict[str, "ViewScreen"]):
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
    """One line at the bottom; the charts stay in sight."""

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
        """The line."""
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
        """The sentence."""
        yield self._sentence

    @property
    def _fits(self) -> bool:
        return mode_for(self.app.size) != "too-small"

    def on_resize(self) -> None:
        """Names the size, or closes where it is enough."""
        self.set_class(self._fits, "fits")
        self._sentence.update(
            f"The terminal has {self.app.size.width}×{self.app.size.height} cells; mnistop "
            f"needs {LEAST.width}×{LEAST.height}. Training is not affected."
        )
        self._close_if_it_fits()

    def on_screen_resume(self) -> None:
        """Closes if there is room since a question was put over it."""
        self._close_if_it_fits()

    def _close_if_it_fits(self) -> None:
        if self._fits and self.is_active:
            self.dismiss()
