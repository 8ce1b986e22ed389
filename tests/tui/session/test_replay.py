"""The epochs of a run as a film: which epoch is shown when."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistop.tui.session import state as states
from mnistop.tui.session.replay import TICK, Replay, why_no_replay
from mnistop.tui.session.state import State
from tests.helpers import made_up
from tests.tui.session.test_state import after


class Film:
    """A replay whose clock is set by hand, and the epochs that it has shown."""

    def __init__(self, state: State) -> None:
        self.now = 1000.0
        self.replay = Replay(lambda: self.now)
        self.state = self.replay.toggled(state)
        self.epochs = [self.state.shown_epoch]

    def go_on(self, seconds: float, is_drawn: bool = True) -> None:
        self.now += seconds
        if self.state.replay == "playing":
            self.state = self.replay.advanced(self.state, is_drawn)
            if self.state.shown_epoch != self.epochs[-1]:
                self.epochs.append(self.state.shown_epoch)

    def to_the_end(self) -> float:
        """Plays on to the end, and returns the seconds that it took."""
        before = self.now
        while self.state.replay == "playing":
            self.go_on(TICK)
        return self.now - before


def long_run(epochs: int) -> State:
    """A run of many epochs, all alike."""
    state = after(*made_up.story(1))
    history = replace(state.history, epochs=state.history.epochs * epochs)
    return replace(state, history=history)


def test_a_hundred_epochs_take_ten_seconds_and_each_is_shown_from_the_untrained_model_on() -> None:
    film = Film(after(*made_up.story(100)))
    assert film.state.shown_epoch == -1
    assert film.to_the_end() == pytest.approx(10, abs=2 * TICK)
    assert film.epochs == list(range(-1, 100))
    assert film.state.cursor is None


def test_a_million_epochs_take_ten_seconds_too_and_are_skipped_through_evenly() -> None:
    film = Film(long_run(1_000_000))
    assert film.to_the_end() == pytest.approx(10, abs=2 * TICK)
    steps = {later - earlier for earlier, later in zip(film.epochs, film.epochs[1:], strict=False)}
    assert len(film.epochs) == 101
    assert steps == {10_000}


def test_an_epoch_of_a_short_run_stays_for_a_second() -> None:
    film = Film(after(*made_up.story(3)))
    assert film.to_the_end() == pytest.approx(3, abs=2 * TICK)
    assert film.epochs == [-1, 0, 1, 2]


def test_a_slow_line_drops_frames_and_the_replay_takes_no_longer() -> None:
    film = Film(after(*made_up.story(100)))
    for _ in range(9):
        film.go_on(0.5, is_drawn=False)
    assert film.epochs == [-1]
    film.go_on(0.5)
    assert film.epochs == [-1, 49]
    assert film.to_the_end() == pytest.approx(5, abs=2 * TICK)


def test_paused_it_stands_still_and_goes_on_from_there() -> None:
    film = Film(after(*made_up.story(100)))
    film.go_on(1)
    film.state = film.replay.toggled(film.state)
    assert film.state.replay == "paused"
    film.go_on(60)
    film.state = film.replay.toggled(film.state)
    assert film.state.shown_epoch == 9
    assert film.to_the_end() == pytest.approx(9, abs=2 * TICK)


def test_a_cursor_key_pauses_it_and_it_goes_on_from_the_cursor() -> None:
    film = Film(after(*made_up.story(100)))
    film.state = film.state.moved(50)
    assert (film.state.shown_epoch, film.state.replay) == (49, "paused")
    film.state = film.replay.toggled(film.state)
    assert film.to_the_end() == pytest.approx(5, abs=2 * TICK)


def test_paused_at_the_newest_epoch_it_begins_again() -> None:
    film = Film(after(*made_up.story(100)))
    film.state = film.replay.toggled(film.state.moved(1000))
    assert film.state.shown_epoch == -1


def test_a_suspended_app_goes_on_where_it_was() -> None:
    film = Film(after(*made_up.story(100)))
    film.go_on(3600)
    assert film.epochs == [-1, 9]


def test_esc_ends_it_at_the_newest_epoch() -> None:
    film = Film(after(*made_up.story(100)))
    assert film.state.live() == after(*made_up.story(100))


@given(
    st.integers(2, 300),
    st.lists(st.tuples(st.floats(0, 2), st.booleans(), st.integers(0, 50)), max_size=40),
)
def test_whatever_the_line_and_the_training_do_the_film_runs_forward_to_the_newest_epoch(
    epochs: int, events: list[tuple[float, bool, int]]
) -> None:
    film = Film(after(*made_up.story(epochs)))
    for seconds, is_drawn, new in events:
        if not film.state.replay:
            break
        newest = film.state.newest_epoch
        more = [made_up.epoch(newest + number) for number in range(1, new + 1)]
        film.state = states.reduce(film.state, more)
        film.go_on(seconds, is_drawn)
    assert film.to_the_end() <= 10 + 2 * TICK
    assert film.epochs == sorted(set(film.epochs))
    assert film.epochs[-1] == film.state.newest_epoch


def test_it_takes_two_epochs_and_says_so() -> None:
    assert why_no_replay(State()) == "There is no epoch to replay: press r to train."
    assert "after epoch 0" in why_no_replay(after(made_up.started()))
    assert not why_no_replay(after(*made_up.story(1)))
