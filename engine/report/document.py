"""A report as a list of parts, whatever it is to be printed as."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.evaluate import class_report
from mnistop.engine.formatting import loss, percent

_HIDDEN = "\N{REPLACEMENT CHARACTER}"


def clean(text: str) -> str:
    """A text without what would not be seen or would disturb others: control characters, marks
    that turn the direction of writing, halves of surrogate pairs.
    """
    shown = (char if char.isprintable() or char == "\n" else _HIDDEN for char in text)
    return "".join(shown)


@dataclass(frozen=True)
class Paragraph:
    """Sentences."""

    text: str
    strong: bool = False
    """True for the main result."""


@dataclass(frozen=True)
class Code:
    """Lines to be typed, or copied into a program."""

    text: str
    language: str


@dataclass(frozen=True)
class Entry:
    """A thing and its value."""

    name: str
    value: str
    remark: str = ""
    """A note on the value, which then stands out."""


@dataclass(frozen=True)
class Listing:
    """Things and their values."""

    entries: Sequence[Entry]


@dataclass(frozen=True)
class Table:
    """Rows of texts."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: frozenset[str] = frozenset()
    """The columns that hold words; the others hold numbers."""
    lines: bool = False
    """True if row `k` belongs to curve `k` of the charts, and its first cell is that letter."""


@dataclass(frozen=True)
class Curve:
    """Values over the epochs, from epoch 0 on."""

    name: str
    values: Sequence[float]


@dataclass(frozen=True)
class Chart:
    """Curves over the epochs."""

    title: str
    curves: Sequence[Curve]
    lettered: bool = False
    """True if letters tell the curves apart, else by `training` and `validation`."""
    fractions: bool = False
    """True if the values are fractions, shown in percent; else they are losses or rates."""
    reference: tuple[str, float] | None = None
    """Label and value of a line to compare with."""
    best: int | None = None
    """The best epoch."""
    interval: tuple[float, float] | None = None
    """The 95% interval of the value at the best epoch."""

    @property
    def description(self) -> str:
        """The curves in words, for those who cannot see them."""
        words = [self._description_of(curve) for curve in self.curves if curve.values]
        if self.best is not None:
            words.append(f"The best epoch is {self.best}.")
        if self.interval:
            low, high = map(self.value_text, self.interval)
            words.append(f"Its 95% interval is {low} to {high}.")
        if self.reference:
            words.append(f"{self.reference[0]} is {self.value_text(self.reference[1])}.")
        return " ".join(words)

    def _description_of(self, curve: Curve) -> str:
        values = curve.values
        extreme, word = (max, "highest") if self.fractions else (min, "lowest")
        place = values.index(extreme(values))
        first, last, best = map(self.value_text, (values[0], values[-1], values[place]))
        return (
            f"{curve.name}: {first} in epoch 0, {last} in epoch {len(values) - 1}, "
            f"{word} {best} in epoch {place}."
        )

    def value_text(self, value: float) -> str:
        """A value of the chart as a text."""
        return percent(value) if self.fractions else loss(value)


@dataclass(frozen=True, eq=False)
class Matrix:
    """Counts of the predictions for each true class."""

    counts: NDArray[np.int64]
    """`(classes, classes)`: rows true."""
    names: Sequence[str]

    def recall_and_precision(self) -> tuple[list[str], list[str]]:
        """Return both of each class as texts; a dash where a class has no images."""
        scores = class_report(self.counts)
        values = [one.recall for one in scores], [one.precision for one in scores]
        recall, precision = (["–" if v is None else percent(v) for v in each] for each in values)
        return recall, precision


@dataclass(frozen=True, eq=False)
class Picture:
    """A gray image with lines below it."""

    image: NDArray[np.float32]
    """`(height, width)` in [0, 1]."""
    caption: Sequence[str]


@dataclass(frozen=True)
class Pictures:
    """Images side by side."""

    pictures: Sequence[Picture]


Part = Paragraph | Code | Listing | Table | Chart | Matrix | Pictures


@dataclass(frozen=True)
class Section:
    """Parts under a heading."""

    title: str
    parts: Sequence[Part]


@dataclass(frozen=True)
class Document:
    """A whole report."""

    title: str
    parts: Sequence[Part]
    """The parts before the first heading."""
    sections: Sequence[Section] = field(default_factory=tuple)


def letter(place: int) -> str:
    """Return the letter of a curve."""
    return chr(ord("a") + place)
