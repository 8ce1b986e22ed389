"""The control of a training process by signals."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from types import FrameType
from typing import TYPE_CHECKING

from mnistop.engine import events

if TYPE_CHECKING:
    from mnistop.engine.recording.recorder import Recorder


class StopRequestedError(Exception):
    """A stop came while something was being waited for."""


class SignalControl:
    """Control by signals: SIGTERM and SIGINT stop, SIGUSR1 pauses, SIGUSR2 lets go on.

    SIGXCPU, which comes where the processor time of `ulimit -t` is used up, stops as well.
    """

    def __init__(self) -> None:
        self.recorder: Recorder | None = None
        self._at_once = False
        self._stop = False
        self._paused = False
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGXCPU):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGUSR1, self._on_pause)
        signal.signal(signal.SIGUSR2, self._on_unpause)

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop = True
        if self._at_once:
            self._at_once = False
            raise StopRequestedError

    def _on_pause(self, number: int, frame: FrameType | None) -> None:
        self._paused = True

    def _on_unpause(self, number: int, frame: FrameType | None) -> None:
        self._paused = False

    @contextlib.contextmanager
    def stopping_at_once(self) -> Iterator[None]:
        """Let a stop end a long preparation before training by `StopRequestedError`."""
        self._at_once = True
        try:
            if self._stop:
                raise StopRequestedError
            yield
        finally:
            self._at_once = False

    def wants_stop(self) -> bool:
        """Return whether a stop has been requested."""
        return self._stop

    def wait_while_paused(self) -> float:
        """Wait until SIGUSR2 or a stop; return the seconds waited."""
        if not self._paused or self._stop:
            return 0.0
        started = time.perf_counter()
        if self.recorder:
            self.recorder.pause()
        while self._paused and not self._stop:
            time.sleep(0.02)
        if self.recorder:
            self.recorder.say(events.RunUnpaused)
        return time.perf_counter() - started
