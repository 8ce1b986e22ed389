"""A run's events and predictions, as every recording process writes them."""

import contextlib
import os
import time
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from mnistop.engine import events
from mnistop.engine.files import open_private, write_at, write_atomically
from mnistop.engine.runs.event_log import EventLog
from mnistop.engine.runs.run_folder import Run

ROOM = 8192
"""Bytes that a run in training keeps free for its last words."""


class RunWriter:
    """The events and the predictions of a run, on disk.

    Args:
        run: a run whose lock this process holds.

    Raises:
        OSError: its files cannot be opened.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.log = EventLog(run.path)
        self._predictions, self._log_probabilities = (
            open_private(run.path / name, os.O_WRONLY | os.O_CREAT)
            for name in ("predictions.u8", "log_probabilities.f16")
        )
        self._room = run.path / "room"
        with contextlib.suppress(OSError):
            write_atomically(self._room, bytes(ROOM))

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The descriptors of the files that grow with each epoch."""
        return self.log.fileno(), self._predictions, self._log_probabilities

    def close(self) -> None:
        """Close the files."""
        self.log.close()
        os.close(self._predictions)
        os.close(self._log_probabilities)

    def record(self, kind: type[events.Event], **values: Any) -> None:
        """Append an event."""
        self.log.record(kind, **values)

    def record_again(self, event: events.Event) -> None:
        """Append an event of before with the time of now, since it still holds."""
        self.log.append([msgspec.structs.replace(event, time=time.time())])

    def end(self, kind: type[events.Event], **values: Any) -> None:
        """Append the last event, for which there is room even on a full disk."""
        self.free_room()
        self.record(kind, **values)

    def free_room(self) -> None:
        """Release the bytes that were reserved for the last events."""
        self._room.unlink(missing_ok=True)

    def write_predictions(
        self,
        epochs: int,
        log_probabilities: NDArray[np.float16],
        predictions: NDArray[np.uint8],
    ) -> None:
        """Write what the model predicts after some epochs, and after each that follows.

        Args:
            epochs: completed epochs of the first row, 0 for the untrained model.
            log_probabilities: of the validation images, `(rows, n, classes)`.
            predictions: most probable classes, `(rows, n)`.

        Raises:
            OSError: they cannot be written.
        """
        for file, rows in (
            (self._log_probabilities, log_probabilities),
            (self._predictions, predictions),
        ):
            write_at(file, np.ascontiguousarray(rows), epochs * rows[0].nbytes)
