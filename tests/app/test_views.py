"""What is loaded before the first frame, and what after it."""

import json
import subprocess
import sys

import pytest

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.navigator import NAMES, Views
from mnistop.tui.toolkit.bars import SCREENS
from tests.helpers.small_runs import ROOT

pytestmark = pytest.mark.process


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
