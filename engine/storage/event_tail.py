"""Reads what a run or a sweep has said and says, while it is being written."""

from __future__ import annotations

from collections.abc import Iterator

from engine import events
from engine.storage.files import open_regular
from engine.storage.folder import Folder


class EventTail:
    """Reads events from where the last reading ended; a torn last line waits.

    Args:
        folder: that of a run or a sweep.
    """

    CHUNK = 1 << 18

    def __init__(self, folder: Folder) -> None:
        self._path = folder.events_path
        self._offset = 0

    def read(self) -> list[events.Event]:
        """The events that have come, from some quarter of a megabyte at most; empty if none."""
        found: list[events.Event] = []
        while not found and (lines := self._whole_lines()):
            found = list(_readable(lines))
        return found

    def _whole_lines(self) -> list[bytes]:
        try:
            with open_regular(self._path) as file:
                file.seek(self._offset)
                chunk = file.read(self.CHUNK)
        except OSError:
            return []
        whole = chunk[: chunk.rfind(b"\n") + 1]
        if not whole and len(chunk) == self.CHUNK:
            whole = chunk
        self._offset += len(whole)
        return whole.splitlines()


def _readable(lines: list[bytes]) -> Iterator[events.Event]:
    for line in lines:
        try:
            yield events.from_json(line)
        except events.UnreadableEventError:
            continue


def read_events(folder: Folder) -> list[events.Event]:
    """All that a run or a sweep has said so far."""
    tail = EventTail(folder)
    found = []
    while batch := tail.read():
        found += batch
    return found
