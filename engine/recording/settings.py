"""The free configuration of a loop, as values that JSON holds."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from mnistop.engine.files import one_line
from mnistop.engine.recording.troubles import Troubles

_LONGEST_VALUE = 1000
_MOST_VALUES = 1000
_DEEPEST = 8


def read_settings(config: Any, troubles: Troubles) -> dict[str, Any]:
    """Return a configuration as values that JSON holds."""
    if config is None:
        return {}
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        config = dataclasses.asdict(config)
    elif not isinstance(config, Mapping):
        config = getattr(config, "__dict__", None)  # as of argparse and of SimpleNamespace
    if not isinstance(config, Mapping):
        troubles.warn("config", "config must be a dict of settings by name: it is left out.")
        return {}
    left = [_MOST_VALUES]
    settings = _plain(config, left, 0)
    if left[0] < 0:
        troubles.warn("config", f"config has more than {_MOST_VALUES:,} values: some are left out.")
    return settings if isinstance(settings, dict) else {}


def _plain(value: Any, left: list[int], depth: int) -> Any:
    """Return a value as JSON has it.

    Args:
        value: anything.
        left: how many more values there is room for, counted down.
        depth: in how many others it lies.
    """
    left[0] -= 1
    if value is None or isinstance(value, (bool, str)):
        return short(value) if isinstance(value, str) else value
    if isinstance(value, int):
        return int(value) if abs(value) < 1 << 53 else str(value)[:_LONGEST_VALUE]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    if isinstance(value, Mapping) and depth < _DEEPEST:
        items = list(value.items())[: max(0, left[0])]
        return {short(key): _plain(inner, left, depth + 1) for key, inner in items}
    if isinstance(value, (list, tuple, set, frozenset)) and depth < _DEEPEST:
        return [_plain(inner, left, depth + 1) for inner in list(value)[: max(0, left[0])]]
    try:
        if getattr(value, "size", 0) == 1 or getattr(value, "shape", None) == ():
            return _plain(value.item(), left, _DEEPEST)  # a number of NumPy's or torch's
        return short(value)
    except Exception:
        return type(value).__name__


def short(value: Any) -> str:
    """Return a value as a text of one line, cut where it is too long."""
    return one_line(str(value))[:_LONGEST_VALUE]
