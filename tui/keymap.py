"""The keys that there are, and the user's own, from the configuration file."""

import difflib
import tomllib
from collections.abc import Collection, Iterator
from typing import Any

import platformdirs
from textual.binding import Binding
from textual.dom import DOMNode

from engine.errors import MnistopError


def read_keymap(known: Collection[str]) -> dict[str, str]:
    """Keys by the id of what they do, from the `[keys]` table of `mnistop/config.toml`.

    Args:
        known: the ids that there are.

    Raises:
        MnistopError: the file cannot be read, or holds something else than keys for known ids.
    """
    path = platformdirs.user_config_path("mnistop") / "config.toml"
    try:
        table = tomllib.loads(path.read_text()).get("keys", {})
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise MnistopError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise MnistopError(f"{path} cannot be read: {error}.") from None
    if not isinstance(table, dict):
        raise MnistopError(f'{path}: keys must be a table, as in [keys] and below it train = "t".')
    keys = dict(_flat(table))
    for name, key in keys.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else "the help names them all."
            raise MnistopError(f"{path}: no key is called {name}: {hint}")
        if not (isinstance(key, str) and key):
            raise MnistopError(f'{path}: {name} must be a key, as in {name} = "t".')
    return keys


def _flat(table: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """The values by their dotted names: `log.best = "b"` is a table in a table."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield above + name, value


def declared(*kinds: type[DOMNode]) -> list[Binding]:
    """The bindings that this program gives some kinds of widgets, each under an id."""
    return [
        binding
        for kind in kinds
        for base in kind.__mro__
        if base.__module__.startswith("tui.")
        for binding in base.__dict__.get("BINDINGS", [])
        if isinstance(binding, Binding) and binding.id
    ]
