"""A new sweep: its form, and its start."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from textual.screen import Screen

from mnistop.engine import worker
from mnistop.engine.config import RunConfig
from mnistop.engine.cores import usable_cores
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.sweep.form_screen import SweepFormScreen, Wanted
from mnistop.tui.toolkit.ask import Attempts


def ask_for_sweep(
    screen: Screen[Any],
    terminal: Terminal,
    base: RunConfig | None,
    known: Sequence[tuple[RunConfig, float]],
    attempts: Attempts,
    then: Callable[[Sweep], object],
) -> None:
    """Asks what is to vary in a new sweep, and starts it; says so where the form is wrong.

    Args:
        screen: over which it is asked.
        terminal: what the terminal can show.
        base: what the dashboard's form holds; None while that is wrong.
        known: finished runs with the seconds that each has trained for, the newest first.
        attempts: starts it.
        then: is called with the sweep once it has begun.
    """

    def start(wanted: Wanted | None) -> None:
        if wanted:
            attempts.do(
                lambda: worker.launch_sweep(wanted.configs, wanted.title, wanted.jobs), then
            )

    if base is None:
        screen.notify(
            "A value in the form is wrong: press 1 and correct it; a sweep starts from it.",
            severity="error",
        )
        return
    form = SweepFormScreen(terminal, base, known, usable_cores())
    screen.app.push_screen(form, start)
