"""Faults of the program that need not end it: said in a sentence, with the traceback in a file."""

import contextlib
import os
import time
import traceback

import platformdirs

from mnistop.engine.errors import host_error

_said: dict[tuple[str, str, int | None], str] = {}
"""What was said of faults of one kind at one place; their tracebacks are written once."""


def in_words(error: Exception) -> str:
    """What went wrong, and where its traceback is."""
    if lack := host_error(error):
        return str(lack)
    name = type(error).__name__
    what = f"{name}: {error}" if str(error) else name
    place = traceback.extract_tb(error.__traceback__)[-1]
    kind = (name, place.filename, place.lineno)
    if kind not in _said:
        where = _write(error)
        hint = f" Its traceback is in {where}." if where else ""
        _said[kind] = f"This is a fault of the program, {what}.{hint} Training is not affected."
    return _said[kind]


def _write(error: Exception) -> str:
    """Appends a traceback; returns the file, or nothing if it cannot be written."""
    with contextlib.suppress(OSError, RuntimeError):  # the latter of a user without a home
        path = platformdirs.user_log_path("mnistop") / "faults.txt"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with open(descriptor, "a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%F %T')}\n{''.join(traceback.format_exception(error))}\n")
        return str(path)
    return ""
