"""The user's own settings of the interface, from `mnistop/config.toml`."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import platformdirs

from mnistop.engine.errors import MnistopError, RunError
from mnistop.engine.files import user_folder

_MOST_BYTES = 1 << 16
_LONGEST_LINE = 1000
"""Bytes of a file, and of a line in it, that somebody wrote by hand.

The parser takes time and memory by the square of the dots in a line.
"""


def preferences_path() -> Path:
    """The file in which the user sets keys, the use of the mouse, and what tells of a run's end.

    Raises:
        RunError: this user has no home folder.
    """
    folder = user_folder(lambda: platformdirs.user_config_path("mnistop"), "XDG_CONFIG_HOME")
    return folder / "config.toml"


def preferences_place() -> str:
    """The file of `preferences_path` as a person is told of it."""
    try:
        return str(preferences_path())
    except RunError:
        return "$XDG_CONFIG_HOME/mnistop/config.toml"


def read_preferences() -> dict[str, Any]:
    """Read the file; a missing one is empty.

    Raises:
        MnistopError: the file cannot be read, is not TOML, or `mouse` is not true or false.
    """
    try:
        path = preferences_path()
        content = _read(path)
    except (RunError, FileNotFoundError, NotADirectoryError):
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


def read_notices() -> tuple[bool, str]:
    """Read `bell` and `notify`: whether a bell rings at a run's end, and what is executed then.

    Raises:
        MnistopError: the file cannot be read, or they are of another type.
    """
    table, path = read_preferences(), preferences_place()
    bell, notify = table.get("bell", False), table.get("notify", "")
    if not isinstance(bell, bool):
        raise MnistopError(f"{path}: bell must be true or false, as in bell = true.")
    if not isinstance(notify, str):
        raise MnistopError(
            f"{path}: notify must be a command for the shell, as in "
            "notify = 'notify-send \"$MNISTOP_MESSAGE\"'."
        )
    return bell, notify


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
