"""The pictures of the sweeps, each from real runs."""

import asyncio

from textual.pilot import Pilot

from mnistop.engine import worker
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.engine.sweep.presets import SWEEPS
from mnistop.tui.app import MnistopApp
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.sweep.model import SweepModel
from mnistop.tui.text.sweep_table import conclusion, table
from tests.tour.pictures import picture

PRESETS = ("learning rates", "more data", "optimizers", "hidden layers", "shifts")
ATTACKED = "adversarial training"


async def sweeps() -> None:
    """The form, then what came of each preset."""
    app = MnistopApp(Terminal())
    async with app.run_test(size=(120, 40)) as pilot:
        await worker.warmed_up()
        await pilot.press("6", "S")
        await picture(pilot, "sweep-form", 1.0)
        await pilot.press("escape")
        for preset in (*PRESETS, ATTACKED):
            configs = SWEEPS[preset].configs()
            sweep = await asyncio.to_thread(worker.launch_sweep, configs, preset)
            while sweep.is_running():
                await asyncio.sleep(0.1)
            await show(pilot, sweep, attacked=preset == ATTACKED)


async def show(pilot: Pilot[int], sweep: Sweep, attacked: bool) -> None:
    """Take a picture of a finished sweep, and print its table."""
    await pilot.press("6", "C")
    while not (shown := sweeping(pilot)).reader or shown.reader.sweep != sweep:
        await pilot.press("n")
        await pilot.pause(0.2)
    while attacked and (shown.epsilon is None or shown.to_attack()):
        await pilot.pause(0.2)
    await pilot.press("end" if attacked else "home")
    await picture(pilot, f"sweep-{sweep.title.replace(' ', '-')}", 1.5)
    print(f"\n{sweep.title}\n")
    print(
        "\n".join(
            [*table(shown.groups, shown.epsilon), "", conclusion(shown.groups, shown.epsilon)]
        )
    )


def sweeping(pilot: Pilot[int]) -> SweepModel:
    """The model of the sweep screen."""
    found: SweepModel = pilot.app.screen._model  # type: ignore[attr-defined]
    return found
