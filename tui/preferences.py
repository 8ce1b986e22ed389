"""The user's own settings of the interface, from `mnistop/config.toml`."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import platformdirs

from engine.errors import MnistopError

_MOST_BYTES = 1 << 16
_LONGEST_LINE = 1000
"""Bytes of a file, and of a line in it, that somebody wrote by hand.

The parser takes time and memory by the square of the dots in a line.
"""


def preferences_path() -> Path:
    """The file in which the user sets keys and the use of the mouse."""
    return platformdirs.user_config_path("mnistop") / "config.toml"


def read_preferences() -> dict[str, Any]:
    """Read the file; a missing one is empty.

    Raises:
        MnistopError: the file cannot be read, is not TOML, or `mouse` is not true or false.
    """
    path = preferences_path()
    try:
        content = _read(path)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise MnistopError(f"{path} cannot be read: {reason}.") from None
    import tomllib

    try:
        table = tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise MnistopError(
            f"{path} cannot be read: line {line} is not UTF-8; save it in that encoding."
        ) from None
    except RecursionError:
        raise MnistopError(f"{path} cannot be read: it is nested too deeply.") from None
    except ValueError as error:
        raise MnistopError(f"{path} cannot be read: {error}.") from None
    if not isinstance(table.get("mouse", True), bool):
        raise MnistopError(f"{path}: mouse must be true or false, without quotes.")
    return table


def takes_mouse() -> bool:
    """Whether the app takes the mouse, by the file; so it does where that cannot be read.

    The app says what is wrong with the file when it reads the keys.
    """
    try:
        return bool(read_preferences().get("mouse", True))
    except MnistopError:
        return True


def _read(path: Path) -> bytes:
    """The content of a regular file; a pipe without a writer is not waited for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "it is not a file of text")
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise OSError(0, "it has more than 64 kilobytes")
    if max(map(len, content.splitlines()), default=0) > _LONGEST_LINE:
        raise OSError(0, f"it has a line of more than {_LONGEST_LINE:,} bytes")
    return content
