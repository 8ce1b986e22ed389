"""Every screen with a run on images in colour, answered by the real questions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mnistop.engine import worker
from mnistop.engine.runs.event_log import read_events
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.attack.panes import AttackView
from mnistop.tui.features.weights.neurons import WeightGallery
from tests.helpers.color_images import add_epoch, color_run, write_npz
from tests.helpers.dashboard import Dashboard, Opened, Workers


@pytest.fixture
def answering(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions are answered in this process."""

    async def ask(question: Callable[..., Any], *args: Any) -> Any:
        await asyncio.sleep(0)
        return question(*args)

    monkeypatch.setattr(worker, "ask", ask)
    monkeypatch.setattr(worker, "ask_at_low_priority", ask)


async def show_run(shown: Dashboard) -> None:
    """Show a run on images in colour after an epoch."""
    run = add_epoch(color_run(shown.folder / "colors"))
    shown.screen.session.watch(run)
    await shown.say(*read_events(run), run=run)


@pytest.mark.slow
@pytest.mark.parametrize("terminal", [Terminal(), Terminal(0, unicode=False)])
async def test_all_screens_show_a_run_on_images_in_colour(
    opened: Opened, answering: None, terminal: Terminal
) -> None:
    async with opened((120, 40), terminal) as shown:
        await show_run(shown)
        await shown.press("3")
        name = "in colour" if terminal.unicode else "brightness"
        await shown.until_shown(name)
        view = shown.app.screen.query_one(AttackView)
        drawn = view.text()
        await shown.press("b")
        await shown.until_shown(", red")
        assert view.text() != drawn
        await shown.press(*"bbb")
        await shown.until_shown("largest channel")
        await shown.press("4")
        await shown.until_shown("Weights of linear_1")
        await shown.until_shown(name)
        await shown.press("b")
        await shown.until_shown(", red")
        assert shown.app.screen.query_one(WeightGallery).neurons.view == "red"
        await shown.press("2")
        await shown.until_shown("Image 3, epoch 0")
        await shown.press("e", "space", "right", "down")
        await shown.until_shown("What the model sees: as drawn, in gray")


async def test_a_gray_run_says_why_it_has_no_channels(opened: Opened, answering: None) -> None:
    async with opened() as shown:
        await shown.show(2)
        await shown.press("4", "b")
        await shown.until(lambda: "Only images in colour have channels." in shown.notices)


async def test_the_data_screen_shows_each_pixel_as_three_numbers(
    opened: Opened, answering: None, tmp_path: Path
) -> None:
    source = write_npz(tmp_path / "colors.npz")
    async with opened((120, 40), source=str(source), samples="60") as shown:
        await shown.press("5")
        await shown.until_shown("(6, 5, 3) → (90,)", "images of 6×5×3, as rows (60, 90)")
        await shown.until_shown("pixel (3, 2): 3 × (3 × 5 + 2) = 51:")
