"""The thread that writes what a loop records, and reads what the loop is asked for."""

from __future__ import annotations

import atexit
import contextlib
import math
import os
import queue
import stat
import threading
from collections.abc import Iterator
from typing import IO, Any

import numpy as np

from mnistop.engine import events
from mnistop.engine.files import reason
from mnistop.engine.recording import metrics
from mnistop.engine.recording.batch import Batch
from mnistop.engine.recording.loop_files import LoopFiles
from mnistop.engine.recording.metric_log import MetricLog
from mnistop.engine.recording.troubles import Troubles
from mnistop.engine.runs import lock
from mnistop.engine.runs.run_folder import Run

TICK_SECONDS = 0.5
"""This often what waits is written, and requests are read."""
_LONGEST_REQUEST = 16


class Requests:
    """The requests that reach a loop by the file `request` in its run folder.

    Args:
        run: the run.
    """

    def __init__(self, run: Run) -> None:
        self._path = run.request_path
        self._seen: tuple[int, int] | None = None
        self.stop = False
        """Whether the run is to stop."""
        self.stop_noticed = False
        """Whether the loop has asked for that and been told."""
        self.pause = False
        """Whether the run is to pause."""
        self.waiting = 0
        """Threads of the loop that wait for it."""
        with contextlib.suppress(OSError):
            self._path.unlink()  # it was for a process that is gone

    @property
    def paused(self) -> bool:
        """True while the loop is paused."""
        return self.waiting > 0 and self.pause

    def read(self) -> None:
        """Read a new request, which only this user can have written."""
        try:
            flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(self._path, flags)
        except OSError:
            return
        try:
            facts = os.fstat(descriptor)
            this = facts.st_ino, facts.st_mtime_ns
            is_own = stat.S_ISREG(facts.st_mode) and facts.st_uid == os.geteuid()
            if this != self._seen and is_own:
                self._seen = this
                self._take(os.read(descriptor, _LONGEST_REQUEST).strip())
        finally:
            os.close(descriptor)

    def _take(self, word: bytes) -> None:
        if word == b"stop":
            self.stop, self.pause = True, False
        elif word == b"pause":
            self.pause = not self.stop
        elif word == b"go on":
            self.pause = False

    def remove_if_done(self) -> None:
        """Remove the file once the loop has complied, unless it is a new one."""
        complied = self.paused or not self.pause
        if self._seen and (self.stop_noticed if self.stop else complied):
            self.remove()

    def remove(self) -> None:
        """Remove the file that was read last, if it is still there."""
        with contextlib.suppress(OSError):
            facts = os.lstat(self._path)
            if (facts.st_ino, facts.st_mtime_ns) == self._seen:
                self._path.unlink()
        self._seen = None


class LoopWriter(threading.Thread):
    """A thread that writes a run folder while the loop runs.

    Args:
        run: the run.
        held: its lock, which the thread releases at the end.
        files: of the run.
        log: what the loop has recorded.
        troubles: where warnings go.
    """

    def __init__(
        self,
        run: Run,
        held: IO[bytes],
        files: LoopFiles,
        log: MetricLog,
        troubles: Troubles,
    ) -> None:
        super().__init__(name="mnistop", daemon=True)
        self.requests = Requests(run)
        self._run_folder = run
        self._held = held
        self._files = files
        self._log = log
        self._troubles = troubles
        log.wake = self.wake
        self._waking: queue.SimpleQueue[None] = queue.SimpleQueue()
        """A handler of a signal may put to it too, which it may not do to a `threading.Event`."""
        self._last: tuple[type[events.Event], dict[str, Any]] | None = None
        self._taken: list[Batch] = []
        self._is_paused = False
        self._is_gone = False

    def wake(self) -> None:
        """Wake the thread."""
        self._waking.put(None)

    def end(self, kind: type[events.Event], seconds: float, **values: Any) -> bool:
        """Write all that waits and the run's last event, then release its lock.

        Args:
            kind: of the last event.
            seconds: how long to wait for that, at most.
            values: the event's.

        Returns:
            Whether it is done.
        """
        self._last = kind, values
        self.requests.pause = False
        self.wake()
        atexit.register(self.join, seconds)  # for an exception that interrupts the waiting
        self.join(seconds)
        atexit.unregister(self.join)
        return not self.is_alive()

    def run(self) -> None:
        """Write until the end; no error ends the thread before."""
        while self._last is None:
            self._wait()
            with self._errors_named():
                self._turn()
            self._troubles.write_to(self._run_folder.log_path)
        with self._errors_named():
            self._turn(at_end=True)
        with self._errors_named():
            kind, values = self._last
            self._files.end(kind, **values)
        with self._errors_named():
            self._files.close()
            self.requests.remove()
        self._troubles.write_to(self._run_folder.log_path)
        lock.release(self._held)

    def _wait(self) -> None:
        """Wait until the thread is woken, for a tick at most."""
        with contextlib.suppress(queue.Empty):
            self._waking.get(timeout=TICK_SECONDS)

    @contextlib.contextmanager
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            folder = self._run_folder.path
            if not self._is_gone:
                why = reason(error, folder)
                what = f"{folder} cannot be written: {why}. What is logged waits in memory."
                self._troubles.warn("disk", what)
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            self._troubles.warn("fault", f"Recording met a fault of the program, {what}")

    def _turn(self, at_end: bool = False) -> None:
        if not self._is_gone and self._run_folder.is_gone():
            self._is_gone = True
            what = f"{self._run_folder.path} was deleted: nothing more of this run is recorded."
            self._troubles.warn("gone", what)
        self.requests.read()
        if self._is_gone:  # nobody can let a paused loop go on any more
            self.requests.pause = False
        self._say_pauses()
        self.requests.remove_if_done()
        self._taken.append(self._log.take())
        while self._taken and self._receive(self._taken[0], at_end):
            batch = self._taken.pop(0)
            if not self._is_gone:
                self._files.take(batch)
        try:
            self._files.write()
        except OSError:
            if self._files.drop_excess():
                what = "The disk has refused too many writes: some of what was logged is lost."
                self._troubles.warn("lost", what)
            raise

    def _say_pauses(self) -> None:
        if self.requests.paused != self._is_paused:
            self._is_paused = not self._is_paused
            self._files.record(events.RunPaused if self._is_paused else events.RunUnpaused)

    def _receive(self, batch: Batch, at_end: bool) -> bool:
        """Fill in values that have come from a device; return whether all have."""
        values = np.frombuffer(batch.records, metrics.LAYOUT)["value"]
        while batch.late:
            row, slot = batch.late[0]
            value = self._log.device_values.receive(slot)
            if value is None:
                if not at_end:
                    return False
                value = math.nan
            values[row] = value
            del batch.late[0]
        return True
