"""A loop that records, in this process: what is in its run folder afterwards."""

import os
import random
import signal
import sys
import threading
import time
import warnings
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import mnistop
from mnistop.engine import events
from mnistop.engine.process import control
from mnistop.engine.recording import endings
from mnistop.engine.recording.metrics import MetricsReader, Series
from mnistop.engine.report.facts import Facts
from mnistop.engine.report.of_run import _charts
from mnistop.engine.runs.entry import read_about
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.history import unseen_accuracy
from mnistop.engine.runs.predictions import load_predictions
from mnistop.engine.runs.run_folder import Run
from tests.helpers.loops import history_of, state_of, the_run

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 6, 6), np.uint8) / np.float32(255)
LABELS = np.arange(40) % 10
SCORES = np.eye(10, dtype=np.float32)[LABELS] * 3


@pytest.fixture(autouse=True)
def alone(runs_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MNISTOP_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    yield
    endings._at_exit()


def begin(**given: Any) -> mnistop.Run:
    return mnistop.init(**{"validation": (PIXELS, LABELS)} | given)


def warns(words: str) -> Any:
    """Expect a warning of a recording that holds these words."""
    return pytest.warns(mnistop.RecordingWarning, match=words)


def series(run: Run, name: str) -> Series:
    reader = MetricsReader(run.path)
    while reader.read():
        pass
    return reader.series(name)


def warned(run: Run) -> str:
    return run.log_path.read_text() if run.log_path.exists() else ""


def small() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.ReLU(), nn.Linear(8, 10))


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


def test_an_evaluation_with_a_training_accuracy_is_of_a_trained_model() -> None:
    with begin() as run:
        for _ in range(3):
            run.log_predictions(SCORES, train_acc=0.5)
    history = history_of(the_run())
    assert [epoch.train_acc for epoch in history.epochs] == [0.5] * 3
    assert history.started
    assert history.started.val_acc is None


def test_a_loop_run_once_more_has_as_many_epochs_again() -> None:
    with begin() as run:
        assert list(run.epochs(3)) == [0, 1, 2]
        assert list(run.epochs(3)) == [3, 4, 5]
    history = history_of(the_run())
    assert (len(history.epochs), history.planned) == (6, 6)
    assert getattr(history.ended, "reason", None) == "all epochs"


def test_the_test_accuracy_is_that_of_the_model_at_the_end() -> None:
    run = begin(test=(PIXELS[:20], LABELS[:20]))
    model = small()
    for _ in run.epochs(2):
        run.evaluate(model)
    run.finish(model=model)
    history = history_of(the_run())
    assert history.tested
    assert history.test_acc == history.tested.acc
    assert unseen_accuracy(history).endswith("on 20 unseen images")
    loss, accuracy = _charts(Facts.of(the_run()), history.started)
    assert [curve.name for chart in (loss, accuracy) for curve in chart.curves] == [
        "validation"
    ] * 2


def test_a_model_of_another_library_is_named_at_the_end() -> None:
    run = begin()
    run.log_predictions(SCORES)
    with warns("finish keeps PyTorch models for questions, and a SimpleNamespace is none"):
        run.finish(SimpleNamespace())
    assert state_of(the_run()) == "finished"


def test_an_evaluation_before_the_first_log_is_the_untrained_model_s() -> None:
    with begin() as run:
        start = run.log_predictions(SCORES)
        run.log({"loss": 1.0})
        run.log_predictions(SCORES[::-1])
    history = history_of(the_run())
    assert history.started
    assert history.started.val_acc == start.accuracy == 1
    assert len(history.epochs) == 1
    assert the_run().predictions_after(0).tolist() == LABELS.tolist()  # type: ignore[union-attr]


def test_epochs_without_an_evaluation_have_rows_that_say_so() -> None:
    run = begin()
    for epoch in run.epochs(4):
        run.log({"loss": 1.0})
        if epoch == 2:
            run.log_predictions(SCORES)
    run.finish()
    recorded, history = the_run(), history_of(the_run())
    assert [epoch.val_acc for epoch in history.epochs] == [None, None, 1, None]
    assert [load_predictions(recorded, row, 10) is not None for row in range(5)] == [
        False,
        False,
        False,
        True,
        False,
    ]


def test_without_validation_only_metrics_are_recorded() -> None:
    run = mnistop.init()
    for step in range(1000):
        run.log({"loss": step, "tokens/s": 1e6}, step=10 * step)
    run.finish()
    history = history_of(the_run())
    assert history.started
    assert history.started.class_names == []
    assert history.epochs == ()
    assert series(the_run(), "loss").steps.tolist() == list(range(0, 10_000, 10))
    assert isinstance(history.ended, events.RunFinished)


def test_the_first_outputs_say_how_many_classes_there_are() -> None:
    run = begin(validation=(PIXELS, LABELS % 3))
    run.log({"loss": 1.0})
    run.log_predictions(SCORES)
    run.finish()
    history = history_of(the_run())
    assert history.started
    assert len(history.started.class_names) == len(history.started.validation_counts) == 10
    assert history.epochs[0].val_acc is not None
    assert load_predictions(the_run(), 1, 10) is not None


@pytest.mark.parametrize(
    "scores",
    [SCORES[:, :9], SCORES[:5], SCORES[..., None], "text", None],
    ids=["classes", "images", "axes", "text", "none"],
)
def test_scores_that_do_not_fit_are_named_and_the_epoch_goes_on(scores: Any) -> None:
    run = begin(classes=10)
    with warns("scores"):
        for _ in run.epochs(2):
            run.log({"loss": 1.0})
            assert np.isnan(run.log_predictions(scores).loss)
    run.finish()
    assert [epoch.val_acc for epoch in history_of(the_run()).epochs] == [None, None]


def test_a_model_with_more_outputs_than_there_are_names_is_not_evaluated() -> None:
    run = begin(classes=[f"class {k}" for k in range(10)])
    run.log({"loss": 1.0})
    with warns("The model has 12 outputs"):
        run.evaluate(nn.Sequential(nn.Flatten(), nn.Linear(36, 12)))
    run.finish()


def test_scores_that_are_not_finite_are_no_results() -> None:
    run = begin()
    run.log({"loss": 1.0})
    run.log_predictions(np.full((40, 10), np.nan))
    run.log_predictions(SCORES)
    run.finish()
    assert [epoch.val_acc for epoch in history_of(the_run()).epochs] == [None, 1]
    assert load_predictions(the_run(), 1, 10) is None
    assert "not all finite" in warned(the_run())


BAD_VALUES: dict[str, tuple[dict[Any, Any], str]] = {
    "text": ({"a": "high"}, "a is 'high', not a number"),
    "none": ({"a": None}, "a is None, not a number"),
    "array": ({"a": np.zeros(3)}, "a is a ndarray of shape (3,), not a number"),
    "tensor": ({"a": torch.zeros(2, 2)}, "a is a Tensor of shape (2, 2), not a number"),
    "complex": ({"a": 1j}, "a is a complex, not a number"),
    "huge": ({"a": 10**400}, "a is an int, not a number"),
    "object": ({"a": object()}, "a is an object, not a number"),
    "meta": ({"a": torch.zeros((), device="meta")}, "a is a Tensor, not a number"),
}


@pytest.mark.parametrize("case", BAD_VALUES)
def test_values_that_are_no_numbers_are_named_once_and_left_out(case: str) -> None:
    values, words = BAD_VALUES[case]
    run = begin()
    with warns("") as caught:
        for _ in range(3):
            run.log(values | {"b": 1.0})
    run.finish()
    assert [words in str(each.message) for each in caught] == [True]
    assert caught[0].filename == __file__
    assert series(the_run(), "a").values.tolist() == []
    assert series(the_run(), "b").values.tolist() == [1, 1, 1]


def test_numbers_of_all_kinds_are_numbers() -> None:
    run = begin()
    values = [
        True,
        3,
        np.float32(0.5),
        np.int8(-4),
        np.array([2.5]),
        torch.tensor(1.5, requires_grad=True),
        torch.tensor([[4]]),
        nn.Parameter(torch.tensor(0.25)),
    ]
    for value in values:
        run.log({"x": value})
    run.finish()
    assert series(the_run(), "x").values.tolist() == [1, 3, 0.5, -4, 2.5, 1.5, 4, 0.25]
    assert warned(the_run()) == ""


def test_a_tensor_is_read_before_it_changes_in_place() -> None:
    run, loss = begin(), torch.tensor(1.0)
    for _ in range(3):
        run.log({"x": loss})
        loss += 1
    run.finish()
    assert series(the_run(), "x").values.tolist() == [1, 2, 3]


def test_no_graph_is_kept_alive() -> None:
    import weakref

    run = begin()
    weights = torch.ones(3, requires_grad=True)
    loss = (weights * 2).sum()
    run.log({"loss": loss})
    run.log_predictions(torch.from_numpy(SCORES) * weights.sum())
    node = weakref.ref(loss)
    del loss
    assert node() is None
    run.finish()


def test_infinite_and_nan_are_recorded_and_named() -> None:
    run = begin()
    for value in (1.0, float("nan"), float("inf")):
        run.log({"train/loss": value, "b": 1.0})
    run.log_predictions(SCORES)
    run.finish()
    assert np.isnan(series(the_run(), "train/loss").values[1])
    (epoch,) = history_of(the_run()).epochs
    assert epoch.train_loss is None
    assert epoch.metrics == {"b": 1.0}
    assert "train/loss is not a number (NaN)" in warned(the_run())


def test_steps_that_go_back_are_recorded_and_named() -> None:
    run = begin()
    with warns("Steps go back: a was logged at step 3"):
        for step in (5, 3, 2):
            run.log({"a": 1.0}, step=step)
    run.log({"a": 2.0})
    run.log({"a": 3.0}, step=1 << 41)
    run.finish()
    assert series(the_run(), "a").steps.tolist() == [5, 3, 2, 3, 1 << 41]


@pytest.mark.parametrize("step", [-1, 1.5, "five", 1 << 60, float("nan")])
def test_steps_that_are_none_are_named_and_counted(step: Any) -> None:
    run = begin()
    with warns("is no step"):
        run.log({"a": 1.0}, step=step)
    with warns("is no epoch"):
        run.log({"a": 1.0}, epoch=step)
    run.finish()
    assert series(the_run(), "a").steps.tolist() == [0, 1]


def test_steps_and_epochs_may_be_given() -> None:
    run = begin()
    run.log({"a": 1.0}, step=np.int64(7), epoch=3)
    run.log({"a": 1.0}, step=torch.tensor(8), epoch=4.0)  # type: ignore[arg-type]
    run.log({"a": 1.0})
    run.finish()
    assert series(the_run(), "a").steps.tolist() == [7, 8, 9]
    assert series(the_run(), "a").epochs.tolist() == [3, 4, 0]


def test_odd_names_are_shown_as_one_line_and_stay_apart() -> None:
    run = begin()
    odd = ["a/b/c", "/", "", "\x1b[2J", "new\nline", "x" * 10_000, "x" * 9_999, "ä", "\ud800", 7]
    with warns("name"):
        for number, name in enumerate(odd):
            run.log({name: number})  # type: ignore[dict-item]
    run.log({"group": {"inner": {"x": 1.0}, "y": 2.0}})
    run.finish()
    reader = MetricsReader(the_run().path)
    while reader.read():
        pass
    assert len(reader.names) == len(odd) + 2
    assert all(name.isprintable() and 0 < len(name) <= 200 for name in reader.names)
    assert reader.names[-2:] == ["group/inner/x", "group/y"]
    assert reader.series("a/b/c").values.tolist() == [0]


def test_five_thousand_names_are_recorded_and_the_mistake_is_named() -> None:
    run = begin()
    with warns("More than 1,000 different names"):
        for number in range(5000):
            run.log({f"loss {number}": number})
    run.log_predictions(SCORES)
    run.finish()
    assert series(the_run(), "loss 4999").values.tolist() == [4999]
    assert len(history_of(the_run()).epochs[0].metrics) == 64


@pytest.mark.parametrize("metrics", [None, 3.0, [("a", 1)], "a"])
def test_log_without_a_dict_is_named(metrics: Any) -> None:
    run = begin()
    with warns("as a dict"):
        run.log(metrics)
    run.finish()


@pytest.mark.parametrize(
    ("validation", "words"),
    [
        (PIXELS, "not \\(image, label\\)"),
        ((PIXELS, LABELS - 5), "The label -5 is out of range"),
        ((PIXELS, LABELS + 300), "more than 256 classes"),
        (PIXELS[0], "Dataset"),
        (3, "a Dataset or a DataLoader"),
    ],
)
def test_validation_that_cannot_be_used_leaves_the_metrics(validation: Any, words: str) -> None:
    with warns(f"only metrics are recorded.*{words}"):
        run = begin(validation=validation)
    run.log({"a": 1.0})
    with warns("evaluate needs"):
        run.evaluate(small())
    run.finish()
    assert series(the_run(), "a").values.tolist() == [1]


def test_warnings_as_errors_do_not_end_a_loop(capsys: pytest.CaptureFixture[str]) -> None:
    run = begin()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run.log({"a": "text"})
    run.finish()
    assert "a is 'text'" in capsys.readouterr().err


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
    with warns("config is to be a dict"):
        begin(config=3).finish()
    deep: dict[str, Any] = {}
    deep["self"] = deep
    with warns("more than 1,000 values"):
        begin(config={str(k): deep for k in range(2000)}).finish()


def test_calls_after_the_end_are_named_once() -> None:
    run = begin()
    run.finish()
    with warns("has ended") as caught:
        run.log({"a": 1.0})
        run.log({"a": 1.0})
        run.finish()
    assert len(caught) == 1
    assert list(run.epochs(3)) == [0, 1, 2]


def test_a_second_init_ends_the_first() -> None:
    first = begin()
    first.log({"a": 1.0})
    second = begin()
    assert not Run(Path(first.folder)).is_running()
    assert state_of(Run(Path(first.folder))) == "finished"
    assert state_of(Run(Path(second.folder))) == "running"
    second.finish()


def test_an_exception_in_a_with_block_is_the_run_s_and_the_loop_s() -> None:
    with pytest.raises(ValueError, match="shape"), begin():
        raise ValueError("wrong\nshape")
    ended = history_of(the_run()).ended
    assert isinstance(ended, events.RunFailed)
    assert ended.message.startswith("ValueError: wrong shape (test_own_loop.py, line ")
    assert "Traceback" in warned(the_run())


def test_ctrl_c_in_a_with_block_stops() -> None:
    with pytest.raises(KeyboardInterrupt), begin():
        raise KeyboardInterrupt
    assert state_of(the_run()) == "stopped"


def until(happened: Any) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_stop_ends_epochs_early_and_the_request_is_removed() -> None:
    run = begin()
    done = 0
    for epoch in run.epochs(1_000_000):
        run.log({"a": 1.0})
        done = epoch
        if epoch == 3:
            control.stop(the_run())
        time.sleep(0.01)
    assert 3 <= done < 1_000_000
    assert run.should_stop
    until(lambda: not the_run().request_path.exists())
    run.finish()
    assert state_of(the_run()) == "stopped"


def test_a_stop_that_the_loop_does_not_ask_for_stays_a_request() -> None:
    run = begin()
    control.stop(the_run())
    time.sleep(1.2)
    assert the_run().request_path.exists()
    assert run.should_stop
    until(lambda: not the_run().request_path.exists())
    run.finish()


@pytest.mark.parametrize("where", ["log", "epochs"])
def test_a_pause_waits_in_log_and_between_epochs(where: str) -> None:
    run = begin()
    epochs = run.epochs(1_000_000)
    stop = threading.Event()

    def loop() -> None:
        while not stop.is_set():
            if where == "log":
                run.log({"a": 1.0})
            else:
                next(epochs)
            time.sleep(0.001)

    thread = threading.Thread(target=loop)
    thread.start()
    control.pause(the_run())
    until(lambda: state_of(the_run()) == "paused")
    assert not the_run().request_path.exists()
    control.send_signal(the_run(), signal.SIGUSR2)
    until(lambda: state_of(the_run()) == "running")
    stop.set()
    thread.join()
    until(lambda: not the_run().request_path.exists())
    run.finish()
    kinds = [type(event) for event in read_events(the_run())]
    assert events.RunPaused in kinds
    assert kinds.index(events.RunPaused) < kinds.index(events.RunUnpaused)


@pytest.mark.parametrize("make", ["link", "folder", "foreign"])
def test_only_a_file_of_the_owner_is_a_request(
    make: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begin()
    path = the_run().request_path
    (tmp_path / "stop").write_text("stop")
    if make == "link":
        path.symlink_to(tmp_path / "stop")
    elif make == "folder":
        path.mkdir()
    elif os.geteuid() == 0:
        path.write_text("stop")
        os.chown(path, 12345, 12345)
    time.sleep(1.2)
    assert not run.should_stop
    run.finish()


def test_many_threads_may_log() -> None:
    run = begin()

    def loop(number: int) -> None:
        for step in range(500):
            run.log({"shared": 1.0, f"own {number}": step})

    threads = [threading.Thread(target=loop, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.finish()
    assert sorted(series(the_run(), "shared").steps.tolist()) == list(range(4000))
    for number in range(8):
        assert series(the_run(), f"own {number}").values.tolist() == list(range(500))


def test_what_is_logged_is_on_disk_within_a_second_or_so() -> None:
    run = begin()
    run.log({"a": 1.0})
    until(lambda: series(the_run(), "a").values.tolist() == [1.0])
    run.finish()


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


def test_a_stop_does_not_end_the_epochs_of_a_distributed_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    run = begin()
    control.stop(the_run())
    time.sleep(1.2)
    assert list(run.epochs(3)) == [0, 1, 2]
    run.finish()


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


def test_the_test_images_are_used_at_the_end() -> None:
    run = begin(test=(PIXELS, LABELS))
    run.log({"loss": 1.0})
    run.finish(model=small())
    tested = history_of(the_run()).tested
    assert tested
    assert tested.images == 40


def test_a_model_that_is_no_mlp_is_named() -> None:
    run = begin()
    convolutional = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(32, 10))
    run.evaluate(convolutional)
    with warns("need an MLP"):
        run.finish(model=convolutional)
    assert history_of(the_run()).kept is None
    assert state_of(the_run()) == "finished"


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


# A device, of which there may be none here.


class Sent:
    """Stands for a number on a device, and for the pinned memory that it is on its way to."""

    is_cuda = True

    def __init__(self) -> None:
        self.there: dict[int, float] = {}
        self.slots = 0

    def send(self, tensor: Any) -> int:
        self.slots += 1
        return self.slots

    def receive(self, slot: int) -> float | None:
        return self.there.pop(slot, None)

    def wait(self) -> None:
        self.there.setdefault(2, 4.0)


def test_numbers_that_come_late_from_a_device_keep_their_place() -> None:
    run, sent = begin(), Sent()
    assert run._recording
    run._recording._log.device_values = sent
    run.log({"loss": sent, "b": 1.0})
    run.log_predictions(SCORES)
    run.log({"loss": 3.0})
    time.sleep(1.2)
    assert series(the_run(), "b").values.tolist() == [], "what came later waits as well"
    sent.there[1] = 2.0
    until(lambda: series(the_run(), "loss").values.tolist() == [2, 3])
    run.log({"loss": sent})
    run.finish()
    assert series(the_run(), "loss").values.tolist() == [2, 3, 4]
    assert series(the_run(), "loss").steps.tolist() == [0, 1, 2]
    assert history_of(the_run()).epochs[0].train_loss == 2


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_numbers_and_models_on_a_cuda_device() -> None:
    run = begin()
    model = small().cuda()
    torch.cuda.manual_seed(1)
    expected = torch.rand(1, device="cuda")
    torch.cuda.manual_seed(1)
    for _ in run.epochs(2):
        loss = torch.full((), 1.0, device="cuda")
        for _ in range(5000):
            run.log({"train/loss": loss})
            loss += 1
        run.evaluate(model)
    assert torch.equal(torch.rand(1, device="cuda"), expected)
    with warns("not a number"):
        run.log({"bad": torch.zeros(3, device="cuda")})
    run.finish(model=model)
    assert series(the_run(), "train/loss").values.tolist() == [*range(1, 5001)] * 2
    assert history_of(the_run()).kept


@pytest.mark.parametrize("compiled", [False, True])
def test_a_wrapped_model_is_evaluated_and_kept(compiled: bool, tmp_path: Path) -> None:
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1
    )
    try:
        model: Any = nn.parallel.DistributedDataParallel(small())
        run = begin()
        if compiled:
            model = torch.compile(model, backend="eager")
        run.log({"loss": 1.0})
        run.evaluate(model)
        run.finish(model=model)
    finally:
        torch.distributed.destroy_process_group()
    history = history_of(the_run())
    assert history.epochs[0].val_acc is not None
    assert history.kept


# A notebook.


class Cells:
    """Stands for IPython: calls what is registered before and after a cell."""

    def __init__(self) -> None:
        self.registered: dict[str, Any] = {}
        self.events = self

    def get_ipython(self) -> "Cells":
        return self

    def register(self, event: str, call: Any) -> None:
        self.registered[event] = call

    def run(self, cell: Any, error: BaseException | None = None) -> None:
        self.registered["pre_run_cell"](None)
        cell()
        self.registered["post_run_cell"](SimpleNamespace(error_in_exec=error))


@pytest.mark.parametrize(
    ("error", "state"), [(ValueError("wrong"), "failed"), (KeyboardInterrupt(), "stopped")]
)
def test_an_exception_in_a_cell_ends_the_run_that_was_used_in_it(
    error: BaseException, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = Cells()
    monkeypatch.setitem(sys.modules, "IPython", shell)  # type: ignore[arg-type]
    endings._watch_cells()
    run = begin()
    shell.run(lambda: run.log({"a": 1.0}))
    shell.run(lambda: None, NameError("a typo elsewhere"))
    assert state_of(the_run()) == "running"
    shell.run(lambda: run.log({"a": 1.0}), error)
    assert state_of(the_run()) == state
    assert not the_run().is_running()


def test_a_count_of_epochs_may_be_numpy_s() -> None:
    run = begin()
    for _ in run.epochs(np.int64(2)):
        run.log_predictions(np.eye(10, dtype=np.float32)[LABELS])
    run.finish()
    assert len(history_of(the_run()).epochs) == 2


def test_a_model_that_works_in_place_gets_the_same_images_each_time() -> None:
    seen = []

    def model(images: torch.Tensor) -> torch.Tensor:
        seen.append(float(images.sum()))
        images.mul_(2)
        return torch.zeros(len(images), 10)

    run = begin()
    for _ in range(3):
        run.evaluate(model)
    run.finish()
    assert len(set(seen)) == 1


def test_a_finish_that_fails_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no such device")

    monkeypatch.setattr("mnistop.engine.recording.own_loop.Recording._keep", broken)
    run = begin()
    with pytest.warns(mnistop.RecordingWarning, match="no such device"):
        run.finish(model=torch.nn.Linear(4, 10))
    assert state_of(the_run()) == "finished"


def test_one_epoch_s_bad_scores_do_not_change_its_neighbours() -> None:
    right = np.full((len(LABELS), 10), 0.01, np.float32)
    right[np.arange(len(LABELS)), LABELS] = 0.91
    run = begin()
    run.log({"loss": 1.0})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for scores in (right, np.full_like(right, np.nan), right):
            run.log_predictions(scores)
        run.finish()
    losses = [epoch.val_loss for epoch in history_of(the_run()).epochs]
    assert losses[1] is None
    assert losses[0] == losses[2] == pytest.approx(-np.log(0.91), abs=1e-3)
