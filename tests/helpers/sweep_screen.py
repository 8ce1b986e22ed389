"""Sweeps, and the way to them on their screen."""

from mnistop.engine.config import RunConfig
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.engine.sweep.grid import plan
from mnistop.tui.features.sweep.form import ROWS
from mnistop.tui.features.sweep.form_screen import SweepFormScreen
from mnistop.tui.features.sweep.screen import SweepScreen
from tests.helpers import made_up_sweeps as made_up
from tests.helpers.dashboard import Dashboard, Workers


def rates(workers: Workers, *accuracies: float, text: str = "0.01,0.1,1", seeds: int = 1) -> Sweep:
    """A sweep over learning rates of which some members have ended."""
    sweep = made_up.create(workers.folder, plan(RunConfig(), {"lr": text}, seeds), "rates")
    for number, accuracy in enumerate(accuracies, 1):
        made_up.member(sweep, number, accuracy)
    return sweep


async def open_form(shown: Dashboard) -> SweepFormScreen:
    await shown.press("6", "S")
    await shown.until(lambda: isinstance(shown.app.screen, SweepFormScreen))
    assert isinstance(shown.app.screen, SweepFormScreen)
    return shown.app.screen


async def go_to(shown: Dashboard, name: str) -> None:
    """Move the form's cursor to a row."""
    await shown.press("home", *["down"] * ROWS.index(name))


async def open_sweep(shown: Dashboard, wanted: str = "rates") -> SweepScreen:
    await shown.press("6", "C")
    await shown.until_shown(wanted)
    assert isinstance(shown.app.screen, SweepScreen)
    return shown.app.screen
