"""The language of filters, read by a table of fields: words as in `lr>0.1 state:stopped all`.

All words of a filter must hold, in any order. A field has one value (`Field`), contains a text
(`Text`), or is compared with a number (`Number`).
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import Any, ClassVar, Generic, TypeVar

from mnistop.engine.errors import MnistopError

WORD = re.compile(r"([a-z_][\w./-]*?)(>=|<=|[<>=:])(.*)", re.IGNORECASE)
"""A word that compares: field, comparison and value."""

_GAPS = re.compile(r"\s*(>=|<=|[<>=:])\s*")
_LAST = re.compile(r"(.*?)(\S*)", re.DOTALL)
_LISTED = 10
"""Values that an error names at most."""

Item = TypeVar("Item")
"""The filtered thing: one item, or arrays of the values of many."""


class FilterError(MnistopError):
    """A filter that makes no sense."""


@dataclass(frozen=True)
class Bound:
    """A number that must lie between two others, the ends included or not."""

    field: str
    low: float
    high: float
    low_counts: bool = True
    high_counts: bool = True

    def passes(self, values: Any) -> Any:
        """Return whether a number, or each of an array, lies between the ends; NaN does not."""
        above = values >= self.low if self.low_counts else values > self.low
        below = values <= self.high if self.high_counts else values < self.high
        return above & below

    def narrowed(self, other: Bound) -> Bound | None:
        """Return the bound that passes what both pass; None if no number can."""
        low, low_counts = max((self.low, not self.low_counts), (other.low, not other.low_counts))
        high, high_counts = min((self.high, self.high_counts), (other.high, other.high_counts))
        both = Bound(self.field, low, high, not low_counts, high_counts)
        possible = both.low_counts and both.high_counts if low == high else low < high
        return both if possible else None


@dataclass(frozen=True)
class Field(Generic[Item]):
    """A field of the language; of this kind, one that is compared with one value."""

    name: str
    value: Callable[[Item], Any]
    """Returns the value of an item, or an array of values."""
    example: str
    """A word that compares it."""
    values: Sequence[str] = ()
    """The possible values, if there are few."""
    noun: ClassVar[str] = "value"
    bare: ClassVar[bool] = False
    """True if its values are words of their own, without the name."""

    def read(self, comparison: str, text: str) -> Any:
        """Read the condition of a word.

        Raises:
            FilterError: it makes no sense.
        """
        if comparison not in (":", "="):
            raise FilterError(f"{self.name} is not larger or smaller; say {self.example}.")
        if not text:
            raise self.missing()
        return self.find(text)

    def missing(self) -> FilterError:
        """Return the error for a word without a value."""
        return FilterError(f"a {self.noun} is missing, as in {self.example}.")

    def find(self, text: str) -> Any:
        """Read a value.

        Raises:
            FilterError: there is no such value.
        """
        if text.lower() in self.values:
            return text.lower()
        near = "" if text.isdecimal() else nearest(text, self.values)
        listed = ", ".join(self.values[:_LISTED])
        if more := len(self.values[_LISTED:]):
            listed += f" and {more} more"
        hint = f"did you mean {near}?" if near else f"they are {listed}."
        what = self.name if self.noun == "value" else self.noun
        raise FilterError(f"there is no {what} {text}; {hint}")

    def both(self, one: Any, other: Any) -> Any:
        """Combine the conditions of two words; None if they exclude each other."""
        return one if one == other else None

    def passes(self, item: Item, wanted: Any) -> Any:
        """Return whether an item, or each of an array, meets a condition."""
        return self.value(item) == wanted


@dataclass(frozen=True)
class Text(Field[Item]):
    """A field that contains a text; case does not matter."""

    def find(self, text: str) -> tuple[str, ...]:
        """Return the text to find."""
        return (text.casefold(),)

    def both(self, one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
        """Combine the texts; an item must contain all."""
        return one + other

    def passes(self, item: Item, wanted: tuple[str, ...]) -> bool:
        """Return whether an item contains all texts."""
        return all(part in self.value(item).casefold() for part in wanted)


@dataclass(frozen=True)
class Number(Field[Item]):
    """A field that is compared with a number; an item without one has NaN."""

    low: float = -math.inf
    high: float = math.inf
    whole: bool = False
    """True if it is compared with whole numbers only."""
    exact: bool = False
    """True if a value that only rounds to the number does not equal it."""
    percent: bool = False
    """True if a percentage is allowed."""
    noun: ClassVar[str] = "number"

    def read(self, comparison: str, text: str) -> Bound:
        """Read a comparison.

        Raises:
            FilterError: there is no number, or it is impossible.
        """
        scale = 100 if self.percent and text.endswith("%") else 1
        digits = text.removesuffix("%") if scale > 1 else text
        value = self.find(digits) / scale
        if self.whole and value % 1 != 0:
            raise FilterError(f"{self.name} is a whole number, as in {self.example}.")
        if math.isnan(value):
            raise self.missing()
        if not self.low <= value <= self.high:
            ends = f"from {self.low} to {self.high}"
            if self.high == math.inf:
                ends = f"at least {self.low}"
            if self.percent:
                ends += f", or a percentage as in {self.example[: len(self.name) + 1]}90%"
            raise FilterError(f"{self.name} is {ends}.")
        if comparison in (">", ">="):
            return Bound(self.name, value, math.inf, low_counts=comparison == ">=")
        if comparison in ("<", "<="):
            return Bound(self.name, -math.inf, value, high_counts=comparison == "<=")
        decimals = len(digits.partition(".")[2])
        half = 0 if self.whole or self.exact else 0.5 / 10**decimals / scale
        return Bound(self.name, value - half, value + half)

    def find(self, text: str) -> float:
        """Read a number; NaN if it is none."""
        return number(text)

    def both(self, one: Bound, other: Bound) -> Bound | None:
        """Intersect two bounds; None if they exclude each other."""
        return one.narrowed(other)

    def passes(self, item: Item, wanted: Bound) -> Any:
        """Return whether an item's number lies within a bound."""
        return wanted.passes(self.value(item))


class Grammar(Generic[Item]):
    """A table of fields, and the language that it makes.

    Args:
        fields: the likeliest first.
        summary: of the fields, for the error on an unknown word; by default all of them.
        alone: the advice on a `{word}` that compares nothing; by default a similar field.
        free: makes a field for a name that only some items have; None for any other name.
    """

    def __init__(
        self,
        fields: Iterable[Field[Item]],
        summary: str = "",
        alone: str = "",
        free: Callable[[str], Field[Item] | None] = lambda name: None,
    ) -> None:
        self._free = free
        self.fields = {each.name: each for each in fields}
        self._words: dict[str, tuple[Field[Item], str]] = {}
        """The field of each known word, and its beginning with a comparison."""
        for name, each in self.fields.items():
            if each.bare:
                self._words |= {value: (each, value) for value in each.values}
            else:
                self._words[name] = each, each.example[: len(name) + 1]
        self._summary = summary or " ".join(start for _, start in self._words.values())
        self._alone = alone

    def parse(self, text: str) -> dict[str, Any]:
        """Read a filter.

        Returns:
            The condition for each field that is named, see `Field.read`.

        Raises:
            FilterError: a word is unknown or malformed, or two of them exclude each other.
        """
        wanted: dict[str, tuple[Any, str]] = {}
        for word in words(text):
            field, one = self._read(word)
            earlier, before = wanted.get(field.name, (one, word))
            both = field.both(earlier, one)
            if both is None:
                raise FilterError(f'"{before}" and "{word}" exclude each other: leave one out.')
            wanted[field.name] = (both, word)
        return {name: both for name, (both, _) in wanted.items()}

    def passes(self, item: Item, wanted: Mapping[str, Any]) -> Any:
        """Return whether an item, or each of an array, meets all conditions; None is for any."""
        named = {name: one for name, one in wanted.items() if one is not None}
        fields = {name: self.fields.get(name) or self._free(name) for name in named}
        found = (field.passes(item, named[name]) for name, field in fields.items() if field)
        return reduce(and_, found, True)

    def complete(self, text: str) -> list[str]:
        """Complete the last word of a text that is being typed.

        Args:
            text: the line up to the cursor.

        Returns:
            Whole lines that begin with `text`, the likeliest first; none at the start of a word.
        """
        start, last = _LAST.fullmatch(text).groups()  # type: ignore[union-attr]
        if not last:
            return []
        name, colon, _ = last.lower().partition(":")
        compared = self.fields.get(name) if colon else None
        if compared and compared.values and not compared.bare:
            possible = [f"{name}:{value}" for value in compared.values]
        else:
            given = {word.partition(":")[0].lower() for word in start.split() if ":" in word}
            possible = [
                start
                for field, start in self._words.values()
                if not (field.values and field.name in given)
            ]
        return [
            text + word[len(last) :]
            for word in possible
            if word.lower().startswith(last.lower()) and len(word) > len(last)
        ]

    def _read(self, word: str) -> tuple[Field[Item], Any]:
        bare = word.lower()
        field, _ = self._words.get(bare, (None, ""))
        if field and field.bare:
            return field, bare
        match = WORD.fullmatch(word)
        name = match[1].lower() if match else ""
        try:
            if match and name in self._words:
                field, _ = self._words[name]
                return field, field.read(match[2], match[3])
            if match and (free := self._free(match[1])):
                return free, free.read(match[2], match[3])
            if field:
                raise field.missing()
        except FilterError as error:
            raise FilterError(f'"{word}": {error}') from None
        raise FilterError(f'"{word}"{self._unknown(bare, name)}')

    def _unknown(self, bare: str, name: str) -> str:
        if meant := [field.name for field in self.fields.values() if bare in field.values]:
            return f": say {meant[0]}:{bare}."
        if not name and self._alone:
            return f" compares nothing: {self._alone.format(word=bare)}"
        if near := nearest(name or bare, list(self._words)):
            field, _ = self._words[near]
            return f" is not known: did you mean {near if field.bare else field.example}?"
        return f" is not known; there are {self._summary}."


def words(text: str) -> list[str]:
    """Split a filter into its words; spaces around a comparison do not count."""
    return _GAPS.sub(r"\1", text).split()


def number(text: str) -> float:
    """Read a finite number; NaN if it is none."""
    try:
        value = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def nearest(typed: str, known: Sequence[str]) -> str:
    """Return the known word that was probably meant; empty if none is near."""
    near = [name for name in known if typed.startswith(name) or name.startswith(typed)]
    close = difflib.get_close_matches(typed, known, 1)
    return next(iter([*(near if len(typed) > 1 else ()), *close]), "")
