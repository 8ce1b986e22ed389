"""The user's own settings of the interface, keys among them, from `mnistop/config.toml`."""

from __future__ import annotations

import difflib
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import platformdirs
from textual.binding import Binding

from mnistop.engine.errors import MnistopError, RunError
from mnistop.engine.files import user_folder
from mnistop.tui.toolkit.bindings import keys_of

_MOST_BYTES = 1 << 16
_LONGEST_LINE = 1000
"""Bytes of a file, and of a line in it, that somebody wrote by hand.

The parser takes time and memory by the square of the dots in a line.
"""


def preferences_path() -> Path:
    """Return the file in which the user sets keys, the mouse, and notices of a run's end.

    Raises:
        RunError: this user has no home folder.
    """
    folder = user_folder(lambda: platformdirs.user_config_path("mnistop"), "XDG_CONFIG_HOME")
    return folder / "config.toml"


def preferences_place() -> str:
    """Return the file of `preferences_path` for a message."""
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
    """Return whether the app takes the mouse, by the file; true where that cannot be read.

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
    """Return the content of a regular file, without waiting for a pipe's writer."""
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


RENAMED = {
    f"mistakes.{name}": f"list.{name}"
    for name in ("up", "down", "page_up", "page_down", "home", "end", "open")
}
"""New ids by those of earlier versions, which still work in a configuration file."""

_LONGEST_QUOTE = 60
"""Characters of a wrong name or key that are shown."""


def read_keymap(
    all_keys: Callable[[], Sequence[Sequence[Binding]]],
    advise: Callable[[str], object] = lambda _: None,
) -> dict[str, str]:
    """Return keys by the id of what they do, from `[keys]` of `mnistop/config.toml`.

    Args:
        all_keys: returns all bindings, those together that hold at the same time; called only if
            the file gives keys.
        advise: called with a sentence if the file uses ids of earlier versions.

    Raises:
        MnistopError: the file cannot be read, or does not give keys to known ids, each its own.
    """
    path = preferences_place()
    table = read_preferences().get("keys", {})
    if not isinstance(table, dict):
        raise MnistopError(f'{path}: keys must be a table, as in [keys] and below it train = "t".')
    given = dict(_flat(table))
    if not given:
        return {}
    old = [name for name in given if name in RENAMED]
    keys = {RENAMED[name]: given.pop(name) for name in old} | given
    if old:
        names = ", ".join(f"{name} is now {RENAMED[name]}" for name in old)
        advise(f"{path}: {names}; the old names still work.")
    groups = all_keys()
    known = [binding.id or "" for group in groups for binding in group]
    for name, key in keys.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else "the help names them all."
            raise MnistopError(f"{path}: no key is called {_quoted(name)}: {hint}")
        if not (isinstance(key, str) and key):
            raise MnistopError(f'{path}: {name} must be a key, as in {name} = "t".')
        for each in key.split(","):
            if not _is_key(each.strip()):
                raise MnistopError(
                    f'{path}: {name} cannot be the key "{_quoted(each)}": keys are written as "t" '
                    'or by name, as in "ctrl+a", "enter", "space", "comma"; a comma separates them.'
                )
    for group in groups:
        if clash := _clash(group, keys):
            key, first, second = clash
            raise MnistopError(f"{path}: {key} would be both {first} and {second}.")
    return keys


def _is_key(key: str) -> bool:
    """Return whether a text may name a key; one with a space or a control character does not."""
    return key.isprintable() and bool(key) and " " not in key


def _quoted(text: str) -> str:
    """Return a text from the file as it can be shown on one line."""
    shown = text if text.isprintable() else ascii(text)[1:-1]
    return shown if len(shown) <= _LONGEST_QUOTE else f"{shown[:_LONGEST_QUOTE]}..."


def _clash(group: Sequence[Binding], keys: Mapping[str, str]) -> tuple[str, str, str] | None:
    """Find a key that the user gives to two actions; return it with the ids of both."""
    owners: dict[str, str] = {}
    for binding in group:
        name = binding.id or ""
        for key in keys_of(binding, keys):
            owner = owners.setdefault(key, name)
            if owner != name and not keys.keys().isdisjoint((owner, name)):
                return key, owner, name
    return None


def _flat(table: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the values by their dotted names: `log.best = "b"` is a table in a table."""
    waiting = list(table.items())
    while waiting:
        name, value = waiting.pop(0)
        if isinstance(value, dict):
            waiting[:0] = [(f"{name}.{below}", each) for below, each in value.items()]
        else:
            yield name, value
