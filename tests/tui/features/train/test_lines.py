"""Panes draw the lines that changed, and nothing else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.segment import Segment
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.pilot import Pilot

from mnistop.engine.runs.run_folder import Run
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Strip, plain
from mnistop.tui.features.train.charts import Charts
from mnistop.tui.features.train.epochs import EpochLog
from mnistop.tui.features.train.images import Digit
from mnistop.tui.session import state as states
from mnistop.tui.toolkit.pane import LinesPane
from tests.helpers import made_up
from tests.helpers.textual_hooks import settle
from tests.helpers.waiting import until_true

RUN = Run(Path("/runs") / made_up.NAME)


class Letters(LinesPane, can_focus=True):
    """A pane whose lines a test sets."""

    said = "abc"

    def title(self) -> str:
        return "Letters"

    def lines(self, width: int, height: int) -> list[Strip]:
        return [Strip([Segment(self.said)])]


class LettersApp(App[None]):
    def compose(self) -> ComposeResult:
        yield Letters(Terminal())


@asynccontextmanager
async def letters() -> AsyncIterator[tuple[App[None], Pilot[None], Letters]]:
    app = LettersApp()
    async with app.run_test(size=(20, 5)) as pilot:
        pane = app.query_one(Letters)
        await settle(app)
        yield app, pilot, pane


def watch(pane: LinesPane, monkeypatch: pytest.MonkeyPatch) -> list[Region]:
    """The regions that a pane refreshes from now on."""
    refreshed: list[Region] = []
    monkeypatch.setattr(pane, "refresh", lambda *regions, **_: refreshed.extend(regions))
    return refreshed


async def test_one_letter_refreshes_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    async with letters() as (_, _, pane):
        refreshed = watch(pane, monkeypatch)
        pane.said = "axc"
        pane.redraw()
        pane.redraw()
        assert refreshed == [Region(0, 1, 20, 1)]


async def test_a_pane_that_cannot_be_drawn_says_so_and_the_app_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    async with letters() as (_, _, pane):
        monkeypatch.setattr(pane, "lines", lambda width, height: [1 / 0])
        pane.redraw()
        assert "ZeroDivisionError" in plain(pane._lines)
        [faults] = tmp_path.rglob("faults.txt")
        assert "division by zero" in faults.read_text()
        monkeypatch.undo()
        pane.redraw()
        assert "abc" in plain(pane._lines)


async def test_the_focus_refreshes_the_title_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async with letters() as (app, _, pane):
        refreshed = watch(pane, monkeypatch)
        app.set_focus(pane)
        await settle(app)
        assert pane.has_focus
        app.set_focus(None)
        await settle(app)
        assert not pane.has_focus
        assert refreshed
        assert {region.y for region in refreshed} == {0}


async def test_a_hidden_pane_draws_nothing_until_it_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with letters() as (app, _, pane):
        drawn = []
        monkeypatch.setattr(pane, "lines", lambda width, height: drawn.append(1) or [])
        pane.display = False
        await settle(app)
        pane.redraw()
        assert not drawn
        pane.display = True
        await until_true(lambda: drawn)


async def test_a_pane_fills_its_place_at_every_size() -> None:
    async with letters() as (app, pilot, pane):
        for size in ((1, 1), (3, 2), (20, 5)):
            await pilot.resize_terminal(*size)
            await settle(app)
            assert all(len(strip.text) == size[0] for strip in pane._lines)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.integers(-1, 40), st.integers(30, 160), st.integers(3, 40))
def test_no_pane_draws_more_than_its_size(epochs: int, width: int, height: int) -> None:
    state = states.State()
    if epochs >= 0:
        state = states.reduce(states.State(run=RUN, epochs_planned=100), made_up.story(epochs))
    charts, log, digit = Charts(Terminal()), EpochLog(Terminal()), Digit(Terminal())
    charts.state = log.state = state
    digit.wait(state.hint)
    if epochs > 0:
        digit.content, digit.state = made_up.answer(3, 0.1, epochs), state
    for pane in (charts, log, digit):
        lines = pane.lines(width, height)
        assert len(lines) <= height
        assert all(strip.cell_length <= width for strip in lines)
