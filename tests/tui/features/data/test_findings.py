"""The findings on the data screen: the list, its images, and the search for doubted labels."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mnistop.engine import worker
from mnistop.engine.config import RunConfig
from tests.helpers.dashboard import Dashboard, Opened, Workers
from tests.helpers.odd_data import MadeUpSearch, write_odd


@pytest.fixture
def searches(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> list[MadeUpSearch]:
    """Questions are answered in this process; the searches begun, which start none."""

    async def ask(question: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.to_thread(question, *args)

    monkeypatch.setattr(worker, "ask", ask)
    monkeypatch.setattr("mnistop.tui.features.data.screen.DoubtSearch", MadeUpSearch)
    monkeypatch.setattr(MadeUpSearch, "begun", [])
    return MadeUpSearch.begun


async def test_the_default_images_have_nothing_odd(
    opened: Opened, searches: list[MadeUpSearch]
) -> None:
    async with opened() as shown:
        await shown.press("5")
        await shown.until_shown("Nothing odd was found in 4,502 images.", "d trains models")


async def test_findings_lead_to_their_images(
    opened: Opened, searches: list[MadeUpSearch], tmp_path: Path
) -> None:
    async with opened(source=write_odd(tmp_path / "odd.npz"), samples="all") as shown:
        await shown.press("5", "c")
        await shown.until_shown("error same image, other label 2", "test images seen")
        await shown.press("down")
        await shown.until_shown("test images seen: 1–2 of 2", "Image 12, ", "1 test image is also")
        await shown.press("n")
        await shown.until_shown("Image test 3, ", "= 12")
        await shown.press("enter", "left", "enter")
        await shown.until_shown("Image 12, ")
        await shown.press("escape", "escape")
        await shown.until_shown("Images 0–15 of 100", "Image 12, ")
        await shown.press("escape")
        assert shown.app.screen is shown.screen


async def test_in_a_small_terminal_the_image_is_beside_the_list(
    opened: Opened, searches: list[MadeUpSearch], tmp_path: Path
) -> None:
    async with opened((80, 24), source=write_odd(tmp_path / "odd.npz"), samples="all") as shown:
        await shown.press("5", "c")
        await shown.until_shown("error same image, other label 2")
        await shown.press("n")
        await shown.until_shown("findings: Image 11, ")
        assert any("▀" in line[44:] for line in shown.lines[4:14])


async def doubts_of(shown: Dashboard, searches: list[MadeUpSearch]) -> MadeUpSearch:
    """Begin a search, and return it."""
    await shown.press("5")
    await shown.until_shown("Nothing odd was found")
    await shown.press("d")
    await shown.until_shown("training 5 models (")
    (search,) = searches
    return search


async def test_doubted_labels_are_listed_with_what_is_believed(
    opened: Opened, searches: list[MadeUpSearch]
) -> None:
    async with opened() as shown:
        search = await doubts_of(shown, searches)
        search.find([33, 28], [9, 2], [7, 3])
        await shown.until_shown(
            "warning doubted labels 2", "doubted labels: 1–2 of 2", "Image 33, 9, training, 7? 99%"
        )
        await shown.press("n")
        await shown.until_shown("Image 28, 2, training, 3? 90%")
        await shown.press("enter", "d")
        await shown.until(lambda: len(searches) == 2)


async def test_a_search_can_be_stopped_and_ends_with_the_data(
    opened: Opened, searches: list[MadeUpSearch]
) -> None:
    async with opened() as shown:
        search = await doubts_of(shown, searches)
        await shown.press("s")
        await shown.until_shown("d trains models")
        assert search.is_over
        await shown.press("d")
        await shown.until(lambda: len(searches) == 2)
        await shown.press("1", "down", "right", "5")
        await shown.until_shown("Data: digits")
        assert searches[1].is_over


async def test_a_search_that_fails_or_finds_nothing_says_so(
    opened: Opened, searches: list[MadeUpSearch]
) -> None:
    async with opened() as shown:
        search = await doubts_of(shown, searches)
        search.fail("The loss is no longer a number.")
        await shown.until_shown("The loss is no longer a number.")
        await shown.press("d")
        await shown.until(lambda: len(searches) == 2)
        searches[1].find([], [], [])
        await shown.until_shown("None of 100 labels is doubted")


async def test_a_search_that_begins_after_the_data_have_changed_is_stopped(
    opened: Opened, searches: list[MadeUpSearch], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()

    def search(config: RunConfig, folds: int) -> MadeUpSearch:
        gate.wait()
        return MadeUpSearch(config, folds)

    monkeypatch.setattr("mnistop.tui.features.data.screen.DoubtSearch", search)
    async with opened() as shown:
        try:
            await shown.press("5")
            await shown.until_shown("Nothing odd was found")
            await shown.press("d", "1", "down", "right", "5")
            await shown.until_shown("Data: digits", "d trains models")
        finally:
            gate.set()
        await shown.until(lambda: len(searches) == 1)
        await shown.until(lambda: searches[0].is_over)
