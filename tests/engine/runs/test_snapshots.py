"""The weights that a run keeps for good."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from mnistop.engine import events, worker
from mnistop.engine.analysis.loading import load_model, load_snapshot
from mnistop.engine.errors import RunError
from mnistop.engine.export.model import Trained
from mnistop.engine.runs import checkpoint
from mnistop.engine.runs.predictions import SNAPSHOT_EPOCHS, read_snapshot, snapshot_epochs
from mnistop.engine.runs.run_folder import Run
from tests.helpers.finished_run import finished_run
from tests.helpers.small_runs import ENDLESS, digits_config, to_the_end, until

pytestmark = [pytest.mark.process, pytest.mark.fast]


LAYERS = (64, 16, 10)
KEPT = [0, 1, 2, 3, 4, 6, 8, 12]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    with finished_run(tmp_path_factory.mktemp("finished"), epochs=13) as run:
        yield run


@pytest.fixture
def copy(finished: Run, tmp_path: Path) -> Run:
    return Run(Path(shutil.copytree(finished.path, tmp_path / finished.name)))


def weights_of(run: Run, epochs: int) -> list[torch.Tensor]:
    return list(load_snapshot(run, epochs).state_dict().values())


def make_format_1(run: Run) -> None:
    """Rewrites a run as the program wrote it before: a file of PyTorch for each of its rows."""
    (run.path / "snapshots").mkdir()
    for epochs in snapshot_epochs(run, LAYERS):
        state = load_snapshot(run, epochs).state_dict()
        checkpoint.save(run.path / f"snapshots/{epochs}.pt", state)
    (run.path / "weights.f32").unlink()
    manifest = json.loads((run.path / "config.json").read_text())
    (run.path / "config.json").write_text(json.dumps(manifest | {"format": 1}))


def test_they_are_kept_after_fewer_and_fewer_epochs(finished: Run) -> None:
    assert snapshot_epochs(finished, LAYERS) == KEPT
    assert SNAPSHOT_EPOCHS[8:13] == (16, 24, 32, 48, 64)
    assert list(SNAPSHOT_EPOCHS) == sorted(set(SNAPSHOT_EPOCHS))


def test_they_are_read_without_pytorch(finished: Run) -> None:
    rows = np.fromfile(finished.path / "weights.f32", "<f4").reshape(len(KEPT), -1)
    for row, epochs in zip(rows, KEPT, strict=True):
        said = b"".join(weight.numpy().tobytes() for weight in weights_of(finished, epochs))
        assert row.tobytes() == said
        vector = read_snapshot(finished, epochs, LAYERS)
        assert vector is not None
        assert np.array_equal(vector, row)


@pytest.mark.parametrize("cut", [1, 4, 2000])
def test_a_torn_last_row_is_left_out(copy: Run, cut: int) -> None:
    path = copy.path / "weights.f32"
    os.truncate(path, path.stat().st_size - cut)
    assert snapshot_epochs(copy, LAYERS) == KEPT[:-1]
    assert read_snapshot(copy, 12, LAYERS) is None
    assert load_model(copy, 12)[1] == 8


def test_without_a_checkpoint_the_newest_of_them_are_the_newest_weights(copy: Run) -> None:
    assert load_model(copy)[1] == 13
    (copy.path / "checkpoint.pt").unlink()
    assert load_model(copy)[1] == 12
    assert Trained.of(copy, "last").epoch == 11


def test_those_of_the_best_epoch_are_its_own_and_of_no_other(copy: Run) -> None:
    best = {"model": load_snapshot(copy, 3).state_dict(), "epoch": 10}
    checkpoint.save(copy.path / "best.pt", best)
    model, trained = load_model(copy, 10)
    assert trained == 10
    assert torch.equal(next(model.parameters()), weights_of(copy, 3)[0])
    assert [load_model(copy, epochs)[1] for epochs in (9, 11)] == [8, 8]
    checkpoint.save(copy.path / "best.pt", best["model"])  # as runs of before have it
    assert load_model(copy, 10)[1] == 8


def test_a_run_that_was_deleted_is_told_as_that(copy: Run) -> None:
    load_model(copy)
    shutil.rmtree(copy.path)
    with pytest.raises(RunError, match=f"is gone: {copy.path} was deleted or moved"):
        load_model(copy)


@pytest.mark.parametrize("layers", [[64, 2**31, 2**31], [16, 68, 10], [2**31, 1]])
def test_layers_that_do_not_fit_are_told(copy: Run, layers: list[int]) -> None:
    log = copy.path / "events.jsonl"
    log.write_text(log.read_text().replace('"layers":[64,16,10]', f'"layers":{layers}'))
    with pytest.raises(RunError, match=r"no weights of epoch 3|damaged weights\.f32"):
        load_model(copy, 3)


def test_those_of_format_1_are_read(finished: Run, copy: Run) -> None:
    make_format_1(copy)
    assert copy.config() == finished.config()
    assert snapshot_epochs(copy, LAYERS) == KEPT
    for epochs in KEPT:
        model, trained = load_model(copy, epochs)
        assert trained == epochs
        for ours, theirs in zip(
            model.state_dict().values(), weights_of(finished, epochs), strict=True
        ):
            assert torch.equal(ours, theirs)
    assert Trained.of(copy, "5").epoch == 5


@pytest.mark.slow
async def test_a_run_of_format_1_goes_on(runs_folder: Path) -> None:
    """The rows that it lacks are never looked at, and it ends with what it would have had."""
    config = digits_config(epochs=ENDLESS)
    run = worker.launch(config)
    await until(run, lambda history: len(history.epochs) > 8)
    worker.stop(run)
    history, _ = await to_the_end(run)
    assert isinstance(history.ended, events.RunStopped)
    old = snapshot_epochs(run, LAYERS)
    make_format_1(run)
    worker.resume(run)
    await until(run, lambda history: len(history.epochs) > 3 * old[-1])
    worker.stop(run)
    await to_the_end(run)
    kept = snapshot_epochs(run, LAYERS)
    assert kept == list(SNAPSHOT_EPOCHS[: len(kept)])
    assert len(kept) >= len(old) + 2
    never_stopped = worker.launch(config)
    await until(never_stopped, lambda history: len(history.epochs) > kept[-1])
    worker.stop(never_stopped)
    await to_the_end(never_stopped)
    for epochs in kept:
        for ours, theirs in zip(
            weights_of(run, epochs), weights_of(never_stopped, epochs), strict=True
        ):
            assert torch.equal(ours, theirs), epochs
