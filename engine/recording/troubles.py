"""Warnings of a recording: each kind once, and never an exception in the loop."""

import contextlib
import os
import sys
import threading
import warnings
from pathlib import Path
from types import FrameType

import mnistop
from mnistop.engine.files import one_line, open_private

_NOT_THE_LOOP = (str(Path(__file__).parents[1]), mnistop.__file__, threading.__file__)
_LONGEST = 400


class RecordingWarning(UserWarning):
    """A warning that a run could not record something; the loop goes on."""


class Troubles:
    """The warnings of one run."""

    def __init__(self) -> None:
        self._log: Path | None = None
        self._seen: set[str] = set()
        self._turn = threading.Lock()

    def log_to(self, path: Path) -> None:
        """Append warnings to a file as well."""
        self._log = path

    def warn(self, kind: str, sentence: str) -> None:
        """Warn by Python's `warnings`, at the line of the loop, unless that kind has been.

        Args:
            kind: what is warned of once.
            sentence: what has happened, and what helps.
        """
        with self._turn:
            if kind in self._seen:
                return
            self._seen.add(kind)
        sentence = one_line(sentence)
        if len(sentence) > _LONGEST:
            sentence = f"{sentence[:_LONGEST]}…"
        self.write(sentence)
        try:
            warnings.warn(f"mnistop: {sentence}", RecordingWarning, _level_of_loop())
        except Warning:  # where warnings are errors
            with contextlib.suppress(Exception):
                print(f"mnistop: {sentence}", file=sys.stderr)
        except Exception:  # as of a standard error that is closed
            pass

    def write(self, text: str) -> None:
        """Append a text to the file."""
        if self._log:
            with contextlib.suppress(OSError):
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
                with open(open_private(self._log, flags), "wb") as file:
                    file.write(f"{text.rstrip()}\n".encode(errors="backslashreplace"))


def _level_of_loop() -> int:
    """Return `stacklevel` of the nearest caller outside this package."""
    level = 1
    frame: FrameType | None = sys._getframe(1)
    while frame and frame.f_code.co_filename.startswith(_NOT_THE_LOOP):
        level += 1
        frame = frame.f_back
    return level if frame else 1
