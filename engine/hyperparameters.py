"""Hyperparameters: their declaration, reading, and writing.

A field of a dataclass has its type, with the bounds, and its default; `setting` adds what a person
reads of it. `Hyperparameter` holds all of that.
"""

import dataclasses
import math
import re
import typing
from collections.abc import Callable
from typing import Any, Literal, Self

import msgspec

from mnistop.engine.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class Hyperparameter:
    """The declaration of a hyperparameter."""

    name: str
    type: Any
    default: Any
    """The value in the notebook's run."""
    label: str
    """Its name for people, as in `learning rate`."""
    explanation: str
    """One line on what it does."""
    usual: tuple[Any, ...] = ()
    """Values that a person steps through, from the least to the most, or all choices."""
    by_factors: bool = False
    """True if it is varied by equal factors, as rates and sizes are, not by equal steps."""
    format: str = ""
    """The allowed values, if the type does not say."""
    parse: Callable[[str], Any] = str
    """Prepares typed text for the type."""
    is_possible: Callable[[Any], bool] = lambda value: True
    """Returns whether a value of the type is allowed."""

    @classmethod
    def of(cls, field: "dataclasses.Field[Any]") -> Self:
        """Collect what is known of a field that `setting` has made."""
        made = cls(field.name, field.type, field.default, **field.metadata)
        return dataclasses.replace(made, usual=made.choices or made.usual)

    @property
    def choices(self) -> tuple[str, ...]:
        """All values where it is chosen by name; empty for the others."""
        return typing.get_args(self.type) if typing.get_origin(self.type) is Literal else ()

    @property
    def is_number(self) -> bool:
        """True if all values are numbers."""
        return typing.get_args(self.type)[:1] in ((int,), (float,))

    @property
    def is_share(self) -> bool:
        """True if all values are numbers from 0 to 1."""
        if not self.is_number:
            return False
        _, bounds = typing.get_args(self.type)
        return 0 in (bounds.gt, bounds.ge) and 1 in (bounds.lt, bounds.le)

    @property
    def allowed(self) -> str:
        """The allowed values in words, as in `a number above 0 and at most 1,000`."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.format:
            return self.format
        kind, bounds = typing.get_args(self.type)
        ends = {
            "above {:,}": bounds.gt,
            "from {:,} up": bounds.ge,
            "at most {:,}": bounds.le,
            "below {:,}": bounds.lt,
        }
        words = " and ".join(form.format(end) for form, end in ends.items() if end is not None)
        return f"{'a number' if kind is float else 'a whole number'} {words}"

    def read(self, given: Any) -> Any:
        """Read a value, given as such or as its text.

        Raises:
            ConfigError: it is wrong.
        """
        try:
            ready = self.parse(given.strip()) if isinstance(given, str) else given
            value = msgspec.convert(ready, self.type, strict=False)
            if self.is_possible(value):
                return value
        except ValueError:
            pass
        shown = repr(given) if isinstance(given, str) else as_text(given)
        shown = {"''": "empty", "all": "null"}.get(shown, shown)
        raise ConfigError(
            {self.name: f"{self.label.capitalize()} must be {self.allowed}, not {shown}."}
        )


def setting(default: Any, label: str, explanation: str, usual: Any = (), **more: Any) -> Any:
    """Declare a dataclass field with its default and the other parts of a `Hyperparameter`."""
    metadata = {"label": label, "explanation": explanation, "usual": usual, **more}
    return dataclasses.field(default=default, metadata=metadata)


def as_text(value: Any) -> str:
    """Format a hyperparameter's value as users type it; `RunConfig.from_values` reads it back."""
    if value is None:
        return "all"
    if isinstance(value, tuple):
        return " ".join(map(as_text, value)) or "none"
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def rank(value: Any) -> tuple[float, ...]:
    """Return a key that sorts the values of a hyperparameter that is not chosen by name.

    `auto` and `off` are less than any number, and all of the images are more.
    """
    if isinstance(value, tuple):
        return value
    return ({"auto": -math.inf, "off": -math.inf, None: math.inf}.get(value, value),)


# Texts and values of single hyperparameters.

LARGEST_PIXEL = 1e30
"""Pixel values beyond this are no images."""


def parse_samples(text: str) -> str | None:
    """Read a number of images; `all` is None."""
    return None if text.lower() == "all" else text


def parse_hidden(text: str) -> tuple[str, ...]:
    """Read the sizes of layers; `none` is none of them."""
    words = text.replace(",", " ").split()
    return () if words in ([], ["none"]) else tuple(words)


def parse_pixel_range(text: str) -> str | tuple[str, ...]:
    """Read black and white; a single number is white, and 0 black."""
    words = text.lower().replace(",", " ").split()
    if words == ["auto"]:
        return "auto"
    return ("0", *words) if len(words) == 1 else tuple(words)


def parse_resize(text: str) -> str | tuple[str, ...]:
    """Read height and width, as in `28` or `28x32`."""
    words = re.sub("[,x×]", " ", text.lower()).split()
    if words == ["off"]:
        return "off"
    return (*words, *words) if len(words) == 1 else tuple(words)


def is_pixel_range(value: Any) -> bool:
    """Return whether white is above black, far enough to divide by the difference."""
    if value == "auto":
        return True
    black, white = value
    return bool(
        -LARGEST_PIXEL <= black < white <= LARGEST_PIXEL and white - black >= 1 / LARGEST_PIXEL
    )
