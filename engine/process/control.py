"""Signals to the processes of runs and sweeps, to stop, to pause, to go on, and their receiver."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from types import FrameType
from typing import TYPE_CHECKING

from mnistop.engine import events
from mnistop.engine.errors import RunError
from mnistop.engine.files import write_atomically
from mnistop.engine.runs import lock
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.sweep_folder import Sweep

if TYPE_CHECKING:
    from mnistop.engine.recording.recorder import Recorder


def stop(what: Run | Sweep) -> None:
    """Stop a run after the present step, with a checkpoint; or all runs of a sweep.

    Raises:
        RunError: it is not being trained, or belongs to another user.
    """
    send_signal(what, signal.SIGTERM)


def pause(run: Run) -> None:
    """Pause a run between two steps until `resume`.

    Raises:
        RunError: the run is not being trained, or belongs to another user.
    """
    send_signal(run, signal.SIGUSR1)


def is_suspended(whom: Run | Sweep) -> bool:
    """Return whether the process of a run or a sweep was suspended by SIGSTOP.

    `stop` and `resume` continue such a process.
    """
    process = whom.process_id()
    return process is not None and lock.is_suspended(process, whom.lock_path)


REQUESTS = {signal.SIGTERM: "stop", signal.SIGUSR1: "pause", signal.SIGUSR2: "go on"}
"""The words that stand for signals in the file by which a recorded run is asked."""


def request(run: Run, word: str) -> None:
    """Ask the loop of a recorded run, whose signals are its own, by a file that it looks for.

    The recording process removes the file once the loop has complied.

    Raises:
        RunError: the run belongs to another user, or its folder cannot be written.
    """
    run.check_ours()
    try:
        write_atomically(run.request_path, word.encode())
    except OSError as error:
        raise RunError(f"{run.full_name} cannot be asked: {run.why_not_writable(error)}.") from None


ANSWER_SECONDS = 5.0
"""Within these, a loop that asks whether it is to stop, or that logs, has done so."""


def unanswered(run: Run) -> str:
    """Explain that a loop has not complied with the last request; empty if it has, or is over."""
    try:
        word = run.request_path.read_text()
    except (OSError, ValueError):
        return ""
    process = run.process_id()
    if process is None:
        return ""
    script = getattr(run.config(), "script", "") or "The script"
    if word == "stop":
        return (
            f"{script} (process {process}) has asked neither run.epochs nor run.should_stop since: "
            f"it keeps training. To end it: kill -INT {process}."
        )
    return f"{script} (process {process}) has logged nothing since: it will {word} when it does."


def send_signal(whom: Run | Sweep, number: signal.Signals) -> None:
    """Send a signal to the process of a run or a sweep.

    Raises:
        RunError: there is none, it is out of reach, or it belongs to another user.
    """
    process = whom.process_id()
    try:
        if process is None:
            raise ProcessLookupError
        if isinstance(whom, Run) and whom.is_recorded():
            return request(whom, REQUESTS[number])
        if not lock.is_here(process, whom.lock_path):
            raise RunError(
                f"{whom.full_name} is trained on another machine or in another container: "
                "it can be stopped and paused only there."
            )
        os.kill(process, number)
        if number != signal.SIGUSR1:  # who was held by Ctrl+Z or SIGSTOP would not hear of it
            os.kill(process, signal.SIGCONT)
    except ProcessLookupError:
        raise RunError(f"{whom.full_name} is not being trained.") from None
    except PermissionError:
        raise whom.foreign_error() from None


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
            self.recorder.record(events.RunUnpaused)
        return time.perf_counter() - started
