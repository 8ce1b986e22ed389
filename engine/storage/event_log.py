"""The file to which a run or a sweep appends what it says."""

import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mnistop.engine import events
from mnistop.engine.storage.files import open_private


class EventLog:
    """The `events.jsonl` of a folder, open for writing; any thread may.

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
        """The descriptor of the file."""
        return self._file.fileno()

    def say(self, kind: type[events.Event], **values: Any) -> None:
        """Appends an event."""
        self.append([self.event(kind, **values)])

    def event(self, kind: type[events.Event], **values: Any) -> events.Event:
        """An event of this moment, to be appended."""
        return kind(run=self._name, time=time.time(), **values)

    def append(self, new: Iterable[events.Event]) -> None:
        """Appends events, all or none."""
        lines = "".join(event.to_json() + "\n" for event in new)
        with self._turn:
            self._write(lines.encode())

    def _write(self, lines: bytes) -> None:
        rest = memoryview(lines)
        end = self._file.seek(0, os.SEEK_END)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:  # a full disk takes a part: the next event shall not be glued to it
            self._file.truncate(end)
            raise
