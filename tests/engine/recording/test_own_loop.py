"""A loop that records, in this process: what is in its run folder afterwards."""

import random
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from mnistop.engine.runs.entry import read_about
from mnistop.engine.runs.predictions import load_predictions
from tests.helpers.loops import history_of, state_of, the_run
from tests.helpers.own_loop import LABELS, PIXELS, SCORES, begin, series, small, warned, warns

pytestmark = pytest.mark.usefixtures("alone")


def test_the_five_lines_make_a_run_with_all_that_the_screens_show() -> None:
    run = begin(config={"lr": 0.1, "model": {"hidden": 8}}, name="first try", notes="a note")
    model = small()
    for epoch in run.epochs(3):
        for _ in range(4):
            run.log({"train/loss": torch.tensor(2.0 - epoch), "train/acc": 0.25, "lr": 0.1})
        found = run.evaluate(model)
    run.finish(model=model)
    recorded = the_run()
    history = history_of(recorded)
    assert history.started
    assert history.started.class_names == list("0123456789")
    assert history.started.shape == (6, 6)
    assert history.planned == 3
    assert [epoch.train_loss for epoch in history.epochs] == [2, 1, 0]
    assert [epoch.train_acc for epoch in history.epochs] == [0.25] * 3
    assert [epoch.lr for epoch in history.epochs] == [pytest.approx(0.1)] * 3
    assert history.epochs[2].metrics == {
        "train/loss": 0.0,
        "train/acc": 0.25,
        "lr": pytest.approx(0.1),
    }
    assert history.epochs[2].val_acc == found.accuracy
    assert history.epochs[2].val_loss == pytest.approx(found.loss, 1e-5)
    assert history.kept
    assert history.kept.layers == [36, 8, 10]
    assert state_of(recorded) == "finished"
    assert not recorded.is_running()
    assert recorded.config().changes() == {"lr": "0.1", "model.hidden": "8"}
    assert read_about(recorded).name == "first try"
    assert np.array_equal(recorded.images((6, 6)), PIXELS)
    logits = model.eval()(torch.from_numpy(PIXELS)).log_softmax(1).detach().numpy()
    predictions = load_predictions(recorded, 3, 10)
    assert predictions
    assert np.allclose(predictions.log_probabilities, logits, atol=0.01)
    assert load_predictions(recorded, 0, 10) is None, "the untrained model was not evaluated"
    steps = series(recorded, "train/loss")
    assert steps.steps.tolist() == list(range(12))
    assert steps.epochs.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert warned(recorded) == ""
    assert oct(recorded.path.stat().st_mode & 0o777) == "0o700"
    assert all(path.stat().st_mode & 0o77 == 0 for path in recorded.path.iterdir())


def test_a_loop_run_once_more_has_as_many_epochs_again() -> None:
    with begin() as run:
        assert list(run.epochs(3)) == [0, 1, 2]
        assert list(run.epochs(3)) == [3, 4, 5]
    history = history_of(the_run())
    assert (len(history.epochs), history.planned) == (6, 6)
    assert getattr(history.ended, "reason", None) == "all epochs"


@dataclass
class Settings:
    lr: float = 0.5


@pytest.mark.parametrize(
    ("config", "changes"),
    [
        (None, {}),
        (Settings(), {"lr": "0.5"}),
        (Namespace(lr=0.5), {"lr": "0.5"}),
        (SimpleNamespace(lr=np.float32(0.5), n=torch.tensor(3)), {"lr": "0.5", "n": "3"}),
        ({"nan": float("nan"), "path": Path("x"), "a\x1b": None}, {"nan": "nan", "path": "x"}),
        ({1: [1, 2]}, {}),
    ],
)
def test_settings_of_all_kinds_are_kept(config: Any, changes: dict[str, str]) -> None:
    begin(config=config).finish()
    assert changes.items() <= the_run().config().changes().items()


def test_settings_that_are_none_and_far_too_many_are_named() -> None:
    with warns("config must be a dict"):
        begin(config=3).finish()
    deep: dict[str, Any] = {}
    deep["self"] = deep
    with warns("more than 1,000 values"):
        begin(config={str(k): deep for k in range(2000)}).finish()


@pytest.mark.parametrize("environ", [{"MNISTOP_DISABLED": "1"}, {"RANK": "1"}, {"LOCAL_RANK": "2"}])
def test_disabled_runs_and_other_ranks_do_nothing(
    environ: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    runs_folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with begin() as run:
        assert list(run.epochs(3)) == [0, 1, 2]
        run.log({"a": "text"})
        assert np.isnan(run.evaluate(small()).accuracy)
        assert not run.should_stop
        run.finish(model=small())
    assert not runs_folder.exists()
    err = capsys.readouterr().err
    assert err.count("records nothing: rank 0 does") == ("MNISTOP_DISABLED" not in environ)


def test_slurm_s_number_counts_where_there_are_several_tasks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SLURM_PROCID", "3")
    monkeypatch.setenv("SLURM_NTASKS", "1")
    assert begin().name
    monkeypatch.setenv("SLURM_NTASKS", "4")
    assert not begin().name


def test_a_folder_that_cannot_be_made_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MNISTOP_RUNS", str(tmp_path / "file"))
    with warns("Nothing is recorded"):
        run = begin()
    run.log({"a": 1.0})
    run.finish()


def test_a_run_that_goes_on_keeps_what_it_has() -> None:
    run = begin()
    for epoch in run.epochs(5):
        run.log({"loss": 5.0 - epoch})
        run.log_predictions(SCORES)
        if epoch == 2:
            break
    name = run.name
    run.finish()
    again = begin(resume=name)
    assert again.folder == run.folder
    assert list(again.epochs(5)) == [3, 4]
    again.log({"loss": 0.0, "new": 1.0})
    again.log_predictions(SCORES)
    again.finish()
    history = history_of(the_run())
    assert len(history.epochs) == 6
    loss = series(the_run(), "loss")
    assert loss.steps.tolist() == [0, 1, 2, 3]
    assert loss.epochs.tolist() == [0, 1, 2, 5]
    assert series(the_run(), "new").values.tolist() == [1]
    assert load_predictions(the_run(), 3, 10) is not None
    assert state_of(the_run()) == "finished"


def test_no_run_goes_on_that_is_not_there_and_a_new_one_is_recorded() -> None:
    with warns("A new run is recorded"):
        run = begin(resume="nobody-knows")
    assert run.name
    run.finish()


def test_a_run_that_goes_on_with_other_images_is_not_evaluated() -> None:
    run = begin()
    run.log_predictions(SCORES)
    run.finish()
    with warns("not the validation images"):
        again = begin(resume=run.name, validation=(1 - PIXELS, LABELS))
    again.finish()


def trained(record: bool) -> tuple[list[bytes], list[float]]:
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(36, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 10)
    )
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(torch.from_numpy(PIXELS), torch.from_numpy(LABELS)),
        batch_size=8,
        shuffle=True,
    )
    run = begin(validation=loader) if record else None
    optimizer = torch.optim.Adam(model.parameters())
    if run:
        run.evaluate(model)
    for _ in range(3):
        for x, y in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            if run:
                run.log({"train/loss": loss})
        if run:
            run.evaluate(model)
    if run:
        run.finish(model=model)
    weights = [tensor.numpy().tobytes() for tensor in model.state_dict().values()]
    return weights, [random.random(), np.random.random(), float(torch.rand(1))]


def test_weights_and_random_numbers_are_the_same_bits_with_and_without_recording() -> None:
    assert trained(record=True) == trained(record=False)


def test_a_count_of_epochs_may_be_numpy_s() -> None:
    run = begin()
    for _ in run.epochs(np.int64(2)):
        run.log_predictions(np.eye(10, dtype=np.float32)[LABELS])
    run.finish()
    assert len(history_of(the_run()).epochs) == 2
