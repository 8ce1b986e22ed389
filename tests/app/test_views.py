"""Modules loaded before the first frame, and after it."""

import json
import subprocess
import sys

import pytest

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.navigator import NAMES, Views
from mnistop.tui.session.run_screen import RunScreen
from mnistop.tui.toolkit.bars import SCREENS
from tests.helpers.dashboard import Opened
from tests.helpers.small_runs import ROOT

PROGRAM = """
import json, sys
from mnistop.tui import app
from mnistop.tui import navigator
features = "mnistop.tui.features."
shown = [name for name in sys.modules if name.startswith(features) and name.endswith(".screen")]
heavy = [name for name in ("numpy", "plotext", "torch", "sklearn") if name in sys.modules]
navigator.load_the_rest().join()
missing = [name for name in navigator.LOADED_AFTER_THE_FIRST_FRAME if name not in sys.modules]
print(json.dumps([sorted(shown), heavy, missing]))
"""


@pytest.mark.process
def test_only_the_dashboard_is_loaded_before_the_first_frame_and_all_after_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True
    )
    shown, heavy, missing = json.loads(done.stdout)
    assert shown == ["mnistop.tui.features.train.screen"]
    assert heavy == []
    assert missing == []


@pytest.mark.parametrize("name", NAMES)
def test_a_screen_is_found_by_its_row(name: str) -> None:
    view = Views(Terminal(), lambda: None)[name]
    assert type(view).__name__ == f"{name.capitalize()}Screen"
    assert name in SCREENS
    assert view.sections()


async def test_a_screen_that_opens_is_drawn_once(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    resumed: list[str] = []
    resume = RunScreen.on_screen_resume

    def resume_and_count(screen: RunScreen) -> None:
        resumed.append(type(screen).__name__)
        resume(screen)

    monkeypatch.setattr(RunScreen, "on_screen_resume", resume_and_count)
    async with opened() as shown:
        await shown.press("6")
        await shown.press("1")
        await shown.press("6")
        assert resumed == ["TrainScreen", "RunsScreen", "TrainScreen", "RunsScreen"]


def test_no_screen_calls_the_handler_of_its_base_which_textual_calls_too() -> None:
    for path in (ROOT / "tui").rglob("screen.py"):
        assert "super().on_screen_resume" not in path.read_text(encoding="utf-8"), path
