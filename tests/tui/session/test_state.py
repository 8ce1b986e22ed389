"""The dashboard's state of a run, without an app."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.geometry import Size

from mnistop.engine.runs.run_folder import Run
from mnistop.tui.features.train.dashboard import LEAST, mode_for
from mnistop.tui.session import state as states
from mnistop.tui.session.state import State
from tests.helpers import made_up

RUN = Run(Path("/runs") / made_up.NAME)


def after(*events: object, epochs: int = 100) -> State:
    return states.reduce(State(RUN, epochs, alive=True), events)


def test_before_any_run_there_is_nothing_to_show() -> None:
    state = State()
    assert state.phase == "idle"
    assert state.shown is None
    assert state.moved(-1) == state
    assert states.reduce(state, made_up.story(3)) == state


def test_a_run_is_starting_then_running_then_finished() -> None:
    told = made_up.story(3)
    assert after().phase == "starting"
    assert after(told[0]).phase == "running"
    assert after(*told, made_up.finished(3)).phase == "finished"
    assert after(*told, made_up.stopped(3)).phase == "stopped"
    assert after(*told, made_up.failed("The loss is infinite.")).phase == "failed"
    assert after(*told, made_up.interrupted()).phase == "interrupted"


def test_events_of_another_run_change_nothing() -> None:
    state = after(*made_up.story(3))
    other = "20260101-120001-keen-lark"
    late = [made_up.epoch(3, other), made_up.finished(4, other)]
    assert states.reduce(state, late) == state


def test_the_newest_epoch_is_shown_as_it_comes() -> None:
    state = after(*made_up.story(3))
    assert state.shown_epoch == 2
    state = states.reduce(state, [made_up.epoch(3)])
    assert state.shown == made_up.epoch(3)


def test_the_cursor_stays_at_its_epoch_until_one_goes_live() -> None:
    state = after(*made_up.story(5)).moved(-2)
    state = states.reduce(state, [made_up.epoch(5)])
    assert state.shown_epoch == 2
    assert state.live().shown_epoch == 5


@given(st.integers(1, 30), st.lists(st.integers(-40, 40), max_size=8))
def test_the_cursor_never_leaves_the_epochs_there_are(epochs: int, moves: list[int]) -> None:
    state = after(*made_up.story(epochs))
    for by in moves:
        before = state.shown_epoch
        state = state.moved(by)
        assert -1 <= state.shown_epoch < epochs
        assert state.shown_epoch - before == by or state.shown_epoch in (-1, epochs - 1)
    assert (state.shown is None) == (state.shown_epoch == -1)


@pytest.mark.parametrize(
    ("width", "height", "mode"),
    [
        (120, 40, "wide"),
        (200, 60, "wide"),
        (119, 60, "medium"),
        (200, 37, "medium"),
        (100, 34, "medium"),
        (99, 60, "small"),
        (200, 33, "small"),
        (80, 24, "small"),
        (60, 16, "small"),
        (59, 60, "too-small"),
        (200, 15, "too-small"),
        (1, 1, "too-small"),
    ],
)
def test_what_fits_a_terminal(width: int, height: int, mode: str) -> None:
    assert mode_for(Size(width, height)) == mode


def test_the_least_size_is_not_too_small() -> None:
    assert mode_for(LEAST) == "small"
