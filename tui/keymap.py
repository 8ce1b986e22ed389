"""The keys that there are, and the user's own, from the configuration file."""

import difflib
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import platformdirs
from textual.binding import Binding
from textual.dom import DOMNode

from engine.errors import MnistopError, RunError
from engine.storage.files import user_folder


def keymap_path() -> Path:
    """The file in which the user gives keys to actions.

    Raises:
        RunError: this user has no home folder.
    """
    folder = user_folder(lambda: platformdirs.user_config_path("mnistop"), "XDG_CONFIG_HOME")
    return folder / "config.toml"


def keymap_place() -> str:
    """The file of `keymap_path` as a person is told of it."""
    try:
        return str(keymap_path())
    except RunError:
        return "$XDG_CONFIG_HOME/mnistop/config.toml"


def read_keymap(all_keys: Callable[[], Sequence[Sequence[Binding]]]) -> dict[str, str]:
    """Keys by the id of what they do, from the `[keys]` table of `mnistop/config.toml`.

    Args:
        all_keys: tells the bindings that there are, those together that hold at the same time;
            asked only if the file gives any.

    Raises:
        MnistopError: the file cannot be read, or does not give keys to known ids, each its own.
    """
    try:
        path = keymap_path()
    except RunError:
        return {}
    table = _read().get("keys", {})
    if not isinstance(table, dict):
        raise MnistopError(f'{path}: keys must be a table, as in [keys] and below it train = "t".')
    keys = dict(_flat(table))
    if not keys:
        return {}
    groups = all_keys()
    known = [binding.id or "" for group in groups for binding in group]
    for name, key in keys.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else "the help names them all."
            raise MnistopError(f"{path}: no key is called {name}: {hint}")
        if not (isinstance(key, str) and key):
            raise MnistopError(f'{path}: {name} must be a key, as in {name} = "t".')
    for group in groups:
        if clash := _clash(group, keys):
            key, first, second = clash
            raise MnistopError(f"{path}: {key} would be both {first} and {second}.")
    return keys


def read_notices() -> tuple[bool, str]:
    """`bell` and `notify` of the file: whether a bell rings at a run's end, and what is executed.

    Raises:
        MnistopError: the file cannot be read, or they are of another type.
    """
    table = _read()
    bell, notify = table.get("bell", False), table.get("notify", "")
    if not isinstance(bell, bool):
        raise MnistopError(f"{keymap_path()}: bell must be true or false, as in bell = true.")
    if not isinstance(notify, str):
        raise MnistopError(
            f"{keymap_path()}: notify must be a command for the shell, as in "
            "notify = 'notify-send \"$MNISTOP_MESSAGE\"'."
        )
    return bell, notify


def _read() -> dict[str, Any]:
    """The whole file; empty if there is none.

    Raises:
        MnistopError: it cannot be read.
    """
    path = keymap_path()
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise MnistopError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise MnistopError(f"{path} cannot be read: {error}.") from None


def _clash(group: Sequence[Binding], keys: Mapping[str, str]) -> tuple[str, str, str] | None:
    """A key that the user gives to something although it does something else, and both."""
    owners: dict[str, str] = {}
    for binding in group:
        name = binding.id or ""
        for key in keys_of(binding, keys):
            owner = owners.setdefault(key, name)
            if owner != name and not keys.keys().isdisjoint((owner, name)):
                return key, owner, name
    return None


def _flat(table: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """The values by their dotted names: `log.best = "b"` is a table in a table."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield above + name, value


def declared(*kinds: type[DOMNode]) -> list[Binding]:
    """The bindings that this program gives some kinds of widgets, each under an id.

    What a kind gives to a key hides what the kinds that it is made from give to it.
    """
    return [binding for kind in kinds for binding in _declared(kind)]


@cache
def _declared(kind: type[DOMNode]) -> list[Binding]:
    found: list[Binding] = []
    taken: set[str] = set()
    for base in kind.__mro__:
        if base.__module__.startswith("tui."):
            own = [
                binding
                for binding in base.__dict__.get("BINDINGS", [])
                if isinstance(binding, Binding) and binding.id
            ]
            found += [each for each in own if not taken.issuperset(keys_of(each, {}))]
            taken.update(key for each in own for key in keys_of(each, {}))
    return found


def keys_of(binding: Binding, keymap: Mapping[str, str]) -> list[str]:
    """The keys of a binding, by its own declaration or the user's."""
    return [key.strip() for key in keymap.get(binding.id or "", binding.key).split(",")]
