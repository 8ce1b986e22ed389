"""A replay: the epochs of a run played from the first to the newest, like a film."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from textual.timer import Timer

from mnistop.tui.session.run_screen import RunScreen
from mnistop.tui.session.session import Session
from mnistop.tui.session.state import State

TICK = 1 / 30
"""Seconds between two looks at the clock."""
_SECONDS = 10.0
"""The length of a replay."""
_EPOCH_SECONDS = 1.0
"""The longest that an epoch stays: a run of a few epochs takes less than `_SECONDS`."""
_FRAMES = 100
"""Epochs shown at most; those between them are skipped."""
_LONGEST_GAP = 1.0
"""Seconds that one tick counts at most, so that a suspended app goes on where it was."""


class Replay:
    """A replay that moves a state's epoch cursor as time passes.

    The epoch follows from the time alone: frames that a slow line cannot take are dropped, and the
    replay takes no longer. The run may be in training meanwhile; the replay ends at its newest
    epoch.

    Args:
        clock: the seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = 0.0
        self._played = 0.0
        """The part of the epochs that has been played, in [0, 1]."""

    def toggled(self, state: State) -> State:
        """Return the state with the replay started, paused, or going on from the cursor.

        Args:
            state: a state that `why_no_replay` has nothing against.
        """
        if state.replay == "playing":
            return replace(state, replay="paused")
        first, newest = state.first_epoch, state.newest_epoch
        goes_on = state.replay == "paused" and state.shown_epoch < newest
        epoch = state.shown_epoch if goes_on else first
        self._played = (epoch - first) / (newest - first)
        self.skip_time()
        return replace(state, cursor=epoch, replay="playing")

    def skip_time(self) -> None:
        """Skip the time since the last tick, in which nobody could see the replay."""
        self._last = self._clock()

    def advanced(self, state: State, is_drawn: bool) -> State:
        """Return the state at the present time: the same one if it shows that epoch already.

        Args:
            state: a state that is being replayed.
            is_drawn: whether the last frame has been drawn and sent; else this one is dropped.
        """
        now = self._clock()
        passed, self._last = min(now - self._last, _LONGEST_GAP), now
        epochs = state.newest_epoch - state.first_epoch
        if epochs < 1:  # the run is being read again
            return state.live()
        self._played += passed / min(_SECONDS, epochs * _EPOCH_SECONDS)
        if not is_drawn:
            return state
        if self._played >= 1:
            return state.live()
        frames = min(epochs, _FRAMES)
        frame = int(self._played * frames + 1e-6)
        epoch = state.first_epoch + frame * epochs // frames
        return state if epoch == state.cursor else replace(state, cursor=epoch)


class ReplayPlayer:
    """Plays the epochs of the session's run, by a timer that stands still between replays.

    Args:
        screen: runs the timer.
        session: its state is replayed.
    """

    def __init__(self, screen: RunScreen, session: Session) -> None:
        self._screen, self._session = screen, session
        self._timer: Timer | None = None
        self.replay = Replay()

    def toggle(self) -> None:
        """Start, pause or go on; for a state that `why_no_replay` has nothing against."""
        self._session.look(self.replay.toggled(self._session.state))
        if self._timer is None:
            self._timer = self._screen.every(TICK, self._play)
        self._timer.resume()

    def _play(self) -> None:
        """Show the epoch that is due, once the last one is drawn and the line has taken it."""
        state, top = self._session.state, self._screen.app.screen
        if state.replay != "playing":
            if self._timer:
                self._timer.pause()
        elif not isinstance(top, RunScreen):  # a dialog hides it
            self.replay.skip_time()
        elif (due := self.replay.advanced(state, top.is_caught_up)) is not state:
            self._session.look(due)


def why_no_replay(state: State) -> str:
    """Return the reason why there is nothing to replay; empty if there is something."""
    if not state.history.epochs:
        return f"There is no epoch to replay: {state.hint}."
    if state.newest_epoch == state.first_epoch:
        return "There is one epoch only, and a replay takes two."
    return ""
