"""Keys that come all at once, as a slow line delivers them: each acts where the last one led."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from textual.events import Key

from mnistop.engine import worker
from mnistop.engine.runs.index import Index
from mnistop.tui.features.compare.screen import CompareScreen
from mnistop.tui.features.runs.screen import RunsScreen
from mnistop.tui.session.compared import ComparedRun, Comparison
from mnistop.tui.toolkit.dialogs import AskScreen
from tests.helpers.dashboard import Opened, Workers
from tests.helpers.runs_screen import open_runs, some


async def test_a_filter_is_typed_and_its_first_run_marked(opened: Opened, workers: Workers) -> None:
    some(workers)
    async with opened() as shown:
        await open_runs(shown)
        await shown.burst("slash", *"lr>0.1", "enter", "space")
        await shown.until_shown("Runs: 1 of 3", "1 run is marked")


async def test_a_run_is_named_by_keys_that_mean_something_else_in_the_list(
    opened: Opened, workers: Workers
) -> None:
    some(workers)
    async with opened() as shown:
        await open_runs(shown)
        await shown.burst("t", *"doc", "enter", "d", "n")
        await shown.until_shown("doc", "Runs: 3")
        assert isinstance(shown.app.screen, RunsScreen)


async def test_runs_are_marked_compared_and_read_out_at_an_earlier_epoch(
    opened: Opened, workers: Workers
) -> None:
    some(workers)
    async with opened() as shown:
        await open_runs(shown)
        await shown.burst("space", "space", "c", "left")
        await shown.until_shown("Epoch 8")
        assert isinstance(shown.app.screen, CompareScreen)


@pytest.mark.slow
async def test_screens_are_opened_and_left(opened: Opened, workers: Workers) -> None:
    some(workers)
    async with opened() as shown:
        await shown.burst("6", "question_mark", "escape", "escape", "2", "6")
        await shown.until(lambda: isinstance(shown.app.screen, RunsScreen))
        await shown.until_shown("brave-birch")
        await shown.burst("d", "escape", "down", "d")
        assert isinstance(shown.app.screen, AskScreen)
        await shown.until_shown("Delete keen-lark")


def test_epochs_are_stepped_through_before_they_are_read(workers: Workers) -> None:
    some(workers)
    index = Index()
    while not index.look(10):
        pass
    comparison = Comparison([ComparedRun.of(listed) for listed in index.runs[:2]])
    for by in (-10000000, 3, -1):
        comparison.move(by)
    comparison.read()
    assert comparison.when == "epoch 2"


@pytest.mark.slow
async def test_what_is_typed_before_the_list_of_runs_is_read_acts_on_it(
    opened: Opened, workers: Workers
) -> None:
    some(workers)
    async with opened() as shown:
        await shown.burst("6", "down", "space")
        await shown.until_shown("1 run is marked", "a ■ stopped keen-lark")


@pytest.mark.slow
async def test_keys_wait_for_the_runs_that_there_is_room_for(
    opened: Opened, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    some(workers)
    the_rest, look = threading.Event(), Index.look

    def one_run_and_then_the_rest(index: Index, seconds: float) -> bool:
        return look(index, 0.0) if index.unread == 0 else the_rest.wait(50) and look(index)

    monkeypatch.setattr(Index, "look", one_run_and_then_the_rest)
    monkeypatch.setattr("mnistop.tui.terminal.terminal_app._LONGEST_WAIT", 1000.0)
    async with opened() as shown:
        for key in ("6", "end", "space"):
            shown.app.post_message(Key(key, " " if key == "space" else key))
        await shown.until_shown("Reading 2 more runs", "✓ finished brave-birch")
        await asyncio.sleep(0.1)  # keys that do not wait have acted by then
        the_rest.set()
        await shown.until_shown("1 run is marked", "a ✓ finished calm-otter")


@pytest.mark.slow
async def test_what_is_typed_before_the_data_are_there_acts_on_them(
    opened: Opened, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = asyncio.Event()

    async def ask(question: Callable[..., Any], *args: Any) -> Any:
        await there.wait()
        return question(*args)

    monkeypatch.setattr(worker, "ask", ask)
    async with opened() as shown:
        for key in ("5", "n", "right"):
            shown.app.post_message(Key(key, key))
        await shown.until_shown("Loading bundled")
        there.set()
        await shown.until_shown("Images 16–31", "Image 17, ")


@pytest.mark.slow
async def test_what_leads_elsewhere_does_not_wait_for_data(
    opened: Opened, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(question: object, *args: object) -> object:
        return await asyncio.Event().wait()

    monkeypatch.setattr(worker, "ask", ask)
    async with opened() as shown:
        for key in ("5", "n", "escape", "right"):
            shown.app.post_message(Key(key, key))
        await shown.until_shown("‹too high›")
