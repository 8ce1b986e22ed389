"""What the filters that a person types have in common: words, comparisons, bounds, complaints."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mnistop.engine.errors import MnistopError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WORD = re.compile(r"([a-z_]+)(>=|<=|[<>=:])(.*)", re.IGNORECASE)
"""A word that compares: field, comparison and value."""

_GAPS = re.compile(r"\s*(>=|<=|[<>=:])\s*")
_LAST = re.compile(r"(.*?)(\S*)", re.DOTALL)


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

    @property
    def is_empty(self) -> bool:
        """Whether no number can pass."""
        if self.low == self.high:
            return not (self.low_counts and self.high_counts)
        return self.low > self.high

    def passes(self, values: NDArray[np.floating | np.integer]) -> NDArray[np.bool_]:
        """Which values lie between the ends."""
        above = values >= self.low if self.low_counts else values > self.low
        below = values <= self.high if self.high_counts else values < self.high
        passed: NDArray[np.bool_] = above & below
        return passed

    def narrowed(self, other: Bound) -> Bound:
        """What passes this bound and another one."""
        low, low_counts = max((self.low, not self.low_counts), (other.low, not other.low_counts))
        high, high_counts = min((self.high, self.high_counts), (other.high, other.high_counts))
        return Bound(self.field, low, high, not low_counts, high_counts)


def words(text: str) -> list[str]:
    """The words of a filter; spaces around a comparison do not count."""
    return _GAPS.sub(r"\1", text).split()


def number(text: str) -> float:
    """The number that a text is; NaN if it is none."""
    try:
        return float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        return math.nan


def compared(field: str, comparison: str, value: float) -> Bound:
    """What a comparison with a number other than `:` and `=` lets pass."""
    if comparison in (">", ">="):
        return Bound(field, value, math.inf, low_counts=comparison == ">=")
    return Bound(field, -math.inf, value, high_counts=comparison == "<=")


def rounded(field: str, value: float, digits: str, scale: float = 1) -> Bound:
    """What rounds to a number as it was typed.

    Args:
        field: what is compared.
        value: the number.
        digits: its text, whose decimals count.
        scale: what the text was divided by, 100 for a percentage.
    """
    half = 0.5 / 10 ** len(digits.partition(".")[2]) / scale
    return Bound(field, value - half, value + half)


def exclude(one: str, other: str) -> FilterError:
    """Two words that nothing can satisfy."""
    return FilterError(f'"{one}" and "{other}" exclude each other: leave one out.')


def nearest(said: str, known: Sequence[str]) -> str:
    """The known word that was probably meant; empty if none is near."""
    near = [
        name for name in known if len(said) > 1 and (said.startswith(name) or name.startswith(said))
    ]
    near += difflib.get_close_matches(said, known, 1)
    return near[0] if near else ""


def last_word(text: str) -> tuple[str, str]:
    """What is typed before the last word, and that word; empty at the start of one."""
    start, last = _LAST.fullmatch(text).groups()  # type: ignore[union-attr]
    return start, last


def completed(text: str, last: str, possible: Iterable[str]) -> list[str]:
    """The lines that a text may become when its last word is completed, the likeliest first."""
    return [
        text + word[len(last) :]
        for word in possible
        if word.lower().startswith(last.lower()) and word != last
    ]
