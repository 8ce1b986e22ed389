"""The screens that lie over the dashboard, and what is loaded when.

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
