"""Makes the pictures of the README from the real program: `python -m tests.tour`."""

import asyncio
import os
import tempfile
from pathlib import Path

from engine import worker
from tui.app import MnistopApp
from tui.panes.digit import Digit
from tui.render.terminal import Terminal

FOLDER = Path(__file__).parent


async def dashboard() -> None:
    """Screen 1 in the middle of the default run."""
    app = MnistopApp(Terminal())
    async with app.run_test(size=(120, 40)) as pilot:
        await worker.warmed_up()
        await pilot.press("r", "tab")
        while len(app.shown.history.epochs) < 60:
            await pilot.pause(0.02)
        await pilot.press("space")
        while app.shown.phase != "paused" or not app.screen.query_one(Digit).answer:
            await pilot.pause(0.02)
        await pilot.press("space")
        await pilot.pause(0.1)
        app.save_screenshot("dashboard.svg", str(FOLDER))
        await pilot.press("s")


def main() -> None:
    """Makes all pictures."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MNISTOP_RUNS"] = folder
        worker.warm_up()
        asyncio.run(dashboard())
        worker.close()


if __name__ == "__main__":
    main()
