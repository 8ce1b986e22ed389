"""Create the pictures of the README from the real program: `python -m tests.tour`.

With `screens`, `recorded` or `sweeps` behind it, only those.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from textual.pilot import Pilot

from mnistop.engine import worker
from mnistop.engine.config import PRESETS, RunConfig
from mnistop.engine.runs.run_folder import list_runs
from mnistop.tui.app import MnistopApp
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.attack.accuracy import AccuracyChart
from mnistop.tui.features.data.findings import Findings
from mnistop.tui.features.rates.panes import RateCurve
from mnistop.tui.features.train.images import Digit
from tests.tour.pictures import picture
from tests.tour.sweeps import sweeps

OWN_LOOP = Path(__file__).parents[2] / "docs/own_loop.py"

A_TWO = (
    f"{'left ' * 5}{'up ' * 7}space "
    f"{'right ' * 9}{'down ' * 7}{'left ' * 9}{'down ' * 7}{'right ' * 9}space"
)


async def tour() -> None:
    """The default run, its dashboard in the middle of it, then every other screen."""
    robust = await asyncio.to_thread(worker.launch, RunConfig.from_values(PRESETS["adversarial"]))
    while robust.is_running():
        await asyncio.sleep(0.1)
    app = MnistopApp(Terminal())
    async with app.run_test(size=(120, 40)) as pilot:
        await worker.warmed_up()
        await pilot.press("r", "tab")
        while len(app.shown.history.epochs) < 20:  # a few dozen more pass until it is paused
            await pilot.pause(0.02)
        await pilot.press("space")
        settled = ("paused", "finished")  # a quick run is over before it is paused
        while app.shown.phase not in settled or not app.screen.query_one(Digit).content:
            await pilot.pause(0.02)
        if app.shown.phase == "paused":
            await pilot.press("space")
        await picture(pilot, "dashboard", 0.1)
        while app.shown.phase != "finished":
            await pilot.pause(0.05)
        for key, name in {"2": "mistakes", "4": "weights", "5": "data", "e": "pad"}.items():
            await pilot.press(key)
            if name == "pad":
                await pilot.press(*A_TWO.split())
            await picture(pilot, name, 1.5)
        await doubts(pilot)
        await lesson(pilot)
        await line_by_line(pilot)
        await pilot.press("f")
        while app.screen.query_one(RateCurve).rate is None:
            await pilot.pause(0.1)
        await picture(pilot, "rates", 4)
        await pilot.press("6")
        await picture(pilot, "runs", 1.5)
        await pilot.press("3")
        await measured(app)
        await picture(pilot, "attack", 1.5)
        await pilot.press("c", "enter")
        await measured(app)
        await pilot.press("tab", "tab", "z")
        await picture(pilot, "robustness", 1.5)


async def doubts(pilot: Pilot[int]) -> None:
    """The labels that models doubt."""
    await pilot.press("5", "d")
    while not pilot.app.screen.query_one(Findings).items:
        await pilot.pause(0.1)
    await picture(pilot, "doubts", 1.5)
    await pilot.press("escape", "escape")


async def lesson(pilot: Pilot[int]) -> None:
    """A step of the course, with a hint on a wrong answer; a question on another screen."""
    await pilot.press("7")
    await pilot.pause(0.5)
    for text in ("1000", "b", "285", "25", "10%", "0.1"):
        await pilot.press(
            "enter", *({"%": "percent_sign", ".": "full_stop"}.get(c, c) for c in text)
        )
        await pilot.press("enter")
        await pilot.pause(0.5)
        if text != "0.1":
            await pilot.press("n")
    await picture(pilot, "course", 0.5)
    await pilot.press("escape", *"n" * 13, "o")
    await pilot.pause(3)
    await pilot.press("A", *"98", "enter")
    await picture(pilot, "question", 1)
    await pilot.press("escape", "7", "escape")


async def line_by_line(pilot: Pilot[int]) -> None:
    """Eleven steps of the loop, the last with all its numbers."""
    await pilot.press("8")
    await pilot.pause(2)
    await pilot.press("t", "s")
    await picture(pilot, "loop", 1)
    await pilot.press("escape")


async def recorded() -> None:
    """The notebook's own loop, in the middle of it, with the metrics that it logs."""
    loop = subprocess.Popen([sys.executable, str(OWN_LOOP)])
    while not (runs := list_runs()):
        await asyncio.sleep(0.1)
    app = MnistopApp(Terminal(), run=runs[0])
    async with app.run_test(size=(120, 40)) as pilot:
        await worker.warmed_up()
        await pilot.press("tab")
        while len(app.shown.history.epochs) < 40:
            await pilot.pause(0.02)
        await pilot.press("space", "g")
        await picture(pilot, "recorded", 2)
        await pilot.press("s")
    loop.wait()


async def measured(app: MnistopApp) -> None:
    """Return once all validation images of the visible runs have been attacked."""
    await asyncio.sleep(1)
    chart = app.screen.query_one(AccuracyChart)
    while not all(run.robustness and run.robustness.is_complete for run in chart.runs):
        await asyncio.sleep(0.1)


def main() -> None:
    """Create the requested pictures."""
    parts = {"screens": tour, "recorded": recorded, "sweeps": sweeps}
    wanted = sys.argv[1:] or list(parts)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MNISTOP_RUNS"] = os.environ["XDG_DATA_HOME"] = folder
        worker.warm_up()
        for part in wanted:
            asyncio.run(parts[part]())
        worker.close()


if __name__ == "__main__":
    main()
