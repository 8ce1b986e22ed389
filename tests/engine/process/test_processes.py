"""A training process: started, watched, paused, stopped, killed, and what it leaves behind."""

import asyncio
import contextlib
import itertools
import multiprocessing
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mnistop.engine import events, worker
from mnistop.engine.analysis.loading import load_model_in, load_snapshot
from mnistop.engine.config import RunConfig
from mnistop.engine.errors import RunError
from mnistop.engine.events import EpochFinished, Event
from mnistop.engine.process import job
from mnistop.engine.process.train_run import load_examples
from mnistop.engine.recording.recorder import Recorder
from mnistop.engine.runs import checkpoint, run_folder
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.history import History
from mnistop.engine.runs.predictions import WEIGHTS_FILE, snapshot_epochs
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.training.state import evaluate
from tests.helpers.data_files import openml_answers, write_openml_cache
from tests.helpers.processes import process_of
from tests.helpers.small_runs import (
    ENDLESS,
    ROOT,
    digits_config,
    history_of,
    kill_all,
    prepared,
    state_of,
    to_the_end,
    until,
)
from tests.helpers.waiting import until_true

pytestmark = pytest.mark.process


linux = pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")


async def launched(**values: Any) -> Run:
    return await asyncio.to_thread(worker.launch, digits_config(**values))


async def endless(**values: Any) -> Run:
    """A run in training, with an epoch done."""
    run = await launched(epochs=ENDLESS, **values)
    await until(run, lambda history: history.epochs)
    return run


# A run that comes to its end.


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Run, list[Event]]]:
    """A whole run of 5 epochs, and what it said."""
    folder = tmp_path_factory.mktemp("finished") / "runs"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MNISTOP_RUNS", str(folder))

        async def whole() -> tuple[Run, list[Event]]:
            run = await launched(epochs=5, seed=3)
            assert run.path.parent == folder
            _, said = await to_the_end(run)
            return run, said

        yield asyncio.run(whole())
        kill_all()


def test_a_run_tells_its_story_from_the_start_to_exactly_one_end(
    finished: tuple[Run, list[Event]],
) -> None:
    run, said = finished
    assert isinstance(said[0], events.RunStarted)
    assert [type(event) for event in said].count(events.RunStarted) == 1
    assert [event for event in said if isinstance(event, events.LAST_EVENTS)] == said[-1:]
    assert isinstance(said[-1], events.RunFinished)
    assert (said[-1].epochs, said[-1].reason) == (5, "all epochs")
    assert [event.epoch for event in said if isinstance(event, EpochFinished)] == [0, 1, 2, 3, 4]
    assert {event.run for event in said} == {run.name}
    assert all(a.time <= b.time for a, b in itertools.pairwise(said))
    assert read_events(run) == said
    assert run.log_path.read_text() == ""


def test_the_start_says_what_is_trained_on_what(finished: tuple[Run, list[Event]]) -> None:
    started = finished[1][0]
    assert isinstance(started, events.RunStarted)
    assert started.layers == [64, 16, 10]
    assert started.parameters == 64 * 16 + 16 + 16 * 10 + 10
    assert (started.training_images, started.validation_images) == (320, 80)
    assert started.image_shape == [8, 8]
    assert started.class_names == list("0123456789")
    assert started.versions["torch"] == torch.__version__
    assert started.val_loss == pytest.approx(np.log(10), abs=0.1)


def test_predictions_of_every_epoch_are_kept_from_the_untrained_model_on(
    finished: tuple[Run, list[Event]],
) -> None:
    run, said = finished
    training, _, validation = prepared(run.config())
    rows = run.predictions()
    assert rows.shape == (6, 80)
    assert np.array_equal(run.labels(), validation.labels.numpy())

    untrained, loss, _ = evaluate(training.model, validation)
    assert np.array_equal(rows[0], untrained.argmax(1).numpy())
    assert isinstance(said[0], events.RunStarted)
    assert said[0].val_loss == pytest.approx(loss, rel=1e-6)
    accuracies = [said[0].val_acc, *(e.val_acc for e in said if isinstance(e, EpochFinished))]
    assert (rows == run.labels()).mean(1) == pytest.approx(accuracies, abs=1e-6)

    training.load_state_dict(checkpoint.load(run.path / "checkpoint.pt"))
    assert training.epoch == 5
    trained, *_ = evaluate(training.model, validation)
    assert np.array_equal(rows[5], trained.argmax(1).numpy())
    recorded = run.log_probabilities_after(5, 10)
    assert np.array_equal(recorded, trained.half().numpy())
    assert np.array_equal(run.predictions_after(5), rows[5])


def test_the_kept_weights_are_those_of_their_epochs(finished: tuple[Run, list[Event]]) -> None:
    run, said = finished
    training, _, validation = prepared(run.config())
    kept = snapshot_epochs(run, training.model.sizes)
    assert kept == [0, 1, 2, 3, 4]
    history = history_of(run)
    assert history.best is not None
    best = history.best.epoch + 1
    models = [(WEIGHTS_FILE, epochs, load_snapshot(run, epochs)) for epochs in kept]
    models.append(("best.pt", best, load_model_in(run, run.path / "best.pt")[0]))
    for file, epochs, model in models:
        said_by_it, *_ = evaluate(model, validation)
        predictions = said_by_it.argmax(1).numpy()
        assert np.array_equal(predictions, run.predictions()[epochs]), file
        assert any(
            isinstance(event, events.CheckpointSaved)
            and (event.file, event.epochs) == (file, epochs)
            for event in said
        )


def test_a_finished_run_is_left_with_nothing_running_and_private(
    finished: tuple[Run, list[Event]],
) -> None:
    run, _ = finished
    assert state_of(run) == "finished"
    assert not run.is_running()
    assert run.process_id() is None
    assert stat.S_IMODE(run.path.stat().st_mode) == 0o700
    for file in ("events.jsonl", "predictions.u8", "weights.f32", "log.txt"):
        assert stat.S_IMODE((run.path / file).stat().st_mode) == 0o600
    assert not list(run.path.rglob("*.new"))


def test_a_finished_run_is_not_resumed_stopped_or_paused(
    finished: tuple[Run, list[Event]],
) -> None:
    run, said = finished
    with pytest.raises(RunError, match=f"Run {run.name} is finished: to train it on to N epochs"):
        worker.resume(run)
    for ask in (worker.stop, worker.pause):
        with pytest.raises(RunError, match=f"Run {run.name} is not being trained"):
            ask(run)
    assert read_events(run) == said
    assert not run.is_running()


async def test_early_stopping_is_the_reason_of_the_end(runs_folder: Path) -> None:
    history, _ = await to_the_end(await launched(epochs=ENDLESS, lr=1.0, early_stopping=2))
    assert isinstance(history.ended, events.RunFinished)
    assert history.ended.reason == "early stopping"
    losses = [epoch.val_loss for epoch in history.epochs]
    assert losses.index(min(losses)) == len(losses) - 3


async def test_the_learning_rate_of_each_epoch_is_recorded(runs_folder: Path) -> None:
    history, _ = await to_the_end(await launched(epochs=4, schedule="step", lr=0.2))
    assert [epoch.lr for epoch in history.epochs] == pytest.approx([0.2, 0.2, 0.02, 0.002])


# In training.


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
