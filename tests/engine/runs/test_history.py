"""Whoever reads the same events comes to the same story, however they arrive."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistop.engine import events
from mnistop.engine.events import EpochFinished, Event
from mnistop.engine.runs.history import History, reduce


def event(kind: type[Event], **values: Any) -> Any:
    return kind(run="some-run", time=1.0, **values)


def started() -> events.RunStarted:
    return event(
        events.RunStarted,
        pid=1,
        class_names=["0", "1"],
        image_shape=[8, 8],
        training_images=10,
        validation_images=4,
        layers=[64, 2],
        parameters=130,
        device="cpu",
        versions={},
        val_loss=0.7,
        val_acc=0.5,
    )


def epoch(number: int, val_acc: float = 0.5, val_loss: float = 1.0) -> EpochFinished:
    return event(
        EpochFinished,
        epoch=number,
        train_loss=1.0,
        val_loss=val_loss,
        train_acc=0.5,
        val_acc=val_acc,
        lr=0.1,
        seconds=0.01,
    )


def resumed(number: int, step: int = 0) -> events.RunResumed:
    return event(events.RunResumed, pid=2, epoch=number, step=step)


def progress(number: int) -> events.BatchProgress:
    return event(
        events.BatchProgress,
        epoch=number,
        step=3,
        steps=10,
        train_loss=1.0,
        images_per_second=100.0,
    )


STOPPED = event(events.RunStopped, epochs=1, step=2)
FINISHED = event(events.RunFinished, epochs=1, reason="all epochs")
FAILED = event(events.RunFailed, message="It broke.")

SOME_EVENTS = st.one_of(
    st.builds(
        epoch, st.integers(0, 5), st.sampled_from([0.5, 0.6]), st.sampled_from([0.1, 0.2, 0.3])
    ),
    st.builds(resumed, st.integers(0, 5)),
    st.builds(progress, st.integers(0, 5)),
    st.sampled_from(
        [
            event(events.Preparing, message="fetching"),
            started(),
            event(events.RunPaused),
            event(events.RunUnpaused),
            event(events.CheckpointSaved, file="checkpoint.pt", epochs=1),
            STOPPED,
            FINISHED,
            FAILED,
            event(events.RunInterrupted),
            event(events.RunTested, images=9, acc=0.5, loss=1.0),
        ]
    ),
)


@given(st.lists(SOME_EVENTS, max_size=30), st.data())
def test_events_tell_the_same_story_in_any_batches(said: list[Event], data: st.DataObject) -> None:
    at_once = reduce(History(), said)
    history, rest = History(), said
    while rest:
        cut = data.draw(st.integers(1, len(rest)))
        history, rest = reduce(history, rest[:cut]), rest[cut:]
    assert history == at_once


@given(st.lists(SOME_EVENTS, max_size=30))
def test_epochs_are_numbered_without_a_gap_and_the_best_is_one_of_them(said: list[Event]) -> None:
    history = reduce(History(), said)
    assert [each.epoch for each in history.epochs] == list(range(len(history.epochs)))
    ranking = sorted(history.epochs, key=lambda each: (-each.val_acc, each.val_loss))
    assert history.best == (ranking[0] if ranking else None)


@given(st.lists(SOME_EVENTS, max_size=10), st.lists(SOME_EVENTS, max_size=10))
def test_an_older_story_stays_as_it_was(first: list[Event], second: list[Event]) -> None:
    before = reduce(History(), first)
    reduce(before, second)
    assert before == reduce(History(), first)


def test_the_best_epoch_is_the_most_accurate_and_of_equals_that_of_the_lowest_loss() -> None:
    said = [epoch(0, 0.8, 0.5), epoch(1, 0.9, 0.7), epoch(2, 0.9, 0.6), epoch(3, 0.9, 0.6)]
    assert reduce(History(), said).best == said[2]


def test_a_resumed_run_forgets_the_epochs_that_it_trains_anew_and_its_best_of_them() -> None:
    said = [started(), epoch(0, 0.7), epoch(1, 0.8), epoch(2, 0.9), progress(3), resumed(2, 4)]
    history = reduce(History(), said)
    assert [each.epoch for each in history.epochs] == [0, 1]
    assert history.best == said[2]
    assert history.progress is None
    assert history.resumed == said[-1]
    assert reduce(history, [epoch(2, 0.6)]).epochs[2].val_acc == 0.6


def test_a_run_that_starts_again_has_no_epochs_of_before() -> None:
    history = reduce(History(), [started(), epoch(0), started()])
    assert history.epochs == ()
    assert history.best is None


def test_progress_is_shown_until_its_epoch_is_finished() -> None:
    history = reduce(History(), [started(), progress(0)])
    assert history.progress == progress(0)
    assert reduce(history, [epoch(0)]).progress is None


@pytest.mark.parametrize(
    ("said", "running", "state"),
    [
        ([], True, "starting"),
        ([], False, "interrupted"),
        ([event(events.Preparing, message="fetching")], True, "starting"),
        ([started()], True, "running"),
        ([started(), epoch(0)], False, "interrupted"),
        ([started(), event(events.RunPaused)], True, "paused"),
        ([started(), event(events.RunPaused)], False, "interrupted"),
        ([started(), event(events.RunPaused), event(events.RunUnpaused)], True, "running"),
        ([started(), event(events.RunPaused), STOPPED], False, "stopped"),
        ([started(), FINISHED], False, "finished"),
        ([started(), FINISHED], True, "finished"),
        ([FAILED], False, "failed"),
        ([started(), STOPPED, resumed(0)], True, "running"),
        ([started(), FAILED, resumed(0)], False, "interrupted"),
        ([started(), event(events.RunPaused), resumed(0)], True, "running"),
        ([FAILED, event(events.Preparing, message="fetching")], True, "starting"),
    ],
)
def test_the_state_of_a_run_is_told_from_its_events(
    said: list[Event], running: bool, state: str
) -> None:
    assert reduce(History(), said).state(running) == state


# Events as lines.


@given(SOME_EVENTS)
def test_an_event_comes_back_from_its_line(said: Event) -> None:
    line = said.to_json()
    assert "\n" not in line
    assert events.from_json(line.encode()) == said
    assert json.loads(line)["event"] == type(said).__name__


def test_a_path_that_is_not_in_utf_8_is_told_all_the_same() -> None:
    said = event(events.RunFailed, message="/tmp/\udcff cannot be written")
    told = events.from_json(said.to_json().encode())
    assert told == event(events.RunFailed, message=r"/tmp/\udcff cannot be written")


def test_a_key_that_is_not_known_yet_is_passed_over() -> None:
    values = json.loads(epoch(3).to_json()) | {"gradient_norm": 1.5}
    assert events.from_json(json.dumps(values).encode()) == epoch(3)


@pytest.mark.slow
@given(
    st.one_of(
        st.binary(),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        ).map(lambda value: json.dumps(value).encode()),
        st.just(b'{"event": "EpochFinished"}'),
        st.just(b'{"event": "FromTheFuture", "run": "x", "time": 1}'),
        st.just(b'{"event": ["EpochFinished"]}'),
        st.just(b"[" * 100_000),
    )
)
def test_a_foreign_line_is_no_event_and_nothing_worse(line: bytes) -> None:
    with pytest.raises(events.UnreadableEventError):
        events.from_json(line)


def test_every_event_says_which_run_and_when() -> None:
    for kind in Event.__subclasses__():
        assert {"run", "time"} <= set(kind.__struct_fields__)


def test_the_results_on_unseen_images_hold_until_the_run_goes_on() -> None:
    first, second = (
        event(events.RunTested, images=9, acc=0.5, loss=1.0, best_acc=acc, best_loss=1.0)
        for acc in (0.6, 0.7)
    )
    said = [started(), epoch(0), first, FINISHED]
    history = reduce(History(), said)
    assert history.test_acc == 0.6
    assert history.ended == FINISHED
    assert reduce(history, [resumed(1), epoch(1)]).tested is None
    assert reduce(history, [started()]).tested is None
    assert reduce(history, [resumed(1), epoch(1), second, FINISHED]).test_acc == 0.7
    testing = event(events.Preparing, message="testing")
    assert reduce(History(), [*said[:2], testing]).preparing == "testing"
    assert reduce(History(), [*said[:2], testing]).state(True) == "running"
    assert reduce(History(), [*said[:2], testing, first]).preparing == ""
