"""The columns of a table of images: which of them have the pixels, and which the labels."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

LABELS = ("label", "labels", "class", "target", "y", "category", "digit", "character")
"""Names of the column of labels, in any case; the first of them that a table has."""

NEITHER = re.compile(r"(unnamed: \d+)?|index|(image)?[_ ]?(id|name|path|file|filename)", re.I)
"""Names of columns that are neither labels nor pixels."""
_ROW_AND_COLUMN = re.compile(r"(\d+)x(\d+)")
"""The name of a pixel, as in `28x28`."""
_LISTED = 5


@dataclass(frozen=True)
class Columns:
    """What the columns of a table have."""

    pixels: list[int]
    """The indices of those with pixels; the labels may be the first or last of them if `label` is
    None."""
    label: int | None = None
    """The index of that with the labels; None if no name and no text tells it."""
    names: list[str] = field(default_factory=list)
    """All names; empty without a header."""
    lacks_labels: bool = False
    """True if no column has the labels, as in Kaggle's test.csv."""
    notes: list[str] = field(default_factory=list)
    """Sentences on what was decided."""

    @property
    def used(self) -> list[int]:
        """The indices of all columns to read, in order."""
        return sorted([*self.pixels, *([] if self.label is None else [self.label])])

    @property
    def shape(self) -> tuple[int, ...]:
        """Height and width of an image, if the last pixel's name says them; else its length."""
        match = _ROW_AND_COLUMN.fullmatch(self.names[self.pixels[-1]]) if self.names else None
        size = (int(match[1]), int(match[2])) if match else ()
        return size if math.prod(size) == len(self.pixels) else (len(self.pixels),)

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
    lacks_labels = _is_square(len(cells)) and not _is_square(len(cells) - 1)
    return Columns(every, lacks_labels=lacks_labels)


def _by_names(names: list[str], table: str) -> Columns:
    lower = [name.lower() for name in names]
    label = next((lower.index(name) for name in LABELS if name in lower), None)
    forms = {at: re.sub(r"\d+", "#", name) for at, name in enumerate(lower) if at != label}
    form, often = Counter(forms.values()).most_common(1)[0]
    are_numbered = "#" in form and often > len(names) / 2
    if are_numbered:
        pixels = [at for at in forms if forms[at] == form]
    else:
        pixels = [at for at in forms if not NEITHER.fullmatch(lower[at])]
    notes = []
    ordered = sorted(pixels, key=lambda at: _numbers(lower[at])) if are_numbered else pixels
    if ordered != pixels:
        pixels = ordered
        notes.append(f"The pixels of {table} are in the order of their columns' numbers.")
    rest = [at for at in forms if at not in pixels]
    others = [at for at in rest if not NEITHER.fullmatch(lower[at])]
    if label is None and len(others) == 1:
        label = others[0]
        notes.append(f"Column {names[label]} of {table} has the labels.")
    left_out = [names[at] or "without a name" for at in rest if at != label]
    if left_out:
        notes.append(f"Columns of {table} left out: {', '.join(left_out[:_LISTED])}.")
    lacks_labels = label is None and are_numbered and form != "#"
    return Columns(pixels, label, names, lacks_labels, notes)


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


def is_number(cell: str) -> bool:
    """Return whether a cell is a finite number."""
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _is_square(number: int) -> bool:
    return math.isqrt(number) ** 2 == number
