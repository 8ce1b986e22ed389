"""`resume RUN --epochs N`: a run is trained on, to the same bits as one begun with N epochs."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistop.engine import events, worker
from mnistop.engine.config import RunConfig
from mnistop.engine.errors import ConfigError, RunError
from mnistop.engine.learning_rate import lr_of_epoch
from mnistop.engine.process.resuming import config_to_go_on
from mnistop.engine.report.facts import Facts
from mnistop.engine.runs.entry import Summary
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.index import Index
from mnistop.engine.runs.run_folder import Continuation, Run
from tests.faults.kills import results
from tests.helpers.small_data import DataFile
from tests.helpers.small_runs import ENDLESS, digits_config, history_of, state_of
from tests.helpers.waiting import wait_until

pytestmark = [pytest.mark.process, pytest.mark.fast]


KINDS: dict[str, dict[str, Any]] = {
    "default": {},
    "adam, dropout, shift": {"optimizer": "adam", "lr": 0.003, "dropout": 0.3, "shift": 1},
    "momentum, early stopping that does not come": {
        "optimizer": "sgd",
        "lr": 0.01,
        "early_stopping": 1000,
    },
}


def finished(**values: Any) -> Run:
    run = worker.launch(digits_config(**values))
    wait_until(lambda: not run.is_running())
    assert state_of(run) == "finished"
    return run


def trained_on(run: Run, epochs: int) -> str:
    warning = worker.resume(run, epochs)
    wait_until(lambda: not run.is_running())
    return warning


def unseen_result(run: Run) -> dict[str, Any]:
    found = history_of(run).tested
    assert found
    return {name: getattr(found, name) for name in ("images", "acc", "loss", "best_acc")}


@pytest.mark.slow
@pytest.mark.parametrize("values", KINDS.values(), ids=KINDS)
def test_a_finished_run_trained_on_has_the_bits_of_one_begun_with_so_many_epochs(
    runs_folder: Path, values: dict[str, Any]
) -> None:
    fresh = finished(epochs=9, **values)
    run = finished(epochs=4, **values)
    first = unseen_result(run)
    assert trained_on(run, 6) == trained_on(run, 9) == ""
    assert results(run) == results(fresh)
    assert np.array_equal(run.predictions(), fresh.predictions())
    assert unseen_result(run) == unseen_result(fresh) != first
    assert dict(run.config()) == dict(fresh.config())


def test_all_that_tells_of_it_tells_the_new_length(runs_folder: Path) -> None:
    run = finished(epochs=3)
    index = Index()
    index.look()
    made = (run.path / "config.json").stat().st_mtime_ns
    trained_on(run, 5)
    index.look()
    assert [one.overview.planned for one in index.runs] == [5]
    assert Summary.of(run).config.epochs == len(history_of(run).epochs) == 5
    assert Facts.of(run).as_json()["epochs"] == 5
    assert (run.path / "config.json").stat().st_mtime_ns == made
    [resumed] = [one for one in read_events(run) if isinstance(one, events.RunResumed)]
    assert (resumed.epoch, resumed.epochs) == (3, 5)


def test_a_schedule_is_that_of_the_new_length_from_there_on_and_that_is_said(
    runs_folder: Path,
) -> None:
    run = finished(epochs=4, schedule="cosine")
    assert Facts.of(run).schedules == ""
    warning = trained_on(run, 8)
    assert "cosine schedule over 8 epochs; before, it was of one over 4" in warning
    short, long = RunConfig(epochs=4, schedule="cosine"), RunConfig(epochs=8, schedule="cosine")
    rates = [epoch.lr for epoch in history_of(run).epochs]
    expected = [lr_of_epoch(short if epoch < 4 else long, epoch) for epoch in range(8)]
    assert rates == expected
    assert "a new run with these settings differs" in Facts.of(run).schedules


def test_a_stopped_run_gets_another_length_too_longer_or_shorter(runs_folder: Path) -> None:
    run = worker.launch(digits_config(epochs=ENDLESS))
    wait_until(lambda: history_of(run).epochs)
    with pytest.raises(RunError, match="is in training: stop it first"):
        worker.resume(run, 10)
    worker.stop(run)
    wait_until(lambda: not run.is_running())
    goal = len(history_of(run).epochs) + 3
    trained_on(run, goal)
    assert state_of(run) == "finished"
    assert results(run) == results(finished(epochs=goal))


def test_a_run_that_is_killed_while_it_is_trained_on_goes_on_to_the_new_length(
    runs_folder: Path,
) -> None:
    run = finished(epochs=3)
    worker.resume(run, ENDLESS)
    wait_until(lambda: len(history_of(run).epochs) > 5)
    worker.stop(run)
    wait_until(lambda: not run.is_running())
    assert state_of(run) == "stopped"
    assert history_of(run).tested is None
    config, _ = config_to_go_on(Continuation(run))
    assert config.epochs == ENDLESS


@pytest.mark.parametrize(
    ("epochs", "sentence"),
    [
        (5, "has 5 epochs already: the number of epochs is that in total, from 6 up"),
        (1, "has 5 epochs already"),
        (10_000_000, "at most 1,000,000"),
    ],
)
def test_a_length_that_cannot_be_is_refused_and_nothing_is_changed(
    runs_folder: Path, epochs: int, sentence: str
) -> None:
    run = finished(epochs=5)
    before = contents(run)
    with pytest.raises((RunError, ConfigError), match=sentence):
        worker.resume(run, epochs)
    assert contents(run) == before


def test_without_a_length_a_finished_run_says_how_to_give_one(runs_folder: Path) -> None:
    with pytest.raises(RunError, match="resume it with --epochs N"):
        worker.resume(finished(epochs=2))


def test_what_early_stopping_has_ended_stays_ended(runs_folder: Path) -> None:
    run = finished(epochs=60, early_stopping=1, lr=30.0, optimizer="adam")
    before = contents(run)
    assert 0 < len(history_of(run).epochs) < 60
    with pytest.raises(RunError, match="ended by early stopping after"):
        worker.resume(run, 200)
    assert contents(run) == before


def test_a_run_without_its_checkpoint_is_not_begun_anew(runs_folder: Path) -> None:
    run = finished(epochs=3)
    (run.path / "checkpoint.pt").unlink()
    before = contents(run)
    with pytest.raises(RunError, match=r"has lost its checkpoint\.pt"):
        worker.resume(run, 6)
    assert contents(run) == before


def test_the_members_of_a_sweep_stay_of_one_length(runs_folder: Path) -> None:
    sweep = worker.launch_sweep([digits_config(seed=seed) for seed in (0, 1)])
    wait_until(lambda: not sweep.is_running())
    member = sweep.member(1)
    with pytest.raises(RunError, match=f"belongs to sweep {sweep.name}.*--config"):
        worker.resume(member, 10)
    shutil.rmtree(sweep.path)
    trained_on(member, 10)
    assert len(history_of(member).epochs) == 10


def test_with_other_data_a_finished_run_stays_as_it_is(runs_folder: Path, tmp_path: Path) -> None:
    data = DataFile(tmp_path / "d.npz")
    run = finished(source=data.source, samples=DataFile.USED)
    before = contents(run)
    data.write(next(iter(DataFile.REFUSED)))
    with pytest.raises(RunError, match="cannot go on, since the data"):
        worker.resume(run, 6)
    assert (contents(run), state_of(run)) == (before, "finished")


def test_what_was_written_by_hand_in_the_configuration_stays(runs_folder: Path) -> None:
    """An older format too, of which this program would write another one."""
    run = finished(epochs=3)
    path = run.path / "config.json"
    manifest = json.loads(path.read_text())
    manifest |= {"format": 2, "remark": "mine"}
    manifest["config"]["threads"] = 1
    path.write_text(json.dumps(manifest))
    trained_on(run, 5)
    manifest["config"]["epochs"] = 5
    assert json.loads(path.read_text()) == manifest


def contents(run: Run) -> dict[str, bytes]:
    """All of a run but the number of the process that held its lock last."""
    return {
        path.name: path.read_bytes()
        for path in run.path.iterdir()
        if path.is_file() and path.name != "lock"
    }
