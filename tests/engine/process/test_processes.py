"""Training processes: signals, terminals, readers, and what they hold of their launcher."""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mnistop.engine import events, worker
from mnistop.engine.config import RunConfig
from mnistop.engine.errors import RunError
from mnistop.engine.process import job
from mnistop.engine.process.train_run import load_examples
from mnistop.engine.recording.recorder import Recorder
from mnistop.engine.runs import checkpoint, run_folder
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.history import History
from tests.helpers.data_files import openml_answers, write_openml_cache
from tests.helpers.processes import linux, process_of
from tests.helpers.small_runs import (
    ENDLESS,
    ROOT,
    endless,
    history_of,
    launched,
    state_of,
    to_the_end,
    until,
)
from tests.helpers.waiting import until_true

pytestmark = [pytest.mark.process, pytest.mark.fast]


async def test_a_run_is_watched_running_paused_running_again_and_stopped(
    runs_folder: Path,
) -> None:
    run = await endless()
    assert state_of(run) == "running"

    worker.pause(run)
    before = await until(run, lambda history: history.paused)
    assert state_of(run) == "paused"
    await asyncio.sleep(0.3)
    assert history_of(run).epochs == before.epochs
    worker.pause(run)

    worker.resume(run)
    after = await until(run, lambda history: len(history.epochs) > len(before.epochs) + 1)
    assert state_of(run) == "running"
    last, following = after.epochs[len(before.epochs) - 1 : len(before.epochs) + 1]
    assert following.seconds <= following.time - last.time - 0.3

    worker.stop(run)
    history, said = await to_the_end(run)
    assert isinstance(said[-1], events.RunStopped)
    assert state_of(run) == "stopped"
    saved = checkpoint.load(run.path / "checkpoint.pt")
    assert (saved["epoch"], saved["step"]) == (said[-1].epochs, said[-1].step)
    assert len(history.epochs) == said[-1].epochs
    assert len(run.predictions()) == said[-1].epochs + 1


async def test_a_paused_run_can_be_stopped(runs_folder: Path) -> None:
    run = await endless()
    worker.pause(run)
    await until(run, lambda history: history.paused)
    worker.stop(run)
    history, _ = await to_the_end(run)
    assert isinstance(history.ended, events.RunStopped)
    assert not history.paused


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_a_run_once_however_often_it_comes(
    runs_folder: Path, number: signal.Signals
) -> None:
    run = await endless(hidden=(512, 512))
    process = process_of(run)
    os.kill(process, number)
    with contextlib.suppress(ProcessLookupError):  # it may be gone already
        for _ in range(2):
            os.kill(process, number)
    _, said = await to_the_end(run)
    assert [type(event) for event in said if isinstance(event, events.LAST_EVENTS)] == [
        events.RunStopped
    ]
    assert run.log_path.read_text() == ""


async def test_a_stop_right_at_the_start_is_heard(runs_folder: Path) -> None:
    run = await launched(epochs=ENDLESS)
    worker.stop(run)
    _, said = await to_the_end(run)
    assert isinstance(said[-1], events.RunStopped)
    worker.resume(run)
    await until(run, lambda history: len(history.epochs) > 2)


async def test_hanging_up_the_terminal_does_not_touch_the_training(runs_folder: Path) -> None:
    run = await endless()
    os.kill(process_of(run), signal.SIGHUP)
    done = len(history_of(run).epochs)
    await until(run, lambda history: len(history.epochs) > done + 3)
    assert state_of(run) == "running"


@pytest.mark.slow
def test_not_even_at_its_very_start_does_a_hang_up_end_the_fork_server() -> None:
    script = """
import os, signal
from multiprocessing import forkserver
from mnistop.engine.process import fork_server

fork_server.warm_up()
server = forkserver._forkserver._forkserver_pid
os.kill(server, signal.SIGHUP)
fork_server.context.Process(target=os.getpid).start()
assert forkserver._forkserver._forkserver_pid == server
assert signal.SIGHUP not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)


async def test_a_killed_run_is_interrupted_and_whoever_follows_it_hears_so(
    runs_folder: Path,
) -> None:
    run = await endless()
    os.kill(process_of(run), signal.SIGKILL)
    history, said = await to_the_end(run)
    assert isinstance(said[-1], events.RunInterrupted)
    assert history.ended is None
    assert state_of(run) == "interrupted"
    with pytest.raises(RunError, match="is not being trained"):
        worker.stop(run)


async def test_several_runs_train_side_by_side(runs_folder: Path) -> None:
    both = [await launched(epochs=30, seed=seed) for seed in (1, 2)]
    ends = await asyncio.gather(*(to_the_end(run) for run in both))
    assert [len(history.epochs) for history, _ in ends] == [30, 30]
    assert ends[0][0].epochs[-1].train_loss != ends[1][0].epochs[-1].train_loss
    assert {run.name for run in run_folder.list_runs()} == {run.name for run in both}


async def test_two_readers_of_a_run_hear_the_same(runs_folder: Path) -> None:
    run = await launched(epochs=50)
    (_, first), (_, second) = await asyncio.gather(to_the_end(run), to_the_end(run))
    assert first == second == read_events(run)


async def test_a_run_is_not_deleted_while_it_trains(runs_folder: Path) -> None:
    run = await endless()
    with pytest.raises(RunError, match="stop it first"):
        run.delete()
    worker.stop(run)
    await to_the_end(run)
    run.delete()
    assert run_folder.list_runs() == []


@pytest.mark.slow
async def test_a_long_epoch_tells_how_far_it_is(runs_folder: Path) -> None:
    """On a fast machine the first report may come in the second epoch or later."""
    sizes = {"samples": 4500, "batch_size": 1, "hidden": (512,)}
    run = await launched(source="bundled", epochs=ENDLESS, **sizes)
    told: list[events.BatchProgress] = []

    def twice(history: History) -> bool:
        if history.progress and history.progress not in told:
            told.append(history.progress)
        return len(told) == 2

    await until(run, twice)
    worker.stop(run)
    _, said = await to_the_end(run)
    assert [event for event in said if isinstance(event, events.BatchProgress)][:2] == told
    for event in told:
        assert event.steps == 3600
        assert 0 < event.step <= 3600
        assert 0 < event.train_loss < 3
        assert event.images_per_second > 0
    first, second = ((event.epoch, event.step) for event in told)
    assert first < second


@linux
async def test_the_training_process_has_no_terminal_and_holds_nothing_of_its_launcher(
    runs_folder: Path,
) -> None:
    marker = open(runs_folder.parent / "marker", "w")  # noqa: SIM115
    os.set_inheritable(marker.fileno(), True)
    run = await endless()
    process = Path("/proc", str(process_of(run)))

    fields = (process / "stat").read_text().rpartition(")")[2].split()
    _state, parent, group, session, terminal = fields[:5]
    assert group == session == process.name
    assert terminal == "0"
    assert int(parent) != os.getpid()

    opened = {int(link.name): os.readlink(link) for link in (process / "fd").iterdir()}
    assert opened[0] == opened[1] == os.devnull
    assert opened[2] == str(run.log_path)
    outside = {
        path
        for path in opened.values()
        if path != os.devnull and not Path(path).is_relative_to(run.path)
    }
    assert outside == set()
    assert os.readlink(process / "cwd") == "/"
    marker.close()


@linux
@pytest.mark.parametrize("threads", [1, 3])
async def test_threads_are_as_many_as_asked_for(runs_folder: Path, threads: int) -> None:
    run = await endless(threads=threads, hidden=(512,), batch_size=512, samples=None)
    status = Path("/proc", str(process_of(run)), "status").read_text()
    (count,) = (int(line.split()[1]) for line in status.splitlines() if line[:8] == "Threads:")
    others = 1  # gives signs of life, once a second
    assert (count - others > 1) == (threads > 1)


async def test_closing_the_answers_ends_their_process_and_no_other(runs_folder: Path) -> None:
    host = multiprocessing.get_context("forkserver").Process(target=time.sleep, args=(100,))
    host.start()
    answering = await worker.ask(os.getpid)
    assert Path("/proc", str(answering)).exists()
    worker.close()
    await until_true(
        lambda: answering not in {child.pid for child in multiprocessing.active_children()}
    )
    assert host.is_alive()
    host.kill()
    host.join()


def test_a_source_that_is_not_at_hand_is_waited_for_in_the_run_which_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files fetched by scikit-learn must be read once, which takes half a minute for all MNIST."""
    monkeypatch.setenv("MNISTOP_CACHE", str(tmp_path))
    labels = (np.arange(40) % 2).astype(np.uint8)
    images = np.random.default_rng(0).integers(0, 256, (40, 784), np.uint8)
    write_openml_cache(tmp_path, openml_answers(images, labels))
    config = RunConfig(source="openml", samples=None)
    assert job._data_if_here(config) is None
    run, lock = run_folder.create(config, tmp_path / "runs")
    with lock:
        examples = load_examples(config, Recorder(run))
    assert len(examples.training) + len(examples.validation) == 40
    waited = [event.message for event in read_events(run) if isinstance(event, events.Preparing)]
    assert any("reading mnist_784, about half a minute" in message for message in waited)
    assert job._data_if_here(config) is not None
