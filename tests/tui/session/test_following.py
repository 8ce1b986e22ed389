"""The open run is followed whatever becomes of it, here or elsewhere, also after its end."""

import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mnistop.engine import events
from mnistop.engine.runs.run_folder import Run
from tests.helpers import made_up, recorded_predictions
from tests.helpers.dashboard import Dashboard, Workers, dashboard
from tests.helpers.selection import one_in

STORY = [*made_up.story(12), made_up.stopped(12)]


def resumed(epoch: int) -> events.RunResumed:
    return events.RunResumed(run=made_up.NAME, time=1.0, pid=2, epoch=epoch, step=0)


@asynccontextmanager
async def watched(
    workers: Workers, tmp_path: Path, story: Sequence[events.Event], phase: str
) -> AsyncIterator[tuple[Dashboard, Run]]:
    """The app over a run whose folder is read as it stands on the disk."""
    run = recorded_predictions.write_run(workers.folder, story)
    async with dashboard(tmp_path, run=run) as shown:
        await shown.until(lambda: shown.state.phase == phase)
        yield shown, run


def grow(run: Run, *said: events.Event) -> None:
    """Append a training process's events, and the records before them."""
    recorded_predictions.record(run, made_up.predictions(40))
    made_up.say(run, said)


@pytest.mark.slow
async def test_a_run_resumed_elsewhere_goes_on_on_all_screens(
    workers: Workers, tmp_path: Path
) -> None:
    async with watched(workers, tmp_path, STORY, "stopped") as (shown, run):
        assert "locked" not in shown.text_of("form")
        with made_up.training(run):
            grow(run, resumed(12), made_up.epoch(12), made_up.epoch(13), made_up.saved(14))
            await shown.until_shown("epoch 14 of 100", "Confusion matrix, epoch 13")
            assert "locked" in shown.text_of("form")
            assert "s Stop" in shown.lines[-1]
            await shown.press("2")
            await shown.until_shown("200, epoch 13,")
            grow(run, made_up.epoch(14))
            await shown.until_shown("200, epoch 14,")
            grow(run, made_up.stopped(15))
        await shown.press("1")
        await shown.until_shown("stopped and saved after 15 epochs")
        assert "locked" not in shown.text_of("form")


async def test_a_run_paused_elsewhere_says_so(workers: Workers, tmp_path: Path) -> None:
    run = recorded_predictions.write_run(workers.folder, made_up.story(12))
    with made_up.training(run):
        async with dashboard(tmp_path, run=run) as shown:
            await shown.until_shown("epoch 12 of 100")
            grow(run, events.RunPaused(run=run.name, time=0.0))
            await shown.until_shown("paused: Space goes on")


async def test_a_killed_run_that_was_paused_is_running_when_it_goes_on(
    workers: Workers, tmp_path: Path
) -> None:
    paused = events.RunPaused(run=made_up.NAME, time=0.0)
    story = [*made_up.story(12), paused]
    async with watched(workers, tmp_path, story, "interrupted") as (shown, run):
        with made_up.training(run):
            grow(run, resumed(10), made_up.epoch(10))
            await shown.until_shown("epoch 11 of 100", "Confusion matrix, epoch 10")
            assert shown.state.phase == "running"


@pytest.mark.parametrize("paused", one_in(2, [False, True]))
async def test_a_run_that_starts_again_is_shown_from_its_new_beginning(
    workers: Workers, tmp_path: Path, paused: bool
) -> None:
    """The run was killed before its first checkpoint."""
    story = made_up.story(3)
    story += [events.RunPaused(run=made_up.NAME, time=0.0)] * paused
    async with watched(workers, tmp_path, story, "interrupted") as (shown, run):
        with made_up.training(run):
            grow(run, made_up.started(), made_up.saved(0), made_up.epoch(0))
            await shown.until_shown("epoch 1 of 100", "Confusion matrix, epoch 0")
            assert shown.state.phase == "running"
            assert len(shown.state.history.epochs) == 1


async def test_a_run_deleted_elsewhere_says_so_and_one_put_back_is_read_again(
    workers: Workers, tmp_path: Path
) -> None:
    async with watched(workers, tmp_path, STORY, "stopped") as (shown, run):
        elsewhere = tmp_path / "elsewhere"
        shutil.move(run.path, elsewhere)
        await shown.until_shown("its folder is gone after 12 epochs")
        await shown.press("2")
        await shown.until_shown("The images are gone with the folder of the run")
        shutil.move(elsewhere, run.path)
        await shown.press("1")
        await shown.until_shown("stopped and saved after 12 epochs")


async def test_a_new_run_takes_the_place_of_the_open_one_for_good(
    workers: Workers, tmp_path: Path
) -> None:
    async with watched(workers, tmp_path, STORY, "stopped") as (shown, old):
        other = "20260101-120009-keen-lark"
        new = made_up.write_run(workers.folder, made_up.story(2, other), name=other)
        with made_up.training(new), made_up.training(old):
            shown.screen.session.watch(new)
            await shown.until_shown("epoch 2 of 100")
            grow(old, resumed(12), made_up.epoch(12))
            made_up.say(new, [made_up.epoch(2, other)])
            await shown.until_shown("epoch 3 of 100")
            assert shown.state.run == new
