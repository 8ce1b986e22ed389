"""Sweeps that stop, fail, go on or cannot be read, on their screen."""

import pytest

from mnistop.engine import events, worker
from mnistop.engine.config import RunConfig
from mnistop.engine.sweep.grid import plan
from mnistop.engine.sweep.outcomes import SweepReader
from tests.helpers import made_up_sweeps as made_up
from tests.helpers.dashboard import Opened, Workers
from tests.helpers.made_up import write_run
from tests.helpers.sweep_screen import open_sweep, rates


async def test_what_has_ended_a_sweep_is_said(opened: Opened, workers: Workers) -> None:
    sweep = rates(workers, 0.3)
    made_up.stopped(sweep, "The connection to the Dask cluster was lost.")
    async with opened() as shown:
        await open_sweep(shown)
        await shown.until_shown("The connection to the Dask cluster was lost.")
        assert "R resumes it." in shown.text


async def test_it_goes_on_on_a_cluster_only_after_a_yes(
    opened: Opened, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str | None] = []
    monkeypatch.setattr(worker, "resume_sweep", lambda _, dask=None: asked.append(dask))
    sweep = made_up.create(workers.folder, plan(RunConfig(), {"lr": "0.1,1"}), "far", "tcp://a:1")
    made_up.stopped(sweep)
    async with opened() as shown:
        await open_sweep(shown, "far")
        await shown.press("R")
        assert "Continue on the Dask cluster at tcp://a:1, which you know and trust?" in shown.text
        await shown.press("n")
        assert asked == []
        await shown.press("R", "y")
        await shown.until(lambda: asked == ["tcp://a:1"])


@pytest.mark.slow
async def test_a_stopped_one_is_resumed_or_deleted_after_asking(
    opened: Opened, workers: Workers
) -> None:
    sweep = rates(workers, 0.5)
    made_up.stopped(sweep)
    async with opened() as shown:
        await open_sweep(shown, "stopped, 1 of 3 runs done")
        await shown.press("R")
        await shown.until(lambda: workers.told == ["resume_sweep"])
        await shown.press("d")
        assert f"Delete sweep {sweep.words} with its 1 run?" in shown.text
        await shown.press("escape")
        assert sweep.path.exists()
        await shown.press("d", "y")
        await shown.until_shown("There are no sweeps yet")
        assert sweep.members() == []


async def test_one_that_cannot_be_read_says_so_and_hides_no_other(
    opened: Opened, workers: Workers
) -> None:
    older = rates(workers)
    older.path.rename(older.path.with_name("20200101-120000-calm-lark"))
    (rates(workers).path / "sweep.json").write_text("{")
    async with opened() as shown:
        await shown.press("6", "C")
        await shown.until_shown("has a damaged sweep.json")
        await shown.press("p")
        await shown.until_shown("Sweep calm-lark", "0 of 3 runs done")


def test_a_failed_member_says_so_in_its_row(workers: Workers) -> None:
    sweep = rates(workers, 0.5)
    run = sweep.member(2)
    told = [events.RunFailed(run=run.name, time=0.0, message="no room", diverged=True)]
    write_run(workers.folder, told, sweep.plan().configs[1], run.name)
    reader = SweepReader(sweep)
    reader.read()
    assert [one.state for one in reader.outcomes] == ["finished", "failed", "waiting"]
    assert reader.outcomes[1].verdict == "too high: diverged"
    assert reader.done == 2
