"""The user's own keys, from the configuration file."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from textual.binding import Binding

from mnistop.engine.errors import MnistopError
from mnistop.tui.toolkit.bindings import keys_of
from mnistop.tui.toolkit.preferences import preferences_place, read_preferences

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
