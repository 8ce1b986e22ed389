"""The columns of a table of images: which of them have the pixels, and which the labels."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.data.labels import MAX_CLASSES
from mnistop.engine.data.layouts import is_in_color
from mnistop.engine.formatting import name_list

LABELS = ("label", "labels", "class", "target", "y", "category", "digit", "character")
"""Names of the column of labels, in any case; the first of them that a table has."""
INDEX = re.compile(r"(unnamed: [\d.]+|level_\d+)?|index|#", re.IGNORECASE)
"""Names of a column in which pandas or R has numbered the rows."""
IDS = re.compile(
    r"((image|img|picture|photo|file|sample|row)s?[_ ]?)?(id|index|(file[_ ]?)?(name|path)|file)s?"
    r"|image|img|picture",
    re.IGNORECASE,
)
"""Names of columns that name an image."""
PARTS = re.compile(
    r"((data[_ ]?)?(set|split)|subset|partition|usage|part|phase|fold)s?", re.IGNORECASE
)
"""Names of columns that divide the images, as into those of training and test."""
_LISTED = 5
_MOSTLY = 0.9
"""The share of one value from which a column is mostly that, as a pixel at a dark corner."""
_CLEARLY = 1.5
"""Times that the most frequent value of a corner's pixel is more frequent than that of labels."""
_OFTEN = 3
"""Images of a class on average, at least, if labels do not start at 0 or 1."""


@dataclass(frozen=True)
class Columns:
    """The columns of a table, by their content."""

    pixels: list[int]
    """The indices of those with pixels; the labels may be the first or last of them if neither
    `label` nor `one_hot` is known."""
    label: int | None = None
    """The index of that with the labels."""
    one_hot: list[int] = field(default_factory=list)
    """The indices of those that have one-hot labels, if any columns have the labels."""
    ids: int | None = None
    """The index of that which names the images."""
    part: int | None = None
    """The index of that which divides the images."""
    names: list[str] = field(default_factory=list)
    """All names; empty without a header."""
    lacks_labels: bool = False
    """True if no column has the labels, as in Kaggle's test.csv."""
    notes: list[str] = field(default_factory=list)
    """Sentences on what was decided."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Height and width of an image, if its pixels are named by row and column; else its length.

        As in `1x1` to `28x28` or `p_0_0` to `p_27_27`, perhaps with a third number, the channel.
        """
        numbers = [_numbers(self.names[at]) for at in self.pixels] if self.names else []
        if numbers and len({len(each) for each in numbers}) == 1:
            ends = [max(column) - min(column) + 1 for column in zip(*numbers, strict=True)]
            shape = tuple(end for end in ends if end > 1)
            if len(shape) in (2, 3) and math.prod(shape) == len(self.pixels):
                return shape
        return (len(self.pixels),)

    def title(self, at: int) -> str:
        """Return a column's number, from 1, and its name if it has one."""
        return f"{at + 1}, {self.names[at]}," if self.names else str(at + 1)


def find_columns(cells: Sequence[str], table: str) -> Columns:
    """Find the columns of a table by the cells of its first line.

    Args:
        cells: that line, a header or an image.
        table: the name of the table, for notes.
    """
    if is_header(cells):
        return _by_names(list(cells), table)
    every = list(range(len(cells)))
    texts = [at for at in (every[0], every[-1]) if not is_number(cells[at])]
    if texts:
        return Columns([at for at in every if at != texts[0]], texts[0])
    return Columns(every, lacks_labels=_are_pixels(len(cells)))


def _by_names(names: list[str], table: str) -> Columns:
    lower = [name.lower() for name in names]
    label = next((lower.index(name) for name in LABELS if name in lower), None)
    forms = {at: re.sub(r"\d+", "#", name) for at, name in enumerate(lower) if at != label}
    form, often = Counter(forms.values()).most_common(1)[0]
    are_numbered = "#" in form and often > len(names) / 2
    ids = _first(IDS, lower, forms)
    part = _first(PARTS, lower, forms)
    index = _first(INDEX, lower, forms)
    if are_numbered:
        pixels = [at for at in forms if forms[at] == form]
    else:
        pixels = [at for at in forms if not _is_neither(lower[at])]
    notes = []
    ordered = sorted(pixels, key=lambda at: _numbers(lower[at])) if are_numbered else pixels
    if ordered != pixels:
        pixels = ordered
        notes.append(f"The pixels of {table} are in the order of their columns' numbers.")
    rest = sorted(set(forms) - set(pixels))
    others = [at for at in rest if not _is_neither(lower[at])]
    one_hot = []
    if label is None and len(others) == 1:
        label = others[0]
        notes.append(f"Column {names[label]} of {table} has the labels.")
    elif label is None:
        one_hot = others
    used = {label, part, *one_hot}
    left_out = [names[at] or "one without a name" for at in rest if at not in used]
    if left_out:
        notes.append(f"Columns of {table} left out: {name_list(left_out, _LISTED)}.")
    lacks_labels = (
        label is None
        and not one_hot
        and are_numbered
        and form != "#"
        and not _are_pixels(len(pixels) - 1)
    )
    first = index if ids is None else ids
    return Columns(pixels, label, one_hot, first, part, names, lacks_labels, notes)


def _first(pattern: re.Pattern[str], names: Sequence[str], among: dict[int, str]) -> int | None:
    return next((at for at in among if pattern.fullmatch(names[at])), None)


def _is_neither(name: str) -> bool:
    """Return whether a column of a name has neither labels nor pixels."""
    return any(pattern.fullmatch(name) for pattern in (INDEX, IDS, PARTS))


def _numbers(name: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", name)]


def is_header(cells: Sequence[str]) -> bool:
    """Return whether most cells between the first and the last are names or just numbered."""
    inner = list(cells[1:-1])
    if sum(map(is_number, inner)) < len(inner) / 2:
        return True
    if not inner or not all(cell.isdecimal() and len(cell) < 9 for cell in inner):
        return False
    start = int(inner[0])
    return inner == [str(start + step) for step in range(len(inner))]


def without_numbering(cells: Sequence[str]) -> list[str]:
    """Return numbers as they were before pandas took them for names; empty for all others.

    It makes names differ by appending to the second of the same `.1`, to the third `.2`, ….
    """
    seen: Counter[str] = Counter()
    restored = []
    for cell in cells:
        number, _, repeated = cell.partition(".")
        if repeated != (str(seen[number]) if seen[number] else ""):
            return []
        seen[number] += 1
        restored.append(number)
    return restored if len(seen) < len(cells) else []


def is_transposed(first: Sequence[str], second: Sequence[str]) -> bool:
    """Return whether a table has a column for each image, by the cells of its first two lines."""
    for cells, other in ((first, second), (second, first)):
        if len(cells) > 2 and cells[0].lower() in LABELS and all(map(is_number, cells[1:])):
            name = "".join(other[:1])
            return bool(INDEX.fullmatch(name) or re.fullmatch(r"[^\W\d]\D*\d+", name))
    return False


def labels_without_header(table: NDArray[Any]) -> slice | None:
    """Find the labels in a table `(n, columns)` without a header: its first or last columns.

    Labels are few whole numbers from 0 or 1, most of which occur. So may be the values of a pixel
    at a corner, but that is mostly of one value.

    Returns:
        The first or the last column, all of those with one-hot labels, or None if none of them is
        clearly that of labels.
    """
    width = table.shape[1]
    one_hot = width - math.isqrt(width) ** 2
    if 2 <= one_hot <= MAX_CLASSES:
        for columns in (slice(0, one_hot), slice(width - one_hot, width)):
            if is_one_hot(table[:, columns]):
                return columns
    (rank, share, at), (other_rank, other_share, _) = sorted(
        ((*_likeness(table[:, at]), at) for at in (0, width - 1)), reverse=True
    )
    are_alike = rank == other_rank
    if not rank or (are_alike and not (other_share > 0.5 and share * _CLEARLY < other_share)):
        return None
    return slice(at, at + 1)


def _likeness(values: NDArray[Any]) -> tuple[int, float]:
    """Return how much the values of a column are like labels, from 0 to 2, and the share of one.

    That is the share of the most frequent value.
    """
    different, counts = np.unique(values, return_counts=True)
    share = float(counts.max()) / len(values)
    are_whole = np.array_equal(different, np.floor(different))
    if not are_whole or not 2 <= len(different) <= MAX_CLASSES or share > _MOSTLY:
        return 0, share
    if different[0] in (0, 1) and 2 * len(different) > different[-1]:
        return 2, share
    return int(_OFTEN * len(different) <= len(values)), share


def is_one_hot(table: NDArray[Any]) -> bool:
    """Return whether each row of a table has a single 1, and else 0."""
    return bool(np.isin(table, (0, 1)).all() and (table.sum(1) == 1).all())


def named_classes(one_hot: NDArray[Any], names: Sequence[str]) -> NDArray[Any]:
    """Return one-hot labels `(n, k)` as texts `(n,)`, if the columns are named by their classes."""
    if any(_numbers(name)[-1:] != [at] for at, name in enumerate(names)):
        texts: NDArray[Any] = np.array(names)[one_hot.argmax(1)]
        return texts
    return one_hot.astype(np.int64)


def is_number(cell: str) -> bool:
    """Return whether a cell is a finite number."""
    try:
        return "_" not in cell and math.isfinite(float(cell))
    except ValueError:
        return False


def _are_pixels(number: int) -> bool:
    """Return whether this many numbers make a square image, and not one with its label."""
    return _makes_image(number) and not _makes_image(number - 1)


def _makes_image(number: int) -> bool:
    return math.isqrt(number) ** 2 == number or is_in_color(number)
