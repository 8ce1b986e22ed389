"""The events of a run or a sweep on disk: appended by the training process, read meanwhile."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, TypeVar

from mnistop.engine import events
from mnistop.engine.files import open_private, open_regular
from mnistop.engine.runs.folder import Folder

Kind = TypeVar("Kind", bound=events.Event)


class EventLog:
    """The `events.jsonl` of a folder, open for writing by any thread.

    Args:
        folder: that of a run or a sweep whose lock this process holds.
    """

    def __init__(self, folder: Path) -> None:
        self._name = folder.name
        self._turn = threading.Lock()
        self._file = open(  # noqa: SIM115
            folder / "events.jsonl", "ab+", buffering=0, opener=open_private
        )
        end = self._file.seek(0, os.SEEK_END)
        if end:  # a torn line ends here
            self._file.seek(-1, os.SEEK_END)
            if self._file.read(1) != b"\n":
                self._file.write(b"\n")

    def fileno(self) -> int:
        """Return the descriptor of the file."""
        return self._file.fileno()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def record(self, kind: type[events.Event], **values: Any) -> None:
        """Append an event."""
        self.append([self.event(kind, **values)])

    def event(self, kind: type[events.Event], **values: Any) -> events.Event:
        """Create an event with the present time, to be appended."""
        return kind(run=self._name, time=time.time(), **values)

    def append(self, new: Iterable[events.Event]) -> None:
        """Append events, all or none."""
        lines = "".join(event.to_json() + "\n" for event in new)
        with self._turn:
            self._write(lines.encode())

    def _write(self, lines: bytes) -> None:
        rest = memoryview(lines)
        end = self._file.seek(0, os.SEEK_END)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:  # a full disk takes a part: the next event must not follow it on its line
            self._file.truncate(end)
            raise


_TAIL_BYTES = 1 << 16
_COST_OF_LINE = 1 << 10
"""An unreadable short line takes as long as one of this many bytes."""


class EventTail:
    """A reader of new events; a torn last line is left for the next reading.

    A damaged file may be huge: its holes are skipped, and it is given up after `MOST_DAMAGE`.

    Args:
        folder: that of a run or a sweep.
    """

    CHUNK = 1 << 18
    MOST_DAMAGE = 1 << 26
    """Bytes without an event between two events, or before the first."""

    def __init__(self, folder: Folder) -> None:
        self._path = folder.events_path
        self._offset = 0
        self._since_event = 0
        self._holes = 0

    @property
    def damage(self) -> str:
        """A sentence on serious damage to the file; empty if there is none."""
        if self._gives_up:
            size = self._since_event / 1e6
            return f"{self._path} is damaged: after {size:,.0f} MB without events it is not read."
        if self._holes >= self.MOST_DAMAGE:
            return f"{self._path} is damaged: it has holes of {self._holes / 1e6:,.0f} MB."
        return ""

    @property
    def _gives_up(self) -> bool:
        return self._since_event >= self.MOST_DAMAGE

    def read(self) -> list[events.Event]:
        """Read the new events, from some quarter of a megabyte at most; empty if there are none."""
        found: list[events.Event] = []
        while not found and not self._gives_up and (lines := self._whole_lines()):
            found = list(_readable(lines))
            cost = sum(max(len(line), _COST_OF_LINE) for line in lines)
            self._since_event = 0 if found else self._since_event + cost
        return found

    def _whole_lines(self) -> list[bytes]:
        try:
            with open_regular(self._path) as file:
                start = self._after_hole(file)
                file.seek(start)
                chunk = file.read(self.CHUNK)
        except OSError:
            return []
        whole = chunk[: chunk.rfind(b"\n") + 1]
        if not whole and len(chunk) == self.CHUNK:
            whole = chunk
        if whole:
            self._offset = start + len(whole)
        return whole.splitlines()

    def _after_hole(self, file: IO[bytes]) -> int:
        """Return the next offset that is not in a hole, if the disk knows holes."""
        size = os.fstat(file.fileno()).st_size
        if size - self._offset < self.CHUNK or not hasattr(os, "SEEK_DATA"):
            return self._offset
        try:
            data = os.lseek(file.fileno(), self._offset, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:
                return self._offset
            data = size
        self._holes += data - self._offset
        self._offset = data
        return data


def _readable(lines: list[bytes]) -> Iterator[events.Event]:
    for line in lines:
        try:
            yield events.from_json(line)
        except events.UnreadableEventError:
            continue


def read_events(folder: Folder) -> list[events.Event]:
    """Return all events of a run or a sweep so far."""
    tail = EventTail(folder)
    found = []
    while batch := tail.read():
        found += batch
    return found


def last_of_kind(folder: Folder, kind: type[Kind]) -> Kind | None:
    """Return the newest event of a kind, as of `RunStarted`; None if there is none."""
    found = [event for event in read_events(folder) if isinstance(event, kind)]
    return found[-1] if found else None


# The end of a long log, for lists of many runs


def epochs_trained(run: Folder) -> int:
    """Return how many epochs a run has finished by now."""
    for event in _newest_events(run):
        if isinstance(event, events.EpochFinished):
            return event.epoch + 1
        if isinstance(event, events.BatchProgress | events.RunResumed):
            return event.epoch
    return 0


def final_event(run: Folder) -> events.RunFinished | events.RunStopped | events.RunFailed | None:
    """Return the event that ended a run; None if it was resumed after that, or has no end."""
    for event in _newest_events(run):
        match event:
            case events.RunFinished() | events.RunStopped() | events.RunFailed():
                return event
            case events.Preparing() | events.RunStarted() | events.RunResumed():
                return None
    return None


def _newest_events(run: Folder) -> Iterator[events.Event]:
    """Yield the events in the last part of a run's log, the newest first."""
    try:
        with open_regular(run.events_path) as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - _TAIL_BYTES))
            lines = file.read(_TAIL_BYTES).splitlines()
    except OSError:
        return
    yield from _readable(lines[::-1])
