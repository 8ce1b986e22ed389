"""A new sweep: which hyperparameters vary, and how; and its start."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from mnistop.engine import worker
from mnistop.engine.config import RunConfig
from mnistop.engine.cores import usable_cores
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.engine.sweep.presets import pace
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import clean
from mnistop.tui.features.sweep.form import SweepForm, SweepSize, SweepValues
from mnistop.tui.terminal.faults import FaultTolerant
from mnistop.tui.toolkit.background import BackgroundTasks
from mnistop.tui.toolkit.bars import KeyBar
from mnistop.tui.toolkit.bindings import GivesReasons, bindings, key

_RECENT = 20
"""The number of finished runs by which the speed of this machine is estimated."""


class SweepFormScreen(GivesReasons, FaultTolerant, ModalScreen[SweepValues | None]):
    """A dialog for the values of a new sweep; Esc closes it without one.

    Args:
        terminal: what the terminal can show.
        base: what the dashboard's form holds.
        known: finished runs with the seconds that each has trained for, the newest first.
        cores: how many there are.
    """

    BINDINGS = bindings(
        "sweep_form",
        key("start", "r", "start", "Start", "Start this sweep"),
        key("leave", "escape,q", "dismiss(None)", "Leave", "Close without starting"),
    )

    DEFAULT_CSS = """
    SweepFormScreen {
        align: center middle;
        background: $background 60%;
        & > Vertical {
            width: 96%;
            max-width: 100;
            height: 96%;
            max-height: 34;
            padding: 0 1;
            background: $surface;
        }
        & #sweep-title { height: 1; text-style: bold; }
        & SweepForm { height: 1fr; }
        & KeyBar { height: 1; }
    }
    """

    def __init__(
        self,
        terminal: Terminal,
        base: RunConfig,
        known: Sequence[tuple[RunConfig, float]],
        cores: int,
    ) -> None:
        super().__init__()
        self._terminal = terminal
        self._pace = pace(known[:_RECENT])
        self._is_known = bool(known)
        self._form = SweepForm(base, cores, terminal)
        self._makes = SweepSize(terminal)

    def compose(self) -> ComposeResult:
        """The form, what it makes, and the keys."""
        with Vertical():
            words = "A sweep: every combination of the values below is trained"
            yield Static(clean(words, self._terminal), id="sweep-title", markup=False)
            yield self._form
            yield self._makes
            yield KeyBar(self._terminal)

    def on_mount(self) -> None:
        """Start in the form."""
        self.set_focus(self._form)
        self._show()

    @on(SweepForm.Changed)
    def _show(self) -> None:
        self._makes.show(self._form.sweep, self._pace, self._is_known)
        self.refresh_bindings()

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Return the reason why an action is impossible now."""
        if action == "start" and len(self._form.sweep.configs) < 2:
            return "A sweep needs two runs or more: give a hyperparameter several values."
        return super().why_not(action, parameters)

    def action_start(self) -> None:
        """Close with the values of the sweep."""
        self.dismiss(self._form.sweep)


def ask_for_sweep(
    screen: Screen[Any],
    terminal: Terminal,
    base: RunConfig | None,
    known: Sequence[tuple[RunConfig, float]],
    attempts: BackgroundTasks,
    then: Callable[[Sweep], object],
) -> None:
    """Ask for the values of a new sweep, and start it; report a wrong value in the base's form.

    Args:
        screen: the screen below the dialog.
        terminal: what the terminal can show.
        base: what the dashboard's form holds; None while that is wrong.
        known: finished runs with the seconds that each has trained for, the newest first.
        attempts: starts it.
        then: is called with the sweep once it has begun.
    """

    def start(values: SweepValues | None) -> None:
        if values:
            new = (values.configs, values.title, values.jobs)
            attempts.do(lambda: worker.launch_sweep(*new), then)

    if base is None:
        screen.notify(
            "A value in the form is wrong: press 1 and correct it; a sweep starts from it.",
            severity="error",
        )
        return
    form = SweepFormScreen(terminal, base, known, usable_cores())
    screen.app.push_screen(form, start)
