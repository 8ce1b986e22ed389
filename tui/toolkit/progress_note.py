"""What the process that answers a long question says of how far it is, by a file."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from mnistop.engine.process.temporary import temporary_folder


class ProgressNote:
    """A file that a question of `mnistop.engine.analysis.loading` gets to write to, and a clock."""

    def __init__(self) -> None:
        self._since = 0.0

    @property
    def path(self) -> Path:
        """The file, in a folder that goes with this process."""
        return temporary_folder() / f"progress-{id(self)}"

    def start(self) -> None:
        """Another question begins now."""
        self._since = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long the question has been asked."""
        return time.monotonic() - self._since

    def read(self, otherwise: str) -> str:
        """What was said last.

        Args:
            otherwise: stands for it before anything was.
        """
        with contextlib.suppress(OSError):
            return self.path.read_text(encoding="utf-8") or otherwise
        return otherwise

    def clear(self) -> None:
        """Nothing has been said of the next question."""
        self.path.unlink(missing_ok=True)
