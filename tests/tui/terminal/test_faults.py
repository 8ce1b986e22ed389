"""Faults of the program, which end neither the app nor the training."""

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.widget import Widget

import mnistop.tui
from mnistop.engine.runs.index import Index
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.attack.accuracy import ChooseRunScreen
from mnistop.tui.features.runs.screen import RunsScreen
from mnistop.tui.features.sweep.form import SweepSize
from mnistop.tui.features.sweep.form_screen import SweepFormScreen
from mnistop.tui.features.train.charts import Charts
from mnistop.tui.session.progress import LiveRuns
from mnistop.tui.session.session import Session
from mnistop.tui.terminal.faults import FaultTolerant
from mnistop.tui.terminal.textual_hooks import InputHook
from mnistop.tui.toolkit.bars import KeyBar
from mnistop.tui.toolkit.inputs import ValueInput
from tests.helpers.dashboard import Opened


def fails(*_: object) -> None:
    raise ZeroDivisionError("division by zero")


async def test_a_key_that_fails_says_so_and_the_app_goes_on(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with opened() as shown:
        shown.may_fail = True
        await shown.show(5)
        await shown.go_to("charts")
        monkeypatch.setattr(Charts, "action_log", fails)
        await shown.press("y")
        assert "This is a fault of the program, ZeroDivisionError" in shown.notices[-1]
        assert "Training is not affected" in shown.notices[-1]
        (written,) = tmp_path.rglob("faults.txt")
        assert "in fails" in written.read_text()
        monkeypatch.undo()
        await shown.press("y")
        assert "log scale" in shown.text_of("charts")


async def test_what_fails_after_a_key_says_so_and_its_screen_goes_on(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as shown:
        shown.may_fail = True
        await shown.show(5)
        await shown.go_to("charts")
        with monkeypatch.context() as patch:
            patch.setattr(Session, "look", fails)
            await shown.press("left", "left")
        (notice,) = shown.notices
        assert "ZeroDivisionError" in notice
        await shown.press("left")
        assert shown.state.cursor == 3


async def test_a_screen_that_cannot_be_opened_says_so_and_the_dashboard_stays(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as shown:
        shown.may_fail = True
        monkeypatch.setattr("mnistop.tui.features.runs.screen.RunsScreen.__init__", fails)
        await shown.press("6")
        assert "ZeroDivisionError" in shown.notices[-1]
        assert shown.app.screen is shown.screen
        monkeypatch.undo()
        await shown.press("6")
        assert shown.app.screen is not shown.screen


def of_ours(kind: type[Widget]) -> Iterator[type[Widget]]:
    for below in kind.__subclasses__():
        if below.__module__.startswith("mnistop.tui."):
            yield below
        yield from of_ours(below)


def test_all_widgets_and_screens_go_on_after_a_fault() -> None:
    for module in pkgutil.walk_packages(mnistop.tui.__path__, "mnistop.tui."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found = set(of_ours(Widget))
    assert {Charts, SweepFormScreen, ValueInput} < found
    left = {kind for kind in found if not issubclass(kind, FaultTolerant)}
    assert left == {InputHook}  # whose subclasses are


async def test_what_fails_in_a_pane_says_so_and_the_pane_goes_on(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as shown:
        shown.may_fail = True
        await shown.press("enter")
        monkeypatch.setattr(ValueInput, "on_key", fails)
        monkeypatch.setattr(KeyBar, "on_resize", fails)
        await shown.press("7")
        await shown.resize(100, 30)
        (notice,) = shown.notices
        assert "ZeroDivisionError" in notice
        monkeypatch.undo()
        await shown.press("escape", "down")
        await shown.resize(120, 40)
        assert shown.app.is_running
        assert "Train" in shown.lines[-1]


async def test_what_fails_in_a_dialog_says_so_and_the_dialog_goes_on(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as shown:
        shown.may_fail = True
        await shown.press("6")
        monkeypatch.setattr(SweepFormScreen, "on_mount", fails)
        await shown.press("S")
        await shown.until(lambda: isinstance(shown.app.screen, SweepFormScreen) and shown.notices)
        assert "ZeroDivisionError" in shown.notices[-1]
        monkeypatch.undo()
        shown.app.clear_notifications()
        monkeypatch.setattr(SweepSize, "show", fails)
        await shown.press("tab", "down", "right")
        assert "ZeroDivisionError" in shown.notices[-1]
        monkeypatch.undo()
        await shown.press("right", "left")
        assert "2 seeds each" in shown.sentences
        await shown.press("escape")
        assert isinstance(shown.app.screen, RunsScreen)


async def test_work_beside_a_dialog_that_fails_says_so(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as shown:
        shown.may_fail = True
        monkeypatch.setattr(Index, "look", fails)
        await shown.show(5)
        shown.app.push_screen(ChooseRunScreen(Terminal(), None))
        await shown.until(lambda: shown.notices)
        assert "ZeroDivisionError" in shown.notices[-1]
        await shown.press("escape")
        assert shown.app.screen is shown.screen


async def test_a_look_for_runs_that_fails_is_not_said_again_and_again(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []

    def look(self: LiveRuns) -> None:
        looks.append(self)
        fails()

    monkeypatch.setattr(LiveRuns, "look", look)
    monkeypatch.setattr("mnistop.tui.session.progress._LOOK_SECONDS", 0.02)
    async with opened() as shown:
        shown.may_fail = True
        await shown.until(lambda: len(looks) > 3)
        shown.app.clear_notifications()
        await shown.until(lambda: len(looks) > 6)
        assert shown.notices == []
        assert shown.app.is_running


async def test_a_widget_that_cannot_be_drawn_says_so_and_the_others_are(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as shown:
        shown.may_fail = True
        monkeypatch.setattr(KeyBar, "render_line", fails)
        await shown.resize(110, 35)
        assert "ZeroDivisionError" in shown.notices[-1]
        assert "validation share" in shown.text
        assert "Train" not in shown.lines[-1]
        monkeypatch.undo()
        await shown.resize(120, 40)
        assert "Train" in shown.lines[-1]


async def test_what_fails_once_all_is_drawn_says_so(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as shown:
        shown.may_fail = True
        shown.screen.after_refresh(fails)
        await shown.until(lambda: shown.notices)
        assert "ZeroDivisionError" in shown.notices[-1]
        assert shown.app.is_running
