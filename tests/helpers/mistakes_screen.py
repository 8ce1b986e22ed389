"""The screen of mistakes over a made-up run."""

from pathlib import Path

import numpy as np

from mnistop.engine.runs.run_folder import Run
from mnistop.tui.features.mistakes.screen import MistakesScreen
from tests.helpers import made_up
from tests.helpers import recorded_predictions as judged
from tests.helpers.dashboard import Dashboard

WRONG = [row for row in range(made_up.VALIDATION) if row % 9 == 4]
"""The images that are never right."""


def surest_first(row: int) -> tuple[int, int]:
    return -(row % 50), row


async def show(
    shown: Dashboard,
    folder: Path,
    epochs: int = 20,
    said: np.ndarray | None = None,
    names: tuple[str, ...] = made_up.DIGITS,
    screen: bool = True,
) -> Run:
    """Show a finished run with everything recorded, and open its mistakes."""
    told = [*made_up.story(epochs, names=names), made_up.finished(epochs)]
    run = judged.write_run(folder / "recorded", told, said, len(names))
    shown.screen.session.watch(run)
    await shown.say(*told, run=run)
    if screen:
        await shown.press("2")
        await shown.settle()
    return run


def listed(shown: Dashboard) -> list[int]:
    """The images in sight in the list."""
    rows = []
    for text in shown.lines[3:-2]:
        number = text.split()[0] if text.split() else ""
        if number.isdecimal() and text.index(number) < 5:
            rows.append(int(number))
    return rows


def screen(shown: Dashboard) -> MistakesScreen:
    assert isinstance(shown.app.screen, MistakesScreen)
    return shown.app.screen
