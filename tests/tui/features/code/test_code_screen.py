"""The settings in the form as code: seen before any run, written as a script or a notebook."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mnistop.engine import worker
from mnistop.engine.config import RunConfig
from mnistop.engine.errors import RunError
from mnistop.engine.export.code_files import Code, code_of
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.draw.capabilities import Terminal
from tests.helpers.dashboard import Opened, Workers
from tests.helpers.selection import one_in

SMALL = {"source": "digits", "samples": "200", "lr": "0.25", "optimizer": "adam"}


@pytest.fixture
def asked(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> list[tuple[RunConfig, Run | None]]:
    """The code that was requested; that of a run is made up."""
    found: list[tuple[RunConfig, Run | None]] = []

    async def ask(question: Callable[..., Any], *args: Any) -> Any:
        if question is not code_of:
            raise RunError("not here")
        config, run, *_ = args
        found.append((config, run))
        return Code("loss.backward()\n") if run else code_of(*args)

    monkeypatch.setattr(worker, "ask", ask)
    return found


@pytest.mark.parametrize("size", one_in(4, [(120, 40), (80, 24), (60, 16)]))
async def test_the_code_is_there_before_any_run_and_esc_leads_back(
    opened: Opened, asked: list[Any], size: tuple[int, int]
) -> None:
    async with opened(size, **SMALL) as shown:
        await shown.press("C")
        await shown.until_shown("The settings as code", "import torch")
        for _ in range(40):
            if "learning_rate = 0.25" in shown.text:
                break
            await shown.press("down")
        assert "learning_rate = 0.25" in shown.text
        await shown.press("escape")
        assert shown.app.screen is shown.screen
        await shown.press("8", "C")
        await shown.until_shown("The settings as code")
        await shown.press("escape")
        assert "Loop" in type(shown.app.screen).__name__


@pytest.mark.parametrize(
    ("key", "name", "command"),
    [("w", "mnistop-training.py", "python"), ("n", "mnistop-training.ipynb", "jupyter lab")],
)
async def test_script_and_notebook_are_written_and_it_says_where(
    opened: Opened, asked: list[Any], tmp_path: Path, key: str, name: str, command: str
) -> None:
    async with opened(**SMALL) as shown:
        await shown.press("C")
        await shown.until_shown("import torch")
        await shown.press(key)
        await shown.until(lambda: shown.notices)
        assert shown.notices == [
            f"Written to {tmp_path / name}, with its images in mnistop-training.npz. "
            f"To run it: {command} {name}"
        ]
        text = (tmp_path / name).read_text("utf-8")
        assert "learning_rate = 0.25" in (text if key == "w" else str(json.loads(text)))
        assert (tmp_path / "mnistop-training.npz").exists()


async def test_of_a_shown_run_it_is_that_of_the_run_until_the_form_changes(
    opened: Opened, asked: list[Any]
) -> None:
    async with opened() as shown:
        run = await shown.show(3)
        await shown.press("C")
        await shown.until_shown(f"Run {run.words} as code")
        assert [of for _, of in asked] == [run]
        await shown.press("escape")
        shown.screen._form.unlock()
        shown.screen.set_rate("0.5")
        await shown.press("C")
        await shown.until_shown("The settings as code")
        assert asked[-1] == (RunConfig(lr=0.5), None)


async def test_a_wrong_form_has_no_code(opened: Opened, asked: list[Any]) -> None:
    async with opened(lr="-1") as shown:
        await shown.press("C")
        await shown.until_shown("A value in the form is wrong")
        await shown.press("w")
        assert shown.notices == ["A value in the form is wrong: press 1 and correct it."]


async def test_in_ascii_the_code_is_ascii(opened: Opened, asked: list[Any]) -> None:
    async with opened((120, 40), Terminal(colors=0, unicode=False), **SMALL) as shown:
        await shown.press("C")
        await shown.until_shown("import torch")
        assert shown.text.isascii()
