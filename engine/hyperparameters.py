"""How a hyperparameter is declared, read, and written: a field with all that is known of it.

The type of the field, with its bounds, says which values there are; `setting` adds the default, the
label, one line of help and the usual values.
"""

import dataclasses
import math
import typing
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import msgspec


class Setting(NamedTuple):
    """What is known of a hyperparameter beside its name, type and default."""

    label: str
    """Its name for people, as in `learning rate`."""
    explanation: str
    """One line on what it does."""
    usual: tuple[Any, ...] = ()
    """Values that a person steps through, from the least to the most."""
    by_factors: bool = False
    """Whether one tries it in equal factors, as rates and sizes, not in equal steps."""
    allowed: str = ""
    """What it may be, where the type does not say it."""
    read: Callable[[str], Any] = str
    """What a person types for a value, as the type has it."""
    is_possible: Callable[[Any], bool] = lambda value: True
    """Whether a value of the type is one of the hyperparameter's."""


def setting(default: Any, label: str, explanation: str, *more: Any, **options: Any) -> Any:
    """A field of a dataclass with its default and the parts of its `Setting`."""
    metadata = {"setting": Setting(label, explanation, *more, **options)}
    return dataclasses.field(default=default, metadata=metadata)


def setting_of(field: "dataclasses.Field[Any]") -> Setting:
    """What is known of a field that `setting` has made."""
    known: Setting = field.metadata["setting"]
    return known


def choices_of(field: "dataclasses.Field[Any]") -> tuple[str, ...]:
    """All values of a field that is chosen by name; empty for the others."""
    return typing.get_args(field.type) if typing.get_origin(field.type) is Literal else ()


def read(field: "dataclasses.Field[Any]", given: Any) -> Any:
    """The value of a field that is given as such or as its text.

    Raises:
        ValueError: it is wrong; a sentence that says what is allowed.
    """
    known = setting_of(field)
    try:
        ready = known.read(given.strip()) if isinstance(given, str) else given
        value = msgspec.convert(ready, field.type, strict=False)
        if known.is_possible(value):
            return value
    except ValueError:
        pass
    shown = repr(given) if isinstance(given, str) else as_text(given)
    shown = {"''": "empty", "all": "null"}.get(shown, shown)
    raise ValueError(f"{known.label.capitalize()} must be {allowed_in(field)}, not {shown}.")


def allowed_in(field: "dataclasses.Field[Any]") -> str:
    """What a field may be, as in `a number above 0 and at most 1,000`."""
    if names := choices_of(field):
        return "one of " + ", ".join(names)
    if known := setting_of(field).allowed:
        return known
    kind, bounds = typing.get_args(field.type)
    ends = {
        "above {:,}": bounds.gt,
        "from {:,} up": bounds.ge,
        "at most {:,}": bounds.le,
        "below {:,}": bounds.lt,
    }
    words = " and ".join(form.format(end) for form, end in ends.items() if end is not None)
    return f"{'a number' if kind is float else 'a whole number'} {words}"


def as_text(value: Any) -> str:
    """A hyperparameter's value as a person types it; `RunConfig.from_values` reads it back."""
    if value is None:
        return "all"
    if isinstance(value, tuple):
        return " ".join(map(as_text, value)) or "none"
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def rank(value: Any) -> tuple[float, ...]:
    """What the values of a hyperparameter that is not chosen by name are ordered by.

    `auto` is less than any number, and all of the images are more.
    """
    if isinstance(value, tuple):
        return value
    return ({"auto": -math.inf, None: math.inf}.get(value, value),)
