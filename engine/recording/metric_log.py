"""The records of a loop, in a queue until a thread takes them."""

from __future__ import annotations

import operator
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from mnistop.engine import events
from mnistop.engine.files import one_line
from mnistop.engine.recording import metrics
from mnistop.engine.recording.batch import (
    NO_STEP,
    Batch,
    Calls,
    EndOfEpoch,
    Late,
    Metric,
    Names,
    Work,
)
from mnistop.engine.recording.troubles import Troubles

MANY = 50_000
"""Items, some five a call, that the thread takes at once: they need much memory."""
_MANY_NAMES = 1000
_MOST_NAMES = 10_000
_MOST_SETS = 10_000
"""Different sets of names that are remembered."""
_DEEPEST = 8
"""Dictionaries in dictionaries of metrics."""
_VOWELS = (*"aeiou", "nd")
_SHOWN = 40
"""Characters of a name or a value in a warning."""


class MetricLog:
    """The records of a loop that no thread has taken yet.

    The loop's calls append to a queue, as little as possible at a time: in the middle of a training
    step each line of Python takes several times as long as in the loop of the thread. Appending is
    atomic, so that no call waits for another, or for one that a signal has interrupted.

    Args:
        troubles: where warnings go.
        known: the id and the next step of each metric of a run that goes on.
    """

    def __init__(
        self, troubles: Troubles, known: Mapping[str, tuple[int, int]] | None = None
    ) -> None:
        self.names = [""]
        """Names by id; 0 is no id."""
        self.device_values: Any = None
        """A `DeviceValues` once a number comes from a device; False if there can be none."""
        self.wake: Callable[[], None] = lambda: None
        """Called when too many items wait: the thread should take them at once."""
        self._troubles = troubles
        self._queue: deque[Any] = deque()
        """Calls of `log` as names, time, epoch, step and values, records, and what is `put`.

        Tuples in it would be work for Python's garbage collector."""
        self._metrics: dict[str, Metric] = {}
        self._sets: dict[tuple[Any, ...], Names] = {}
        """By the keys of a call's dictionary."""
        self._many = MANY
        """More items than these are not to wait."""
        self._kinds_with_item: set[type] = set()
        """Types of values whose method `item` has returned a number."""
        self._marked_epoch = 0
        """The epoch of the records that come next; for the thread."""
        for name, (number, step) in (known or {}).items():
            self.names += [""] * (number + 1 - len(self.names))
            self.names[number] = name
            self._metrics[name] = Metric(name, number, step)
        if known:
            self._marked_epoch = -1

    # What the loop calls

    def put(self, what: EndOfEpoch | events.Event | Work) -> None:
        """Take up something else than metrics, in its turn."""
        self._queue.append(what)

    def log(self, logged: Mapping[str, Any], step: int | None, epoch: int) -> None:
        """Take up numbers by name.

        Args:
            logged: numbers, tensors or arrays of one number, or dictionaries of these.
            step: of all of them; None for the next step of each.
            epoch: that they belong to.
        """
        try:
            names = self._sets[tuple(logged)]
            values: list[float | Late] = []
            for value in logged.values():
                kind = type(value)
                if kind is not float:
                    if kind in self._kinds_with_item and not getattr(value, "is_cuda", False):
                        value = value.item()
                    elif kind is not int and kind is not bool:
                        raise TypeError
                    value = float(value)
                values.append(value)
        except Exception:  # new, or not what it should be
            self._log_one_by_one(logged, step, epoch)
            return
        step = NO_STEP if step is None else self._checked_step(step, names)
        self._queue.extend((names, time.time(), epoch, step, *values))
        if len(self._queue) > self._many:
            self._call_for_take()

    def _log_one_by_one(self, logged: Mapping[Any, Any], step: int | None, epoch: int) -> None:
        """Take up numbers of which each is looked at."""
        found: dict[Any, float | Late] = {}
        for name, value in logged.items():
            if isinstance(value, Mapping):
                self._log_nested(name, value, step, epoch)
            elif (number := self._number(name, value)) is not None:
                found[name] = number
        if not found:
            return
        names = self._sets.get(tuple(found))
        if names is None:
            if len(self._sets) >= _MOST_SETS:
                self._sets.clear()
            names = self._sets[tuple(found)] = [self._metric(name) for name in found]
        step = NO_STEP if step is None else self._checked_step(step, names)
        self._queue.extend((names, time.time(), epoch, step, *found.values()))

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

    def _checked_step(self, given: Any, names: Names) -> int:
        step = self.whole("step", given, metrics.LAST_STEP)
        if step is None:
            return NO_STEP
        for metric in filter(None, names):
            if step < metric.given_step:
                self._troubles.warn(
                    "steps",
                    f"Steps go back: {_shown(metric.name)} was logged at step {step} after "
                    f"step {metric.given_step}.",
                )
            metric.given_step = step
        return step

    def _call_for_take(self) -> None:
        """Have the thread take what waits before its time; once, until it has."""
        self._many = sys.maxsize
        self.wake()

    def _number(self, name: Any, value: Any) -> float | Late | None:
        """Return a value as a float, or as one that comes later; None if it is no number."""
        kind = type(value)
        try:
            if isinstance(value, (str, bytes, bytearray)) or kind.__name__ == "DTensor":
                raise TypeError
            if getattr(value, "is_cuda", False) and (late := self._sent(value)):
                return late
            if not hasattr(value, "item"):
                return float(value)
            number = float(value.item())
            self._kinds_with_item.add(kind)
            return number
        except (TypeError, ValueError, RuntimeError, OverflowError, ArithmeticError):
            self._troubles.warn(
                "value", f"{_shown(name)} is {_described(value)}, not a number: it is left out."
            )
        return None

    def _log_nested(
        self, name: Any, value: Mapping[Any, Any], step: int | None, epoch: int
    ) -> None:
        if str(name).count("/") < _DEEPEST:
            self.log({f"{name}/{key}": inner for key, inner in value.items()}, step, epoch)
        else:
            self._troubles.warn("nested", f"{_shown(name)} is nested too deeply.")

    def _sent(self, tensor: Any) -> Late | None:
        """Begin to copy a number from a device; None if it is to be waited for."""
        if self.device_values is None:
            from mnistop.engine.recording.device_values import DeviceValues

            try:
                self.device_values = DeviceValues()
            except RuntimeError:  # no pinned memory
                self.device_values = False
        slot = self.device_values.send(tensor) if self.device_values else None
        return None if slot is None else Late(slot)

    def _metric(self, name: Any) -> Metric | None:
        """Return the metric of a name, a new one if it is new; None if it is one too many."""
        name = str(name)
        if known := self._metrics.get(name):
            return known
        clean = metrics.clean_name(name)
        if clean != name:
            if len(name) > metrics.LONGEST_NAME:
                what = f"is longer than {metrics.LONGEST_NAME} characters: it is cut"
            else:
                what = f"cannot be shown as it is: it becomes {clean}"
            self._troubles.warn("name", f"The name {_shown(name)} {what}.")
            if known := self._metrics.get(clean):
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
        self._queue.append(metrics.name_records(number, clean))
        found = self._metrics[clean] = Metric(clean, number)
        return found

    # What the thread calls

    def take(self) -> Batch:
        """Return what has been recorded since the last call."""
        batch, calls, at = Batch(), Calls(), 0
        items = [self._queue.popleft() for _ in range(len(self._queue))]
        self._many = MANY
        while at < len(items):
            item = items[at]
            at += 1
            if type(item) is list:
                end = at + 3 + len(item)
                epoch, has_step = items[at + 1], items[at + 2] != NO_STEP
                if (
                    calls.names is not item
                    or calls.epoch != epoch
                    or calls.has_steps is not has_step
                ):
                    self._pack(calls, batch)
                    calls = Calls(item, epoch, has_step)
                calls.rows += items[at:end]
                at = end
                continue
            self._pack(calls, batch)
            calls = Calls()
            if isinstance(item, bytes):
                batch.records += item
            elif isinstance(item, EndOfEpoch):
                batch.ended.append(item)
                batch.ends.append(len(batch.records) // metrics.RECORD)
            elif isinstance(item, events.Event):
                batch.said.append(item)
            else:
                batch.work.append(item)
        self._pack(calls, batch)
        return batch

    def _pack(self, calls: Calls, batch: Batch) -> None:
        """Append the records of calls that are alike."""
        if not calls.rows:
            return
        if calls.epoch != self._marked_epoch:
            self._marked_epoch = calls.epoch
            batch.records += metrics.epoch_record(calls.epoch)
        batch.append(calls, may_be_late=bool(self.device_values))


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
    return f"{'an' if name.lower().startswith(_VOWELS) else 'a'} {name}{of_shape}"
