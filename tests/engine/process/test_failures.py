"""A training process that cannot start, or fails on the way."""

import asyncio
import resource
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from mnistop.engine import events, worker
from mnistop.engine.config import RunConfig
from mnistop.engine.errors import ConfigError, DataError, RunError
from mnistop.engine.process.child import describe_error
from mnistop.engine.runs import checkpoint, run_folder
from mnistop.engine.runs.history import History
from mnistop.engine.runs.run_folder import Run
from tests.helpers.processes import linux, process_of
from tests.helpers.small_runs import (
    digits_config,
    endless,
    history_of,
    launched,
    state_of,
    to_the_end,
    until,
)

pytestmark = [pytest.mark.process, pytest.mark.fast]


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("digist", "There is no data source digist: did you mean digits"),
        ("/nowhere/at/all", "no file or folder /nowhere/at/all"),
        ("here.npz", f"no file or folder {Path.cwd()}/here.npz"),
    ],
)
def test_a_bad_source_is_told_before_there_is_a_run(
    runs_folder: Path, source: str, sentence: str
) -> None:
    with pytest.raises(DataError, match=sentence):
        worker.launch(RunConfig(source=source))
    assert run_folder.list_runs() == []
    assert not runs_folder.exists()


def test_more_samples_than_there_are_is_told_before_there_is_a_run(runs_folder: Path) -> None:
    with pytest.raises(DataError, match=r"1,797"):
        worker.launch(digits_config(samples=2000))
    assert not runs_folder.exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the device")
def test_a_missing_device_is_told_before_there_is_a_run(runs_folder: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        worker.launch(digits_config(device="cuda"))
    assert caught.value.problems == {
        "device": "PyTorch finds no cuda device here: choose auto or cpu instead."
    }
    assert not runs_folder.exists()


def test_a_runs_folder_that_cannot_be_made_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MNISTOP_RUNS", str(tmp_path / "file" / "runs"))
    with pytest.raises(RunError, match=r"A run folder cannot be made in .*/file/runs"):
        worker.launch(digits_config())


async def test_a_source_is_found_from_the_folder_of_whoever_launches(
    runs_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 5, 3), np.uint8)
    np.savez(tmp_path / "mine.npz", images=images, labels=np.arange(40) % 2)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MNISTOP_RUNS", "my-runs")
    config = RunConfig(source="mine.npz", samples=None, epochs=2)
    run = await asyncio.to_thread(worker.launch, config)
    assert run.path.parent == tmp_path / "my-runs"
    monkeypatch.chdir("/")
    history, _ = await to_the_end(run)
    assert isinstance(history.ended, events.RunFinished)
    assert run.config().source == str(tmp_path / "mine.npz")
    assert history.started is not None
    assert history.started.layers == [15, 128, 2]


# What goes wrong on the way.


def messages_of(history: History) -> str:
    assert isinstance(history.ended, events.RunFailed)
    return history.ended.message


async def test_a_diverging_run_says_so_and_keeps_its_curves(runs_folder: Path) -> None:
    """Weight decay of 2.3 at learning rate 1 multiplies all weights by -1.3 in each step."""
    run = await launched(lr=1.0, weight_decay=2.3, epochs=100)
    history, said = await to_the_end(run)
    assert [event for event in said if isinstance(event, events.LAST_EVENTS)] == said[-1:]
    message = messages_of(history)
    assert state_of(run) == "failed"
    broken = len(history.epochs)
    assert 3 < broken < 60
    assert f"diverged in epoch {broken}, step " in message
    assert "of 10, with learning rate 1. Try a lower learning rate, for example 0.1" in message
    assert all(np.isfinite([e.train_loss, e.val_loss]).all() for e in history.epochs)
    assert history.best is not None
    assert {one.file: one.epochs for one in history.saved}["best.pt"] == history.best.epoch + 1
    assert (run.path / "best.pt").exists()
    assert len(run.predictions()) == broken + 1
    assert b"NaN" not in (run.path / "events.jsonl").read_bytes()
    assert run.log_path.read_text() == ""


async def test_much_too_high_a_learning_rate_ends_in_words(runs_folder: Path) -> None:
    history, _ = await to_the_end(await launched(lr=1000.0, hidden=(64, 64, 64), epochs=50))
    assert "with learning rate 1000. Try a lower learning rate" in messages_of(history)


async def test_a_link_in_a_run_folder_is_not_written_through(
    runs_folder: Path, tmp_path: Path
) -> None:
    run = await endless()
    worker.stop(run)
    before, _ = await to_the_end(run)
    mine = tmp_path / "mine.txt"
    mine.write_text("precious")
    (run.path / "predictions.u8").unlink()
    (run.path / "predictions.u8").symlink_to(mine)
    with pytest.raises(RunError, match=r"predictions\.u8 is a link"):
        worker.resume(run)
    assert mine.read_text() == "precious"
    assert history_of(run).epochs == before.epochs
    assert not run.is_running()


@pytest.mark.slow
@linux
async def test_a_run_folder_that_cannot_be_written_ends_a_run_in_words(
    runs_folder: Path,
) -> None:
    run = await endless(hidden=(4096,))
    await until(run, lambda _: (run.path / "checkpoint.pt").exists())
    worker.pause(run)
    await until(run, lambda history: history.paused)
    size = (run.path / "events.jsonl").stat().st_size + 3000
    assert size < (run.path / "checkpoint.pt").stat().st_size
    resource.prlimit(process_of(run), resource.RLIMIT_FSIZE, (size, size))
    worker.stop(run)
    history, _ = await to_the_end(run)
    assert f"{run.path} cannot be written (File too large)" in messages_of(history)
    assert not list(run.path.glob("*.new"))


async def test_a_fault_of_the_program_is_in_the_log_and_the_last_event_says_where(
    runs_folder: Path,
) -> None:
    run = await endless()
    worker.stop(run)
    await to_the_end(run)
    state = checkpoint.load(run.path / "checkpoint.pt")
    state |= {"order": torch.full((320,), 10**9), "step": 0}
    checkpoint.save(run.path / "checkpoint.pt", state)
    worker.resume(run)
    history, said = await to_the_end(run)
    assert f"IndexError: the traceback is in {run.log_path}." in messages_of(history)
    assert said[-1] == history.ended
    assert "Traceback" in run.log_path.read_text()


@pytest.mark.parametrize("much", [lambda: torch.empty(1 << 60), lambda: bytearray(1 << 60)])
def test_a_lack_of_memory_is_told_in_words(much: Callable[[], object]) -> None:
    with pytest.raises((RuntimeError, MemoryError)) as caught:
        much()
    words = describe_error(caught.value, Run(Path("/some/run")))
    assert words.startswith("The memory is full: free some, then resume the run.")
