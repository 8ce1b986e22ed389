"""A report as a list of parts, independent of its format, and as Markdown with GitHub's tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.evaluate import class_report
from mnistop.engine.formatting import loss, percent

_HIDDEN = "\N{REPLACEMENT CHARACTER}"


def clean(text: str) -> str:
    """Replace unprintable characters: control characters, marks that change the direction of
    writing, halves of surrogate pairs."""
    return "".join(char if char.isprintable() or char == "\n" else _HIDDEN for char in text)


@dataclass(frozen=True)
class Paragraph:
    """Sentences."""

    text: str
    strong: bool = False
    """True for the main result."""


@dataclass(frozen=True)
class Quote:
    """Words of a person, in lines of their own."""

    label: str
    """Whose words they are."""
    text: str
    kind: Literal["own", "model"] = "own"


@dataclass(frozen=True)
class Code:
    """Lines to type, or to copy into a program."""

    text: str
    language: str


@dataclass(frozen=True)
class Entry:
    """A name and a value."""

    name: str
    value: str
    remark: str = ""
    """A note on the value, which is then emphasized."""


@dataclass(frozen=True)
class Listing:
    """Names and their values."""

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
class Bars:
    """Horizontal bars on one scale: counts or shares of some classes."""

    title: str
    names: Sequence[str]
    groups: Mapping[str, Sequence[float]]
    """The values by name of the group, one for each class, none negative."""
    fractions: bool = False
    """True if the values are fractions, shown in percent."""

    def text_of(self, value: float) -> str:
        """Return a value as text."""
        return percent(value) if self.fractions else f"{value:,g}"


@dataclass(frozen=True)
class Curve:
    """Values over the epochs, from epoch 0 on, or over something else that is counted."""

    name: str
    values: Sequence[float]
    style: str = ""
    """A class of `style.css`; empty for that of the curve's place in its chart."""


@dataclass(frozen=True)
class Chart:
    """Curves over the epochs."""

    title: str
    curves: Sequence[Curve]
    lettered: bool = False
    """True if the curves are labelled by letters; otherwise they are training and validation."""
    fractions: bool = False
    """True if the values are fractions, shown in percent; else they are losses or rates."""
    reference: tuple[str, float] | None = None
    """Label and value of a line to compare with."""
    best: int | None = None
    """The best epoch."""
    interval: tuple[float, float] | None = None
    """The 95% interval of the value at the best epoch."""
    x_label: str = "epoch"

    @property
    def description(self) -> str:
        """The curves in words, for readers who cannot see them."""
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
            f"{curve.name}: {first} in {self.x_label} 0, {last} in {self.x_label} "
            f"{len(values) - 1}, {word} {best} in {self.x_label} {place}."
        )

    def value_text(self, value: float) -> str:
        """Return a value of the chart as text."""
        return percent(value) if self.fractions else loss(value)


@dataclass(frozen=True, eq=False)
class Matrix:
    """A confusion matrix: counts of the predictions for each true class."""

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
    """An image with lines below it, or a diverging one: blue positive, red negative.

    A diverging one in colour is gray for 0, and each channel brighter or darker than that.
    """

    image: NDArray[np.float32]
    """`(height, width)` or `(height, width, 3)` in [0, 1]; in [-1, 1] if diverging."""
    caption: Sequence[str]
    diverging: bool = False


@dataclass(frozen=True)
class Pictures:
    """Images side by side."""

    pictures: Sequence[Picture]


Part = Paragraph | Quote | Code | Listing | Table | Bars | Chart | Matrix | Pictures


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


_START = re.compile(r"^(\d*)([-+=.)])")
"""The beginning of a line that would make it a list, a rule or a heading."""
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~&$!])")


def as_markdown(document: Document) -> str:
    """Return a document as the text of a Markdown file."""
    blocks = [f"# {_escaped(document.title)}", *map(_part, document.parts)]
    for section in document.sections:
        blocks += [f"## {_escaped(section.title)}", *map(_part, section.parts)]
    return "\n\n".join(blocks) + "\n"


def _part(part: Part) -> str:
    match part:
        case Paragraph(text, strong):
            return _strong(text) if strong else _line(text)
        case Quote(label, text):
            return f"{_strong(label)}\n\n" + "\n".join(
                f"> {_line(one)}".rstrip() for one in text.split("\n")
            )
        case Bars():
            rows = [
                [name, *(part.text_of(values[place]) for values in part.groups.values())]
                for place, name in enumerate(part.names)
            ]
            return f"{_strong(part.title)}\n\n{_table(['', *part.groups], rows)}"
        case Code(text, language):
            fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
            return f"{fence}{language}\n{clean(text)}\n{fence}"
        case Listing():
            return "\n".join(_entries(part))
        case Table():
            aligned = [name in part.texts for name in part.head]
            return _table(part.head, part.rows, aligned)
        case Chart():
            return f"{_strong(part.title)}: {_escaped(part.description)}"
        case Matrix():
            return _matrix(part)
        case Pictures(pictures):
            return "\n".join(f"- {_line('; '.join(one.caption))}" for one in pictures)


def _entries(listing: Listing) -> Iterator[str]:
    for entry in listing.entries:
        value = _escaped(entry.value)
        if entry.remark:
            value = f"{_strong(entry.value)} ({_escaped(entry.remark)})"
        yield f"- {_line(entry.name)}: {value}"


def _matrix(matrix: Matrix) -> str:
    recall, precision = matrix.recall_and_precision()
    rows = [
        [name, *(f"{count:,}" if count else "·" for count in counts), share]
        for name, counts, share in zip(matrix.names, matrix.counts.tolist(), recall, strict=True)
    ]
    rows.append(["precision", *precision, ""])
    return _table(["true ↓ predicted →", *matrix.names, "recall"], rows)


def _table(
    head: Sequence[str], rows: Sequence[Sequence[str]], texts: Sequence[bool] | None = None
) -> str:
    marks = [":--" if is_text else "--:" for is_text in texts or [False] * len(head)]
    lines = [map(_escaped, head), marks, *(map(_escaped, row) for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _strong(text: str) -> str:
    escaped = _escaped(text)
    return f"**{escaped}**" if escaped else ""


def _line(text: str) -> str:
    """Escape a text that begins a line."""
    return _START.sub(r"\1\\\2", _escaped(text))


def _escaped(text: str) -> str:
    """Escape a text for Markdown, on one line."""
    return _MARKUP.sub(r"\\\1", " ".join(clean(text).split()))
