"""Recorded runs: the settings of a script's own, filtered and compared beside those of this
program."""

import json
from pathlib import Path

import pytest

from mnistop.engine import events
from mnistop.engine.analysis.comparison import differing_settings
from mnistop.engine.config import RunConfig
from mnistop.engine.filter_grammar import FilterError
from mnistop.engine.process import control
from mnistop.engine.runs import run_folder
from mnistop.engine.runs.entry import Summary
from mnistop.engine.runs.event_log import EventLog
from mnistop.engine.runs.filters import parse
from mnistop.engine.runs.history import History, reduce
from mnistop.engine.runs.recorded import (
    LONGEST_VALUE,
    Origin,
    RecordedConfig,
    as_run_config,
    planned_epochs,
)
from mnistop.engine.runs.run_folder import Run

SETTINGS = {
    "lr": 0.1,
    "width": 64,
    "model": {"depth": 2, "norm": None},
    "hidden": [64],
    "x": "a\x1b[2Jb",
}


@pytest.fixture
def recorded(tmp_path: Path) -> Run:
    run, lock = run_folder.create_recorded(Origin("train.py"), SETTINGS, tmp_path)
    lock.close()
    return run


def test_the_settings_come_back_by_their_own_names(recorded: Run) -> None:
    config = recorded.config()
    assert isinstance(config, RecordedConfig)
    assert config.script == "train.py"
    assert config.settings == {
        "lr": "0.1",
        "width": "64",
        "model.depth": "2",
        "model.norm": "null",
        "hidden": "64",
        "x": "a?[2Jb",
    }
    assert (config.lr, config.hidden, config.known) == (0.1, (64,), {"lr", "hidden"})
    assert as_run_config(config) == RunConfig(lr=0.1, hidden=(64,))
    assert planned_epochs(config) == 0


def test_a_setting_that_only_looks_like_a_hyperparameter_is_not_taken_for_one() -> None:
    config = RecordedConfig.of("a.py", {"lr": -1, "epochs": "many", "optimizer": "lion"})
    assert not config.known
    assert config.changes() == {"lr": "-1", "epochs": "many", "optimizer": "lion"}


def test_a_setting_of_any_length_is_cut() -> None:
    config = RecordedConfig.of("a.py", {"prompt": "x" * 10_000})
    assert config.settings["prompt"] == "x" * LONGEST_VALUE


def test_runs_are_filtered_by_free_settings(recorded: Run) -> None:
    entry = Summary.of(recorded).listed
    for text in (
        "config.width:64",
        "config.width>32 lr:0.1",
        "script:train",
        "config.model.depth<3",
    ):
        assert parse(text)(entry), text
    for text in ("config.width>64", "config.height:64", "batch_size:32", "config.x:z"):
        assert not parse(text)(entry), text
    with pytest.raises(FilterError, match="not known"):
        parse("width:64")


def test_a_recorded_run_is_compared_by_what_it_names(recorded: Run) -> None:
    own, config = RunConfig(lr=0.5, seed=3, hidden=(64,)), recorded.config()
    apart = differing_settings([own, config])
    assert apart["lr"] == ["0.5", "0.1"]
    assert apart["width"] == ["-", "64"]
    assert "hidden" not in apart
    assert "seed" not in apart
    assert differing_settings([own, RunConfig(lr=0.5, seed=4, hidden=(64,))]) == {
        "seed": ["3", "4"]
    }


def test_a_recorded_run_is_asked_by_a_file(tmp_path: Path) -> None:
    run, lock = run_folder.create_recorded(Origin("train.py"), {}, tmp_path)
    for ask, word in ((control.pause, "pause"), (control.stop, "stop")):
        ask(run)
        assert run.request_path.read_text() == word
    lock.close()


def test_numbers_that_a_recorded_run_lacks_are_missing_in_its_history(recorded: Run) -> None:
    log = EventLog(recorded.path)
    log.record(
        events.RunStarted,
        pid=1,
        class_names=[],
        image_shape=None,
        training_images=None,
        validation_images=0,
        layers=None,
        parameters=None,
        device="",
        versions={},
        val_loss=None,
        val_acc=None,
    )
    log.record(events.EpochsPlanned, epochs=7)
    log.record(
        events.EpochFinished,
        epoch=0,
        train_loss=-3.5,
        val_loss=None,
        train_acc=None,
        val_acc=None,
        lr=None,
        seconds=1.0,
        metrics={"reward": -2.0},
    )
    summary = Summary.of(recorded)
    assert summary.planned == 7
    assert summary.history.best is None
    assert summary.history.epochs[0].train_loss == -3.5
    assert summary.listed.as_json()["config"] == dict(recorded.config())
    json.dumps(summary.listed.as_json())


def test_an_evaluation_before_the_first_step_is_that_of_the_untrained_model() -> None:
    started = events.RunStarted(
        run="r",
        time=0,
        pid=1,
        class_names=["a", "b"],
        image_shape=[8, 8],
        training_images=None,
        validation_images=5,
        layers=None,
        parameters=None,
        device="",
        versions={},
        val_loss=None,
        val_acc=None,
    )
    before = events.StartEvaluated(run="r", time=1, val_loss=0.7, val_acc=0.5)
    history = reduce(History(), [started, before])
    assert history.started
    assert (history.started.val_loss, history.started.val_acc) == (0.7, 0.5)


def test_settings_that_are_no_values_of_this_program_are_compared_too() -> None:
    one = RecordedConfig.of("a.py", {"optimizer": "Lion", "lr": "cosine"})
    other = RecordedConfig.of("a.py", {"optimizer": "SGDx", "lr": "cosine"})
    assert differing_settings([one, other]) == {"optimizer": ["Lion", "SGDx"]}
    assert differing_settings([one, RunConfig(optimizer="adam")])["optimizer"] == ["Lion", "adam"]
