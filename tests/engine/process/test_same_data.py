"""A run goes on with the data that it began with, or not at all."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistop.engine import events, worker
from mnistop.engine.errors import RunError
from mnistop.engine.events import RunStarted
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.history import History
from mnistop.engine.runs.run_folder import Run, list_runs
from tests.helpers.data_files import openml_answers, write_openml_cache
from tests.helpers.selection import one_in
from tests.helpers.small_data import DataFile
from tests.helpers.small_runs import (
    ENDLESS,
    digits_config,
    history_of,
    run_script,
    state_of,
    to_the_end,
    until,
)
from tests.helpers.waiting import wait_until

pytestmark = pytest.mark.process


@pytest.fixture
def data(tmp_path: Path) -> DataFile:
    return DataFile(tmp_path / "d.npz")


def stopped(source: str, **values: Any) -> Run:
    """A run that has trained some epochs, and was stopped."""
    defaults = {"samples": DataFile.USED, "epochs": ENDLESS}
    run = worker.launch(digits_config(source=source, **(defaults | values)))
    wait_until(lambda: history_of(run).epochs)
    stop(run)
    return run


def stop(run: Run) -> None:
    worker.stop(run)
    wait_until(lambda: not run.is_running())


def contents(run: Run) -> dict[str, bytes]:
    """All of a run but the number of the process that held its lock last."""
    return {
        path.name: path.read_bytes()
        for path in run.path.iterdir()
        if path.is_file() and path.name != "lock"
    }


def as_before_fingerprints(run: Run) -> None:
    """Turn a run into one that an older mnistop has written."""
    lines = []
    for line in run.events_path.read_text().splitlines():
        event = json.loads(line)
        event.pop("data", None)
        lines.append(json.dumps(event) + "\n")
    run.events_path.write_text("".join(lines))


@pytest.mark.fast
@pytest.mark.parametrize("change", one_in(len(DataFile.REFUSED), DataFile.REFUSED))
def test_a_run_does_not_go_on_with_other_data(
    runs_folder: Path, data: DataFile, change: str
) -> None:
    run = stopped(data.source)
    before, epochs = contents(run), len(history_of(run).epochs)
    data.write(change)
    with pytest.raises(RunError) as refused:
        worker.resume(run)
    assert str(refused.value) == (
        f"Run {run.name} cannot go on, since the data in {data.source} have changed "
        f"({DataFile.REFUSED[change]}): put the original data back, or start a new run with them "
        "as they are."
    )
    assert (contents(run), state_of(run)) == (before, "stopped")

    data.write()
    assert worker.resume(run) == ""
    wait_until(lambda: len(history_of(run).epochs) > epochs)
    assert run.events_path.read_bytes().startswith(before["events.jsonl"])


@pytest.mark.fast
@pytest.mark.parametrize("change", one_in(len(DataFile.ACCEPTED), DataFile.ACCEPTED))
def test_a_run_goes_on_with_the_same_data_in_another_file(
    runs_folder: Path, data: DataFile, change: str
) -> None:
    run = stopped(data.source)
    epochs = len(history_of(run).epochs)
    data.write(change)
    assert worker.resume(run) == ""
    wait_until(lambda: len(history_of(run).epochs) > epochs)


def test_with_the_file_gone_a_run_is_left_as_it_is(runs_folder: Path, data: DataFile) -> None:
    run = stopped(data.source)
    before = contents(run)
    data.path.unlink()
    with pytest.raises(RunError, match=f"without its data: there is no file or folder {data.path}"):
        worker.resume(run)
    assert (contents(run), state_of(run)) == (before, "stopped")


def test_all_images_of_a_source_are_those_of_its_beginning(
    runs_folder: Path, data: DataFile
) -> None:
    """Another image would move the split: what was trained on would be validated with."""
    run = stopped(data.source, samples=None)
    before = history_of(run).started
    data.write("more")
    assert worker.resume(run) == ""
    wait_until(lambda: history_of(run).resumed)
    assert history_of(run).started == before
    worker.stop(run)
    wait_until(lambda: not run.is_running())
    data.write("fewer")
    with pytest.raises(RunError, match="400 images used then, 390 there now"):
        worker.resume(run)


def test_a_run_killed_before_its_first_checkpoint_does_not_begin_again_with_other_data(
    runs_folder: Path, data: DataFile
) -> None:
    run = stopped(data.source)
    lines = run.events_path.read_bytes().splitlines(keepends=True)
    run.events_path.write_bytes(lines[0])
    for file in ("checkpoint.pt", "checkpoint.kept.pt", "best.pt", "predictions.u8"):
        (run.path / file).unlink(missing_ok=True)
    data.write("a label of a training image")
    with pytest.raises(RunError, match="other labels"):
        worker.resume(run)
    assert state_of(run) == "interrupted"


async def test_a_killed_run_stays_interrupted_when_its_data_are_others(
    runs_folder: Path, data: DataFile
) -> None:
    run = stopped(data.source)
    worker.resume(run)
    await until(run, lambda history: history.resumed)
    process = run.process_id()
    assert process
    os.kill(process, signal.SIGKILL)
    await to_the_end(run)
    before = contents(run)
    data.write("inverted")
    with pytest.raises(RunError, match="other pixels"):
        worker.resume(run)
    assert (contents(run), state_of(run)) == (before, "interrupted")


@pytest.mark.fast
def test_a_run_of_before_fingerprints_goes_on_with_a_warning_and_keeps_one_from_then_on(
    runs_folder: Path, data: DataFile
) -> None:
    run = stopped(data.source)
    as_before_fingerprints(run)
    warning = worker.resume(run)
    assert "what it trains on could not be compared" in warning
    wait_until(lambda: history_of(run).resumed)
    stop(run)

    data.write("a pixel of a training image")
    with pytest.raises(RunError, match="other pixels"):
        worker.resume(run)
    data.write()
    assert worker.resume(run) == ""


@pytest.mark.parametrize(
    "change", [change for change in DataFile.REFUSED if "training" not in change]
)
def test_a_run_of_before_fingerprints_compares_what_it_has_kept(
    runs_folder: Path, data: DataFile, change: str
) -> None:
    run = stopped(data.source)
    as_before_fingerprints(run)
    before = contents(run)
    data.write(change)
    with pytest.raises(RunError, match="cannot go on, since the data in"):
        worker.resume(run)
    assert contents(run) == before


# Data that are fetched by the training process.


@pytest.fixture
def openml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Put MNIST into the cache in scikit-learn's form, which is slow to read."""
    cache = tmp_path / "cache"
    monkeypatch.setenv("MNISTOP_CACHE", str(cache))

    def put(seed: int) -> None:
        (cache / "mnist_784.npz").unlink(missing_ok=True)
        images = np.random.default_rng(seed).integers(0, 256, (40, 784), np.uint8)
        labels = (np.arange(40) % 2).astype(np.uint8)
        write_openml_cache(cache, openml_answers(images, labels))

    put(0)
    return put


def in_a_fresh_process(runs_folder: Path, what: str) -> None:
    """Use `worker` in an environment of its own, and wait for the run's end."""
    code = (
        "from pathlib import Path\nfrom mnistop.engine import worker\n"
        "from mnistop.engine.config import RunConfig\n"
        "from mnistop.engine.runs.run_folder import Run, list_runs\n"
        "from tests.helpers.waiting import wait_until\n"
        f"{what}\nwait_until(lambda: not list_runs()[0].is_running())\n"
    )
    process = run_script(code, runs_folder)
    assert process.wait() == 0, process.communicate()


def resume_on_openml(run: Run) -> History:
    in_a_fresh_process(run.path.parent, f"worker.resume(Run(Path({str(run.path)!r})))")
    return history_of(run)


def trained_on_openml(runs_folder: Path, values: str, samples: int | None = None) -> Run:
    config = f"RunConfig(source='openml', samples={samples}, device='cpu', {values})"
    in_a_fresh_process(runs_folder, f"worker.launch({config})")
    (run,) = list_runs()
    return run


@pytest.mark.slow
def test_data_fetched_late_are_compared_and_the_run_stays_as_it_was(
    runs_folder: Path, openml: Callable[[int], None]
) -> None:
    run = trained_on_openml(runs_folder, "epochs=3")
    *said, _ = run.events_path.read_bytes().splitlines(keepends=True)
    stopped = events.RunStopped(run=run.name, time=0, epochs=2, step=1).to_json()
    run.events_path.write_bytes(b"".join([*said, stopped.encode() + b"\n"]))
    openml(1)
    history = resume_on_openml(run)
    assert not history.resumed
    assert isinstance(history.ended, events.RunStopped)
    assert "cannot go on, since the data in openml have changed" in history.ended.message
    assert (history.ended.epochs, history.ended.step) == (2, 1)
    assert state_of(run) == "stopped"

    openml(0)
    assert resume_on_openml(run).resumed
    assert state_of(run) == "finished"


@pytest.mark.slow
def test_a_run_that_had_failed_is_still_a_failed_one_when_its_data_are_others(
    runs_folder: Path, openml: Callable[[int], None]
) -> None:
    run = trained_on_openml(runs_folder, "lr=1000, weight_decay=100")
    assert state_of(run) == "failed"
    openml(1)
    history = resume_on_openml(run)
    assert isinstance(history.ended, events.RunFailed)
    assert history.ended.diverged
    assert "have changed" in history.ended.message


@pytest.mark.slow
def test_a_finished_run_that_is_trained_on_is_still_finished_when_its_data_are_others(
    runs_folder: Path, openml: Callable[[int], None]
) -> None:
    run = trained_on_openml(runs_folder, "epochs=2", samples=30)
    before = history_of(run)
    openml(1)
    in_a_fresh_process(run.path.parent, f"worker.resume(Run(Path({str(run.path)!r})), 5)")
    history = history_of(run)
    assert isinstance(history.ended, events.RunFinished)
    assert "have changed" in history.ended.message
    assert (history.ended.epochs, history.ended.reason) == (2, "all epochs")
    assert run.config().epochs == len(history.epochs) == 2
    assert before.tested
    assert history.test_acc == before.test_acc

    openml(0)
    in_a_fresh_process(run.path.parent, f"worker.resume(Run(Path({str(run.path)!r})), 5)")
    history = history_of(run)
    assert (len(history.epochs), history.ended.message) == (5, "")


def test_a_run_keeps_the_fingerprint_of_its_data(runs_folder: Path, data: DataFile) -> None:
    run = stopped(data.source)
    (started,) = [said for said in read_events(run) if isinstance(said, RunStarted)]
    assert started.data
    assert (started.data.images, started.data.classes) == (DataFile.USED, 10)
