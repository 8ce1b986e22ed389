"""Runs in processes of their own, stopped or killed and resumed."""

import asyncio
import contextlib
import os
import random
import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mnistop.engine import events, worker
from mnistop.engine.analysis.loading import load_model
from mnistop.engine.analysis.loading import validation as validation_images
from mnistop.engine.errors import RunError
from mnistop.engine.runs import checkpoint, run_folder
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.run_folder import Run
from tests.helpers.small_runs import (
    ENDLESS,
    KINDS,
    digits_config,
    ever_more,
    history_of,
    launched,
    prepared,
    state_of,
    to_the_end,
    until,
)
from tests.helpers.waiting import until_true

pytestmark = [pytest.mark.process, pytest.mark.fast]


async def resumed(run: Run) -> None:
    await asyncio.to_thread(worker.resume, run)


def results(run: Run) -> dict[str, Any]:
    """All that a run has computed, without times."""
    state = checkpoint.load(run.path / "checkpoint.pt")
    best = checkpoint.load(run.path / "best.pt")["model"]
    weights = [*state["model"].items(), *best.items()]
    return {
        "weights": [(name, weight.numpy().tobytes()) for name, weight in weights],
        "predictions": (run.path / "predictions.u8").read_bytes(),
        "epochs": [
            (each.epoch, each.train_loss, each.val_loss, each.train_acc, each.val_acc, each.lr)
            for each in history_of(run).epochs
        ],
        "snapshots": (run.path / "weights.f32").read_bytes(),
    }


async def never_stopped(config: dict[str, Any]) -> Run:
    """A run that went straight to its end; begun last, it does not hold up who stops the other."""
    run = await launched(**config)
    await to_the_end(run)
    return run


def assert_same_results(run: Run, other: Run) -> None:
    first, second = results(run), results(other)
    for name in first:
        assert first[name] == second[name], name


async def stopped_and_resumed(run: Run, moments: random.Random) -> int:
    """Return how often a run could be stopped before its end, three times at most."""
    for number, enough in enumerate((0, 2, 14)):
        await until(run, lambda history, enough=enough: len(history.epochs) >= enough)
        await asyncio.sleep(moments.uniform(0, 0.02))
        with contextlib.suppress(RunError):
            worker.stop(run)
        _, said = await to_the_end(run)
        if not isinstance(said[-1], events.RunStopped):
            return number
        await resumed(run)
    return number + 1


@pytest.mark.slow
@pytest.mark.parametrize("values", list(KINDS.values())[:4], ids=list(KINDS)[:4])
async def test_stopped_at_random_moments_and_resumed_it_gives_the_same_bits(
    runs_folder: Path, values: dict[str, Any]
) -> None:
    config = {"samples": 1000, "batch_size": 8} | values
    moments = random.Random(7)
    for epochs in ever_more(30):
        config["epochs"] = epochs
        run = await launched(**config)
        if stops := await stopped_and_resumed(run, moments):
            break
    history, said = await to_the_end(run)

    assert isinstance(history.ended, events.RunFinished)
    assert sum(isinstance(event, events.RunResumed) for event in said) == stops
    assert_same_results(run, await never_stopped(config))


async def killed(run: Run, epochs: int) -> bool:
    """Kills a run after more than so many epochs; false if it came to its end before."""
    await until(run, lambda history: len(history.epochs) > epochs)
    if process := run.process_id():
        os.kill(process, signal.SIGKILL)
    await to_the_end(run)
    return state_of(run) == "interrupted"


@pytest.mark.slow
async def test_killed_and_resumed_it_gives_the_same_bits(runs_folder: Path) -> None:
    """Killed after a checkpoint that is older than its last epochs; the last line is torn."""
    config = {"shift": 1, "dropout": 0.1, "samples": 1000, "batch_size": 8}
    for epochs in ever_more(300):
        config["epochs"] = epochs
        run = await launched(**config)
        saved = await until(
            run, lambda history: any(each.file == "checkpoint.pt" for each in history.saved)
        )
        if await killed(run, len(saved.epochs) + 5):
            break
    with open(run.path / "events.jsonl", "ab") as file:
        file.write(b'{"event": "EpochFini')
    before = read_events(run)

    await resumed(run)
    history, said = await to_the_end(run)
    assert said[: len(before)] == before
    (again,) = (event for event in said if isinstance(event, events.RunResumed))
    assert 0 < again.epoch < len(before)
    assert isinstance(history.ended, events.RunFinished)
    assert_same_results(run, await never_stopped(config))


@pytest.mark.slow
async def test_an_empty_checkpoint_as_after_a_power_cut_gives_way_to_the_kept_one(
    runs_folder: Path,
) -> None:
    config = {"samples": 1000, "batch_size": 8}
    for epochs in ever_more(200):
        config["epochs"] = epochs
        run = await launched(**config)
        if not await stopped_and_resumed(run, random.Random(7)):
            continue
        if await killed(run, len(history_of(run).epochs) + 2):
            break
    (run.path / "checkpoint.pt").unlink()
    (run.path / "checkpoint.pt").touch()

    await resumed(run)
    history, _ = await to_the_end(run)
    assert isinstance(history.ended, events.RunFinished)
    assert_same_results(run, await never_stopped(config))
    assert not (run.path / "checkpoint.kept.pt").exists()


async def test_killed_before_its_first_checkpoint_it_starts_again(runs_folder: Path) -> None:
    run = await launched(epochs=3)
    expected = await launched(epochs=3)
    await to_the_end(run)
    await to_the_end(expected)
    content = (run.path / "events.jsonl").read_bytes().splitlines(keepends=True)
    (run.path / "events.jsonl").write_bytes(content[0])
    for file in ("checkpoint.pt", "best.pt", "predictions.u8"):
        (run.path / file).unlink()
    assert state_of(run) == "interrupted"

    await resumed(run)
    history, _ = await to_the_end(run)
    assert isinstance(history.ended, events.RunFinished)
    assert_same_results(run, expected)


@pytest.mark.slow
async def test_of_two_who_resume_at_once_one_starts_the_training(runs_folder: Path) -> None:
    run = await launched(epochs=1_000_000)
    worker.stop(run)
    await to_the_end(run)
    answers = await asyncio.gather(*(resumed(run) for _ in range(4)), return_exceptions=True)
    refused = [answer for answer in answers if answer is not None]
    assert len(refused) < 4
    for answer in refused:
        assert isinstance(answer, RunError)
        assert f"Run {run.name} is already being trained" in str(answer)
    worker.stop(run)
    _, said = await to_the_end(run)
    assert sum(isinstance(event, events.RunResumed) for event in said) == 1


async def test_who_comes_second_is_told_that_the_run_is_being_trained(runs_folder: Path) -> None:
    run, lock = run_folder.create(digits_config(), runs_folder)
    with lock, pytest.raises(RunError, match=f"Run {run.name} is already being trained"):
        worker._start(run_folder.Continuation(run), runs_folder)


async def test_a_run_that_has_just_stopped_is_resumed_once_its_process_has_ended(
    runs_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await launched(epochs=1_000_000)
    worker.stop(run)
    await to_the_end(run)
    await until_true(lambda: not run.is_running())
    monkeypatch.setattr(worker, "_END_SECONDS", 100.0)
    monkeypatch.setattr(worker, "send_signal", lambda *_: None)  # which would be to this process
    process_ends = threading.Timer(0.1, run.take_lock().close)
    process_ends.start()
    await resumed(run)
    worker.stop(run)
    _, said = await to_the_end(run)
    assert sum(isinstance(event, events.RunResumed) for event in said) == 1


async def test_a_damaged_checkpoint_is_told_and_the_rest_is_kept(runs_folder: Path) -> None:
    run = await launched(epochs=1_000_000)
    before = await until(run, lambda history: history.epochs)
    worker.stop(run)
    await to_the_end(run)
    (run.path / "checkpoint.pt").write_bytes(b"no checkpoint")
    await resumed(run)
    history, _ = await to_the_end(run)
    assert isinstance(history.ended, events.RunFailed)
    assert "checkpoint.pt is damaged and cannot be loaded" in history.ended.message
    assert history.epochs[: len(before.epochs)] == before.epochs
    assert len(run.predictions()) > len(before.epochs)


async def test_a_checkpoint_of_another_model_is_told(runs_folder: Path) -> None:
    run, other = await launched(epochs=1_000_000), await launched(epochs=2, hidden=(3,))
    worker.stop(run)
    for each in (run, other):
        await to_the_end(each)
    (run.path / "checkpoint.pt").write_bytes((other.path / "checkpoint.pt").read_bytes())
    await resumed(run)
    history, _ = await to_the_end(run)
    assert isinstance(history.ended, events.RunFailed)
    assert "its checkpoint does not fit its configuration" in history.ended.message


async def test_a_run_whose_data_are_gone_is_not_resumed_and_stays_as_it_was(
    runs_folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "mine.npz"
    digits, images, _ = prepared(digits_config(samples=100, val_fraction=0.1))
    pixels = (images.pixels.reshape(-1, *digits.image_shape) * 255).to(torch.uint8)
    np.savez(file, images=pixels.numpy(), labels=images.labels.numpy())
    run = await launched(source=str(file), samples=None, epochs=1_000_000)
    worker.stop(run)
    await to_the_end(run)
    before = read_events(run)
    file.rename(tmp_path / "elsewhere.npz")
    with pytest.raises(RunError, match=r"cannot go on without its data: .*mine\.npz"):
        await resumed(run)
    assert read_events(run) == before
    assert state_of(run) == "stopped"
    (tmp_path / "elsewhere.npz").rename(file)
    await resumed(run)
    await until(run, lambda history: history.resumed)


async def test_the_weights_of_a_paused_run_are_those_of_its_newest_epoch(runs_folder: Path) -> None:
    run = await launched(epochs=ENDLESS, samples=1000, batch_size=8)
    await until(run, lambda history: len(history.epochs) > 3)
    worker.pause(run)
    history = await until(run, lambda history: history.paused)
    model, trained = load_model(run)
    assert trained == len(history.epochs)
    images, _, _ = validation_images(run)
    assert model(images).argmax(1).tolist() == run.predictions()[trained].tolist()
