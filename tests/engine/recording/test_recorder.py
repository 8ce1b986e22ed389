"""The files that a recorder writes during training, in this process."""

import itertools
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistop.engine import events
from mnistop.engine.files import write_at
from mnistop.engine.recording import recorder
from mnistop.engine.recording.recorder import Recorder
from mnistop.engine.runs import checkpoint, run_folder
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.predictions import snapshot_epochs
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.training.loop import train
from tests.helpers.limits import files_at_most
from tests.helpers.small_runs import QuietListener, digits_config, history_of, prepared

CONFIG = digits_config(epochs=6)


@pytest.fixture(autouse=True)
def _nothing_is_due_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WRITE_SECONDS", "PROGRESS_SECONDS", "FIRST_CHECKPOINT_SECONDS"):
        monkeypatch.setattr(recorder, name, 1000.0)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    made, lock = run_folder.create(CONFIG, tmp_path)
    with lock:
        (made.path / "labels.u8").write_bytes(bytes(80))
        yield made


def recorded(run: Run) -> Recorder:
    """The recorder of a training that has gone through its epochs, before its last words."""
    training, images, validation = prepared(CONFIG)
    sink = Recorder(run)
    sink.begin(training)
    train(training, images, validation, sink, QuietListener())
    return sink


def epochs_told(run: Run) -> int:
    return len(history_of(run).epochs)


def checkpoints(run: Run, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """After how many epochs a training saves, each of which has to be told by then."""
    save, saved = checkpoint.save, []

    def watched(path: Path, content: dict[str, Any]) -> None:
        if path.name == "checkpoint.pt":
            saved.append(content["epoch"])
            assert epochs_told(run) == content["epoch"]
        save(path, content)

    monkeypatch.setattr(checkpoint, "save", watched)
    recorded(run)
    return saved


def test_short_epochs_are_told_together_and_before_anything_else_is_said(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = recorded(run)
    assert epochs_told(run) == 1
    assert len(run.predictions()) == 2
    sink.record(events.RunPaused)
    assert epochs_told(run) == 6
    assert isinstance(read_events(run)[-1], events.RunPaused)
    times = [event.time for event in read_events(run)]
    assert times == sorted(times)
    assert len(set(times)) > 6


def test_what_is_told_together_is_what_is_told_one_by_one(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "WRITE_SECONDS", 0.0)
    recorded(run).record(events.RunPaused)
    monkeypatch.setattr(recorder, "WRITE_SECONDS", 1000.0)
    other, lock = run_folder.create(CONFIG, tmp_path)
    with lock:
        recorded(other).record(events.RunPaused)
    for name in ("predictions.u8", "log_probabilities.f16", "weights.f32"):
        written = (run.path / name).read_bytes()
        assert any(written)
        assert written == (other.path / name).read_bytes(), name
    losses = [[epoch.val_loss for epoch in history_of(one).epochs] for one in (run, other)]
    assert losses[0] == losses[1]


def test_a_checkpoint_never_knows_more_than_what_is_told(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a run that is killed and goes on from it would lack epochs."""
    for name in ("FIRST_CHECKPOINT_SECONDS", "CHECKPOINT_SECONDS"):
        monkeypatch.setattr(recorder, name, 0.0)
    monkeypatch.setattr(recorder, "CHECKPOINT_SHARE", 1e9)
    assert checkpoints(run, monkeypatch) == [1, 2, 3, 4, 5, 6]


def test_many_short_epochs_get_a_checkpoint_before_its_time(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "FIRST_CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(recorder, "CHECKPOINT_SECONDS", 1000.0)
    monkeypatch.setattr(recorder, "CHECKPOINT_EPOCHS", 2)
    monkeypatch.setattr(recorder, "CHECKPOINT_SHARE", 1e9)
    assert checkpoints(run, monkeypatch) == [2, 4, 6]


def test_how_far_an_epoch_is_comes_with_the_images_a_second_since_it_was_last_told(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock advances by 1000 seconds between any two readings."""
    clock = itertools.count(0.0, 1000.0)
    monkeypatch.setattr(recorder, "PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(recorder.time, "monotonic", lambda: next(clock))
    training, images, validation = prepared(replace(CONFIG, epochs=1))
    sink = Recorder(run)
    sink.begin(training)
    train(training, images, validation, sink, QuietListener())
    told = [event for event in read_events(run) if isinstance(event, events.BatchProgress)]
    assert [(event.epoch, event.step, event.steps) for event in told] == [
        (0, step, 10) for step in range(1, 11)
    ]
    batch = len(images) / 10
    for before, after in itertools.pairwise(told):
        assert 0 < after.train_loss < before.train_loss + 0.5
        assert after.images_per_second in {batch / (1000 * looks) for looks in (1, 2, 3, 4, 5)}


def test_a_short_run_has_no_checkpoint_but_its_last(run: Run) -> None:
    recorded(run)
    assert not list(run.path.glob("*.pt"))


def test_one_that_starts_again_keeps_no_weights_of_before(run: Run) -> None:
    """They may be those of another version of PyTorch."""
    training, *_ = prepared(CONFIG)
    (run.path / "weights.f32").write_bytes(bytes(10**6))
    Recorder(run).begin(training)
    assert snapshot_epochs(run, training.model.sizes) == [0]


def test_the_last_word_is_said_even_if_what_waits_finds_no_room(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = recorded(run)
    with files_at_most((run.path / "log_probabilities.f16").stat().st_size + 100):
        sink.end(events.RunFailed, message="The disk is full.")
    assert epochs_told(run) == 1
    assert isinstance(read_events(run)[-1], events.RunFailed)


def test_a_write_that_is_cut_short_goes_on(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system may take a part of what it is given."""
    expected = np.arange(1000, dtype=np.float32)
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda file, rest, place: pwrite(file, rest[:99], place))
    path = run.path / "weights.f32"
    file = os.open(path, os.O_RDWR | os.O_CREAT)
    assert write_at(file, expected.reshape(10, 100), 8) == 4008
    os.close(file)
    assert path.read_bytes() == bytes(8) + expected.tobytes()
