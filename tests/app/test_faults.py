"""Faults of the program, which end neither the app nor the training."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.app.dashboard import Dashboard
from tui.panes.charts import Charts
from tui.session import Session

Opened = Callable[..., AbstractAsyncContextManager[Dashboard]]


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
        monkeypatch.setattr(Session, "look", fails)
        await shown.press("left", "left")
        (notice,) = shown.notices
        assert "ZeroDivisionError" in notice
        monkeypatch.undo()
        await shown.press("left")
        assert shown.state.cursor == 3


async def test_a_screen_that_cannot_be_opened_says_so_and_the_dashboard_stays(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as shown:
        shown.may_fail = True
        monkeypatch.setattr("tui.screens.runs.RunsScreen.__init__", fails)
        await shown.press("6")
        assert "ZeroDivisionError" in shown.notices[-1]
        assert shown.app.screen is shown.screen
        monkeypatch.undo()
        await shown.press("6")
        assert shown.app.screen is not shown.screen
