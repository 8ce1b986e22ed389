"""Runs whose source holds other data than when they began."""

from pathlib import Path

import pytest

from mnistop.engine import worker
from mnistop.engine.runs.run_folder import Run
from tests.helpers.dashboard import Opened, Workers
from tests.helpers.selection import one_in
from tests.helpers.small_data import DataFile
from tests.helpers.small_runs import ENDLESS, digits_config, history_of, kill_all, state_of
from tests.helpers.waiting import wait_until

pytestmark = [pytest.mark.process, pytest.mark.slow]


LAUNCH, RESUME, STOP = worker.launch, worker.resume, worker.stop
"""The real ones; the fixture `workers` puts others in their places."""


@pytest.mark.parametrize("size", one_in(3, [(120, 40), (80, 24)]))
async def test_r_on_the_runs_screen_refuses_other_data_in_a_sentence(
    opened: Opened,
    workers: Workers,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    size: tuple[int, int],
) -> None:
    monkeypatch.setattr(worker, "resume", RESUME)
    data = DataFile(tmp_path / "d.npz")
    config = digits_config(source=data.source, samples=DataFile.USED, epochs=ENDLESS)
    try:
        run = LAUNCH(config)
        wait_until(lambda: history_of(run).epochs)
        STOP(run)
        wait_until(lambda: not run.is_running())
        before = run.events_path.read_bytes()
        data.write("permuted")
        async with opened(size) as shown:
            await shown.press("6")
            await shown.until_shown(run.words)
            await shown.press("R")
            changed = "have changed (other images and labels, or another order)"
            await shown.until(lambda: changed in " ".join(shown.notices))
            assert (run.events_path.read_bytes(), state_of(run)) == (before, "stopped")
            data.write()
            await shown.press("R")
            await shown.until(lambda: history_of(run).resumed)
    finally:
        kill_all()


async def test_a_warning_is_shown_as_a_notice(
    opened: Opened, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.helpers import made_up
    from tests.helpers.runs_screen import add

    def resume(run: Run) -> str:
        return f"Run {run.name} was begun by an older mnistop [sic]."

    monkeypatch.setattr(worker, "resume", resume)
    add(workers, 1, "keen-lark", 5, made_up.stopped)
    async with opened() as shown:
        await shown.press("6")
        await shown.until_shown("keen-lark")
        await shown.press("R")
        await shown.until_shown("was begun by an older", "mnistop [sic]")
