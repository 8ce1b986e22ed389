"""Values from files and from people, checked against the types that a class declares.

A type is `int`, `float`, `str`, `bool`, `Literal[...]`, `X | None`, `list[X]`, `tuple[X, ...]`,
`dict[str, X]`, or a dataclass or named tuple, which may have a `from_values` of its own.
`Annotated` adds a `Range` to numbers, a `Length` to texts and lists, and functions that ready a
value before it is looked at. A number may also be a text that says it.

Pydantic can do all this and more, but its import takes longer than most commands.
"""

from __future__ import annotations

import functools
import json
import math
import types
import typing
from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

Reader = Callable[[Any], Any]
"""Takes a value as it came and returns it as its type has it, or raises a `ValueError`."""

Form = TypeVar("Form")


class Range(NamedTuple):
    """Where a number must lie; it is finite in any case."""

    above: float = -math.inf
    at_least: float = -math.inf
    at_most: float = math.inf
    below: float = math.inf

    def words(self) -> str:
        """As in `above 0 and at most 1,000`."""
        ends = {
            "above {:,}": self.above,
            "from {:,} up": self.at_least,
            "at most {:,}": self.at_most,
            "below {:,}": self.below,
        }
        return " and ".join(form.format(end) for form, end in ends.items() if math.isfinite(end))


class Length(NamedTuple):
    """How long a text or a list may be."""

    least: int = 0
    most: float = math.inf


def read(form: Callable[..., Form], values: object) -> Form:
    """An object of a class from its values by name; names that it does not have are left out.

    Raises:
        ValueError: a value is missing or wrong.
    """
    if not isinstance(values, dict):
        raise ValueError(f"not by name: {values!r}")
    readers = _readers(form).items()
    try:
        return form(**{name: reader(values[name]) for name, reader in readers if name in values})
    except TypeError as error:
        raise ValueError(str(error)) from None


def read_json(form: Callable[..., Form], content: bytes) -> Form:
    """The same from a JSON object.

    Raises:
        ValueError: it is none, or a value in it is missing or wrong.
    """
    return read(form, parse(content))


def parse(content: bytes) -> Any:
    """What a JSON file says.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("nested too deeply") from None


@functools.cache
def _readers(form: Any) -> dict[str, Reader]:
    hints = typing.get_type_hints(form, include_extras=True)
    return {name: reader(kind) for name, kind in hints.items()}


def reader(kind: Any) -> Reader:
    """What reads values of a type."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        return _annotated(arguments[0], arguments[1:])
    if origin is Literal:
        return _one_of(arguments)
    if origin in (typing.Union, types.UnionType):
        return _optional(next(each for each in arguments if each is not types.NoneType))
    if origin in (list, tuple):
        return _sequence(origin, reader(arguments[0]))
    if origin is dict:
        return _by_name(reader(arguments[1]))
    if kind in _PLAIN:
        return _PLAIN[kind]
    own: Reader = getattr(kind, "from_values", functools.partial(read, kind))
    return own


def _annotated(kind: Any, extras: tuple[Any, ...]) -> Reader:
    inner = reader(kind)
    for extra in extras:
        if isinstance(extra, Range):
            inner = _within(kind, extra)
        elif isinstance(extra, Length):
            inner = _of_length(inner, extra)
        else:
            inner = _readied(inner, extra)
    return inner


def _within(kind: Any, ends: Range) -> Reader:
    inner = _PLAIN[kind]
    low = max(ends.at_least, math.nextafter(ends.above, math.inf))
    high = min(ends.at_most, math.nextafter(ends.below, -math.inf))

    def read(value: Any) -> Any:
        number = value if type(value) is kind else inner(value)
        if low <= number <= high:
            return number
        raise ValueError(f"out of range: {value!r}")

    return read


def _of_length(inner: Reader, length: Length) -> Reader:
    def read(value: Any) -> Any:
        found = inner(value)
        if length.least <= len(found) <= length.most:
            return found
        raise ValueError(f"too short or too long: {value!r}")

    return read


def _readied(inner: Reader, ready: Reader) -> Reader:
    return lambda value: inner(ready(value))


def _one_of(values: tuple[Any, ...]) -> Reader:
    def read(value: Any) -> Any:
        if value in values:
            return value
        raise ValueError(f"none of {values}: {value!r}")

    return read


def _optional(kind: Any) -> Reader:
    inner = reader(kind)
    return lambda value: None if value is None else inner(value)


def _sequence(kind: type, one: Reader) -> Reader:
    def read(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return kind(map(one, value))
        raise ValueError(f"no list: {value!r}")

    return read


def _by_name(one: Reader) -> Reader:
    def read(value: Any) -> Any:
        if isinstance(value, dict):
            return {_text(name): one(each) for name, each in value.items()}
        raise ValueError(f"not by name: {value!r}")

    return read


def _whole(value: Any) -> int:
    if type(value) is int:
        return value
    if isinstance(value, str):
        digits, _, decimals = value.partition(".")
        if not decimals.strip().strip("0"):
            return int(digits)
    elif isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return int(value)
    raise ValueError(f"no whole number: {value!r}")


def _number(value: Any) -> float:
    if isinstance(value, float | int | str):
        try:
            return float(value)
        except OverflowError:
            pass
    raise ValueError(f"no number: {value!r}")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"no text: {value!r}")
    if not value.isascii():
        value.encode()  # half a surrogate pair could not be printed
    return value


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError(f"neither true nor false: {value!r}")


_PLAIN: dict[type, Reader] = {int: _whole, float: _number, str: _text, bool: _truth}
