"""Fixtures that open the app without any process of its own."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from mnistop.engine import worker
from mnistop.engine.runs.run_folder import Run
from tests.helpers.dashboard import Opened, Workers, dashboard
from tests.helpers.made_up_attacks import Answers


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Workers:
    """No process is started; the folders of the user are empty ones."""
    for variable in ("MNISTOP_RUNS", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / variable.lower()))
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.chdir(tmp_path)
    fake = Workers(tmp_path / "mnistop_runs")
    fake.answers.set()

    async def warmed_up() -> None:
        pass

    async def no_answer(*question: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(worker, "warmed_up", warmed_up)
    monkeypatch.setattr(worker, "launch", fake.launch)
    monkeypatch.setattr(worker, "ask", fake.ask)
    monkeypatch.setattr(worker, "ask_at_low_priority", no_answer)
    monkeypatch.setattr(worker, "launch_sweep", fake.launch_sweep)
    for what in ("stop", "pause", "resume", "resume_sweep"):
        monkeypatch.setattr(worker, what, fake.tell(what))
    return fake


@pytest.fixture
def opened(workers: Workers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Opened:
    """Opens the app; what runs say comes from the test alone, not from their folders."""

    async def no_feed(run: Run, target: object) -> None:
        pass

    monkeypatch.setattr("mnistop.tui.session.session.feed", no_feed)
    return partial(dashboard, tmp_path)


@pytest.fixture
def answers(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Questions about attacks are answered by made-up ones; no other may be put."""
    fake = Answers()
    monkeypatch.setattr(worker, "ask", fake.ask)
    monkeypatch.setattr(worker, "ask_at_low_priority", fake.ask)
    return fake
