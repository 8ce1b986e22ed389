"""The metrics that a loop logs, as records in memory until a thread writes them."""

from __future__ import annotations

import operator
import threading
import time
from collections.abc import Mapping
from typing import Any

from mnistop.engine.files import one_line
from mnistop.engine.recording import metrics
from mnistop.engine.recording.loop_files import Batch
from mnistop.engine.recording.troubles import Troubles

_MANY_NAMES = 1000
_MOST_NAMES = 10_000
_DEEPEST = 8
"""Dictionaries in dictionaries of metrics."""
_SHOWN = 40
"""Characters of a name or a value in a warning."""


class MetricLog:
    """The records of a loop that no thread has taken yet.

    Args:
        troubles: where warnings go.
        known: the id and the next step of each metric of a run that goes on.
    """

    def __init__(
        self, troubles: Troubles, known: Mapping[str, tuple[int, int]] | None = None
    ) -> None:
        self.turn = threading.RLock()
        """Held by whoever changes or takes `batch`."""
        self.batch = Batch()
        self.names = [""]
        """Names by id; 0 is no id."""
        self.device_values: Any = None
        """A `DeviceValues` once a number comes from a device; False if there can be none."""
        self._troubles = troubles
        self._entries: dict[str, list[int]] = {}
        """By name the key of its records, and the step that comes next."""
        self._marked_epoch = 0
        """The epoch of the records that come next."""
        for name, (number, step) in (known or {}).items():
            self.names += [""] * (number + 1 - len(self.names))
            self.names[number] = name
            self._entries[name] = [metrics.key(number), step]
        if known:
            self._marked_epoch = -1

    def take(self) -> Batch:
        """Return what has been recorded since the last call."""
        with self.turn:
            taken, self.batch = self.batch, Batch()
        return taken

    def log(self, logged: Mapping[str, Any], step: int | None, epoch: int) -> None:
        """Accept numbers by name.

        Args:
            logged: numbers, tensors or arrays of one number, or dictionaries of these.
            step: of all of them; None for the next step of each.
            epoch: that they belong to.
        """
        now = time.time()
        with self.turn:
            if step is not None:
                step = self.whole("step", step, metrics.LAST_STEP)
            if epoch != self._marked_epoch:
                self._marked_epoch = epoch
                self.batch.records += metrics.epoch_record(epoch)
            entries, records = self._entries, self.batch.records
            for name, value in logged.items():
                if type(value) is not float:
                    value = self._number(name, value, step, epoch)
                    if value is None:
                        continue
                entry = entries.get(name) or self._new_entry(name)
                if entry is None:
                    continue
                at = entry[1]
                if step is not None:
                    if step < at - 1:
                        self._warn_of_step(name, step, at - 1)
                    at = step
                entry[1] = at + 1
                records += metrics.pack_value(entry[0] | at, value, now)

    def whole(self, what: str, value: Any, most: int) -> int | None:
        """Return a step or an epoch as an integer; None, with a warning, if it is none."""
        try:
            number = operator.index(value)
        except TypeError:
            number = int(value) if isinstance(value, float) and value.is_integer() else -1
        if 0 <= number <= most:
            return number
        self._troubles.warn(what, f"{value!r} is no {what}: whole numbers from 0 up are.")
        return None

    def _warn_of_step(self, name: str, step: int, last: int) -> None:
        self._troubles.warn(
            "steps", f"Steps go back: {_shown(name)} was logged at step {step} after step {last}."
        )

    def _number(self, name: str, value: Any, step: int | None, epoch: int) -> float | None:
        """Return a value as a float; None if it is none, or comes later."""
        kind = type(value)
        try:
            if kind is int or kind is bool:
                return float(value)
            if isinstance(value, Mapping):
                self._log_nested(name, value, step, epoch)
                return None
            if isinstance(value, (str, bytes, bytearray)) or kind.__name__ == "DTensor":
                raise TypeError
            if getattr(value, "is_cuda", False) and self._send(name, value, step):
                return None
            item = getattr(value, "item", None)
            return float(value if item is None else item())
        except (TypeError, ValueError, RuntimeError, OverflowError, ArithmeticError):
            self._troubles.warn(
                "value", f"{_shown(name)} is {_described(value)}, not a number: it is left out."
            )
        return None

    def _log_nested(
        self, name: str, value: Mapping[Any, Any], step: int | None, epoch: int
    ) -> None:
        if str(name).count("/") < _DEEPEST:
            self.log({f"{name}/{key}": inner for key, inner in value.items()}, step, epoch)
        else:
            self._troubles.warn("nested", f"{_shown(name)} is nested too deeply.")

    def _send(self, name: str, tensor: Any, step: int | None) -> bool:
        """Log a number that a device has yet to compute; return False if it is to be waited for."""
        if self.device_values is None:
            from mnistop.engine.recording.device_values import DeviceValues

            try:
                self.device_values = DeviceValues()
            except RuntimeError:  # no pinned memory
                self.device_values = False
        slot = self.device_values.send(tensor) if self.device_values else None
        if slot is None:
            return False
        entry = self._entries.get(name) or self._new_entry(name)
        if entry is not None:
            at = entry[1] if step is None else step
            entry[1] = at + 1
            records = self.batch.records
            self.batch.late.append((len(records) // metrics.RECORD, slot))
            records += metrics.pack_value(entry[0] | at, 0.0, time.time())
        return True

    def _new_entry(self, name: Any) -> list[int] | None:
        if not isinstance(name, str):
            return self._entries.get(str(name)) or self._new_entry(str(name))
        clean = metrics.clean_name(name)
        if clean != name:
            if len(name) > metrics.LONGEST_NAME:
                what = f"is longer than {metrics.LONGEST_NAME} characters: it is cut"
            else:
                what = f"cannot be shown as it is: it becomes {clean}"
            self._troubles.warn("name", f"The name {_shown(name)} {what}.")
            if known := self._entries.get(clean):
                return known
        number = len(self.names)
        if number > _MANY_NAMES:
            self._troubles.warn(
                "names",
                f"More than {_MANY_NAMES:,} different names are logged, the newest being "
                f"{_shown(clean)}: numbers belong in step or epoch, not in a name. Up to "
                f"{_MOST_NAMES:,} are recorded.",
            )
        if number > _MOST_NAMES:
            return None
        self.names.append(clean)
        self.batch.records += metrics.name_records(number, clean)
        entry = self._entries[clean] = [metrics.key(number), 0]
        return entry


def _shown(name: Any) -> str:
    text = one_line(str(name))
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _described(value: Any) -> str:
    """Describe a value that is no number, as in `'high'` or `a Tensor of shape (32, 10)`."""
    if value is None or isinstance(value, (str, bytes)):
        return _shown(repr(value))
    name = type(value).__name__
    shape = getattr(value, "shape", None)
    of_shape = f" of shape {tuple(shape)}" if isinstance(shape, tuple) and shape else ""
    return f"{'an' if name[:1] in 'aeiouAEIOU' else 'a'} {name}{of_shape}"
