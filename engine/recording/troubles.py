"""Warnings of a recording: each kind once, and never an exception in the loop."""

import contextlib
import os
import sys
import threading
import warnings
from collections import deque
from pathlib import Path
from types import FrameType

import mnistop
from mnistop.engine.files import one_line, open_private

_NOT_THE_LOOP = (
    str(Path(__file__).parents[1]),
    mnistop.__file__,
    threading.__file__,
    contextlib.__file__,
)
_LONGEST = 400


class RecordingWarning(UserWarning):
    """A warning that a run could not record something; the loop goes on."""


class Troubles:
    """The warnings of one run, and the text of its `log.txt`."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._turn = threading.RLock()  # a signal's handler may warn in the middle of a warning
        self._texts: deque[str] = deque()
        self._begun_at = _place_in_loop() or ("mnistop", 1)

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
        self.note(sentence)
        try:
            place = _place_in_loop() or self._begun_at  # a thread of the recorder is in no line
            warnings.warn_explicit(f"mnistop: {sentence}", RecordingWarning, *place)
        except Warning:  # where warnings are errors
            with contextlib.suppress(Exception):
                print(f"mnistop: {sentence}", file=sys.stderr)
        except Exception:  # as of a standard error that is closed
            pass

    def note(self, text: str) -> None:
        """Have a text written to the file next time."""
        self._texts.append(text)

    def write_to(self, path: Path) -> None:
        """Append to a file what has been noted since the last call, as far as the disk takes it."""
        with contextlib.suppress(OSError):
            while self._texts:
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
                with open(open_private(path, flags), "wb") as file:
                    file.write(f"{self._texts[0].rstrip()}\n".encode(errors="backslashreplace"))
                self._texts.popleft()


def _place_in_loop() -> tuple[str, int] | None:
    """Return file and line of the nearest caller outside this package; None if there is none."""
    frame: FrameType | None = sys._getframe(1)
    while frame and frame.f_code.co_filename.startswith(_NOT_THE_LOOP):
        frame = frame.f_back
    return (frame.f_code.co_filename, frame.f_lineno) if frame else None
