"""A loop's evaluations and models: validation, scores, the final test, the kept model."""

import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import mnistop
from mnistop.engine import events
from mnistop.engine.report.facts import Facts
from mnistop.engine.report.of_run import curve_charts
from mnistop.engine.runs.history import unseen_accuracy
from mnistop.engine.runs.predictions import load_predictions
from tests.helpers.loops import history_of, state_of, the_run
from tests.helpers.own_loop import LABELS, PIXELS, SCORES, begin, series, small, warned, warns
from tests.helpers.selection import one_in

pytestmark = pytest.mark.usefixtures("alone")


def test_an_evaluation_with_a_training_accuracy_is_of_a_trained_model() -> None:
    with begin() as run:
        for _ in range(3):
            run.log_predictions(SCORES, train_acc=0.5)
    history = history_of(the_run())
    assert [epoch.train_acc for epoch in history.epochs] == [0.5] * 3
    assert history.started
    assert history.started.val_acc is None


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


@pytest.mark.parametrize(
    ("validation", "words"),
    [
        (PIXELS, "a pair \\(images, labels\\)"),
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


@pytest.mark.parametrize("uncounted", [False, True])
def test_a_model_that_works_in_place_gets_the_same_images_each_time(uncounted: bool) -> None:
    seen = []

    def model(images: torch.Tensor) -> torch.Tensor:
        seen.append(float(images.sum()))
        (images.data if uncounted else images).mul_(2)
        return torch.zeros(len(images), 10)

    run = begin()
    for _ in range(3):
        run.evaluate(model)
    run.finish()
    assert len(set(seen)) == 1


def test_a_model_is_evaluated_in_inference_mode_and_outside_of_it() -> None:
    run, model = begin(), small()
    accuracies = [run.evaluate(model).accuracy]
    with torch.inference_mode():
        accuracies += [run.evaluate(model).accuracy, run.evaluate(model).accuracy]
    accuracies.append(run.evaluate(model).accuracy)
    run.finish()
    assert len(set(accuracies)) == 1


def test_the_test_accuracy_is_that_of_the_model_at_the_end() -> None:
    run = begin(test=(PIXELS[:20], LABELS[:20]))
    model = small()
    for _ in run.epochs(2):
        run.evaluate(model)
    run.finish(model=model)
    history = history_of(the_run())
    assert history.tested
    assert history.test_acc == history.tested.acc
    assert unseen_accuracy(history).endswith("on 20 test images with the final weights")
    loss, accuracy = curve_charts(Facts.of(the_run()), history.started)
    assert [curve.name for chart in (loss, accuracy) for curve in chart.curves] == [
        "validation"
    ] * 2


def test_the_test_images_are_used_at_the_end() -> None:
    run = begin(test=(PIXELS, LABELS))
    run.log({"loss": 1.0})
    run.finish(model=small())
    tested = history_of(the_run()).tested
    assert tested
    assert tested.images == 40


def test_a_model_of_another_library_is_named_at_the_end() -> None:
    run = begin()
    run.log_predictions(SCORES)
    with warns("finish keeps PyTorch models for questions, and a SimpleNamespace is none"):
        run.finish(SimpleNamespace())
    assert state_of(the_run()) == "finished"


def test_a_model_that_is_no_mlp_is_named() -> None:
    run = begin()
    convolutional = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(32, 10))
    run.evaluate(convolutional)
    with warns("need an MLP"):
        run.finish(model=convolutional)
    assert history_of(the_run()).kept is None
    assert state_of(the_run()) == "finished"


@pytest.mark.parametrize("compiled", one_in(2, [False, True]))
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
