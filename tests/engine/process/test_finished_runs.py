"""A run in a process of its own that comes to its end: its story, predictions and weights."""

import asyncio
import itertools
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from mnistop.engine import events, worker
from mnistop.engine.analysis.loading import load_model_in, load_snapshot
from mnistop.engine.errors import RunError
from mnistop.engine.events import EpochFinished, Event
from mnistop.engine.runs import checkpoint
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.predictions import WEIGHTS_FILE, snapshot_epochs
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.training.state import evaluate
from tests.helpers.small_runs import (
    ENDLESS,
    history_of,
    kill_all,
    launched,
    prepared,
    state_of,
    to_the_end,
)

pytestmark = [pytest.mark.process, pytest.mark.fast]


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
