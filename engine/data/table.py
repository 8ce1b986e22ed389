"""A table of images as text, an image a line, as in `label,pixel0,…,pixel783`.

With or without a header, with commas, semicolons or tabs. Without a header the labels are in the
first or the last column: in the one whose most frequent value is rarer, as a pixel at the corner
is mostly black.
"""

import csv
import itertools
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.data.labels import MAX_CLASSES
from mnistop.engine.data.stored import Progress, check_memory
from mnistop.engine.errors import DataError
from mnistop.engine.formatting import count

_DELIMITERS = ",;\t"
_LABELS = ("label", "labels", "class", "target", "y", "category", "digit", "character")
"""Names of the column of labels, in any case; the first of them that a table has."""
_NEITHER = re.compile(r"(unnamed: \d+)?|index|(image)?[_ ]?(id|name|path|file|filename)", re.I)
"""Names of columns that are neither labels nor pixels."""
_ROW_AND_COLUMN = re.compile(r"(\d+)x(\d+)")
"""The name of a pixel, as in `28x28`."""
_FEWEST_PIXELS = 4
_LINES = 2048
"""Lines that are read at once."""
_LONGEST_LABEL = 64
_LONGEST_SHOWN = 20
_LARGEST_WHOLE = 2**53
_CLEARLY = 2
"""Times that the most frequent value of a corner's pixel is more frequent than that of labels."""


class Table:
    """A table whose first line has been read.

    Args:
        lines: all lines.
        name: the file's short name, for notes and progress.
        place: the whole name, for messages.

    Raises:
        DataError: it is empty, or no table of images.
    """

    def __init__(self, lines: Iterable[str], name: str, place: str) -> None:
        self.notes: list[str] = []
        """Sentences on what reading has made of it."""
        self._name, self._place = name, place
        numbered = ((at, line) for at, line in enumerate(lines, 1) if line.strip())
        self._lines: Iterator[tuple[int, str]] = numbered
        first = next(self._lines, None)
        if not first:
            raise DataError(f"{place} is empty: get it again.")
        self._delimiter = max(_DELIMITERS, key=first[1].count)
        cells = self._cells(first[1])
        self._width = len(cells)
        self._names: list[str] = []
        self._label: int | None = None
        self._number: type = np.uint8
        self._pixels = list(range(self._width))
        self.lacks_labels = _is_square(self._width) and not _is_square(self._width - 1)
        """True if no column has the labels, as in Kaggle's test.csv."""
        if _is_header(cells):
            self._names = cells
            self._read_header()
        else:
            if restored := _without_numbering(cells):
                first = first[0], self._delimiter.join(restored)
                self.notes.append(
                    f"The first line of {name} was numbered by pandas, as if it were a header: it "
                    "is read as it was before."
                )
            self._lines = itertools.chain([first], self._lines)
            texts = [at for at in (0, self._width - 1) if not _is_number(cells[at])]
            if texts:
                self._label = texts[0]
                self._pixels.remove(texts[0])
                self.lacks_labels = False
        if len(self._pixels) < _FEWEST_PIXELS:
            raise DataError(
                f"{place} has {count(self._width, 'column')}, too few for images: each line must "
                "have the label and all pixels of an image."
            )

    def _read_header(self) -> None:
        """Find the columns of pixels and of the labels by their names."""
        names = [name.lower() for name in self._names]
        known = next((names.index(name) for name in _LABELS if name in names), None)
        forms = {at: re.sub(r"\d+", "#", name) for at, name in enumerate(names) if at != known}
        form, often = Counter(forms.values()).most_common(1)[0]
        has_pixels = "#" in form and often > self._width / 2
        if has_pixels:
            self._pixels = [at for at in forms if forms[at] == form]
        else:
            self._pixels = [at for at in forms if not _NEITHER.fullmatch(names[at])]
        rest = [at for at in forms if at not in self._pixels]
        others = [at for at in rest if not _NEITHER.fullmatch(names[at])]
        if known is None and len(others) == 1:
            known = others[0]
            self.notes.append(f"Column {self._names[known]} of {self._name} has the labels.")
        self._label = known
        self.lacks_labels = known is None and has_pixels and form != "#"
        left_out = [self._names[at] or "without a name" for at in rest if at != known]
        if left_out:
            self.notes.append(f"Columns of {self._name} left out: {', '.join(left_out[:5])}.")

    def read(self, size: int, progress: Progress) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return images `(n, pixels)` or `(n, height, width)`, and labels `(n,)`.

        Args:
            size: about the number of characters in the table.
            progress: called with a line to show.

        Raises:
            DataError: a line is no image, or no column has the labels.
            MemoryError: this machine does not have enough.
        """
        if self.lacks_labels:
            raise DataError(
                f"{self._place} has no column of labels: name it label in the first line."
            )
        labels: list[NDArray[Any]] = []
        blocks: list[NDArray[Any]] = []
        read = 0
        while lines := list(itertools.islice(self._lines, _LINES)):
            of_lines, pixels = self._parsed(lines)
            if not blocks:
                check_memory(pixels.nbytes * size / sum(len(line) for _, line in lines))
            labels.append(of_lines)
            blocks.append(pixels)
            read += len(lines)
            progress(f"reading {self._name}: {count(read, 'image')}")
        if not blocks:
            raise DataError(f"{self._place} has a header only: get it again.")
        images = np.concatenate(blocks)
        del blocks
        if self._label is not None:
            return self._mixed(self._shaped(images), _as_numbers(np.concatenate(labels)))
        at = self._column_of_labels(images)
        rest = images[:, 1:] if at == 0 else images[:, :-1]
        return self._mixed(rest, images[:, at])

    def _parsed(self, lines: list[tuple[int, str]]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the labels and the pixels `(n, k)` of some lines.

        Numbers become bytes, and from the first that does not fit on float32.

        Raises:
            DataError: one is no image.
        """
        texts = [line for _, line in lines]
        commas = self._width - 1
        if any(line.count(self._delimiter) != commas for line in texts):
            self._check(lines)
        label = [] if self._label is None else [self._label]
        row = [("label", f"U{_LONGEST_LABEL}"), ("pixels", self._number, len(self._pixels))]
        try:
            table = np.loadtxt(
                texts,
                np.dtype(row) if label else self._number,
                comments=None,
                delimiter=self._delimiter,
                usecols=label + self._pixels,
                ndmin=1 if label else 2,
                quotechar='"',
            )
        except ValueError as error:
            if self._number is np.uint8:
                self._number = np.float32
                return self._parsed(lines)
            self._check(lines)
            raise DataError(f"{self._place} is no table of numbers: check what it is.") from error
        labels, pixels = (table["label"], table["pixels"]) if label else (table[:0, 0], table)
        if not (np.isfinite(pixels).all() and all(labels)):
            self._check(lines)
        return labels.copy(), pixels.copy()

    def _check(self, lines: list[tuple[int, str]]) -> None:
        """Find the first cell that is wrong, and say what is.

        Raises:
            DataError: there is one.
        """
        for at, line in lines:
            cells = self._cells(line)
            place = f"Line {at:,} of {self._place}"
            if len(cells) != self._width:
                raise DataError(
                    f"{place} has {count(len(cells), 'column')}, and the first line has "
                    f"{self._width:,}: complete it, or delete it."
                )
            label = [] if self._label is None else [self._label]
            for column in sorted(label + self._pixels):
                where = f"{place} has in column {self._column(column)}"
                if not cells[column]:
                    raise DataError(f"{where} nothing: fill in a number, or delete the line.")
                if column != self._label and not _is_number(cells[column]):
                    comma = "with a point in place of a comma" if "," in cells[column] else "there"
                    raise DataError(
                        f"{where} {cells[column][:_LONGEST_SHOWN]!r}, which is no pixel: store a "
                        f"number {comma}, or delete the line."
                    )

    def _column(self, at: int) -> str:
        return f"{at + 1}, {self._names[at]}," if self._names else str(at + 1)

    def _cells(self, line: str) -> list[str]:
        try:
            (cells,) = csv.reader([line], delimiter=self._delimiter)
        except (csv.Error, ValueError) as error:
            raise DataError(f"{self._place} is no CSV table: check what it is.") from error
        return [cell.strip() for cell in cells]

    def _column_of_labels(self, table: NDArray[Any]) -> int:
        """Return 0 or -1, the column of a table `(n, columns)` without header that has labels."""
        shares = {}
        for at in (0, -1):
            values, counts = np.unique(table[:, at], return_counts=True)
            if 2 <= len(values) <= MAX_CLASSES and np.array_equal(values, np.floor(values)):
                shares[at] = counts.max() / len(table)
        best = min(shares, key=shares.__getitem__, default=None)
        if best is None or (len(shares) == 2 and max(shares.values()) < _CLEARLY * shares[best]):
            raise DataError(
                f"{self._place} has no header, and neither its first nor its last column is "
                "clearly that of labels: add a first line with the names of the columns, and name "
                "the labels label."
            )
        name = "first" if best == 0 else "last"
        self.notes.append(f"{self._name} has no header: its {name} column is taken for the labels.")
        return best

    def _mixed(
        self, images: NDArray[Any], labels: NDArray[Any]
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return images and labels in a random order if they are sorted by class.

        The first of them would be of one class.
        """
        if np.any(labels[:-1] > labels[1:]) or labels[0] == labels[-1]:
            return images, labels
        self.notes.append(
            f"{self._name} is sorted by class: its images are in a random order, always the same."
        )
        order = np.random.RandomState(0).permutation(len(labels))
        return images[order], labels[order]

    def _shaped(self, images: NDArray[Any]) -> NDArray[Any]:
        """Return images with height and width, if the last pixel's name says them."""
        name = self._names[self._pixels[-1]] if self._names else ""
        if match := _ROW_AND_COLUMN.fullmatch(name):
            height, width = int(match[1]), int(match[2])
            if height * width == images.shape[1]:
                return images.reshape(-1, height, width)
        return images


def _as_numbers(labels: NDArray[np.str_]) -> NDArray[Any]:
    """Return labels as whole numbers if all of them are."""
    try:
        numbers = labels.astype(np.float64)
    except ValueError:
        return labels
    whole = np.abs(numbers) < _LARGEST_WHOLE
    if not whole.all() or np.any(numbers != np.floor(numbers)):
        return labels
    return numbers.astype(np.int64)


def _is_header(cells: list[str]) -> bool:
    """Return whether most cells between the first and the last are names or just numbered."""
    inner = cells[1:-1]
    if sum(map(_is_number, inner)) < len(inner) / 2:
        return True
    if not inner or not all(cell.isdecimal() and len(cell) < 9 for cell in inner):
        return False
    start = int(inner[0])
    return inner == [str(start + step) for step in range(len(inner))]


def _without_numbering(cells: list[str]) -> list[str]:
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


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _is_square(number: int) -> bool:
    return math.isqrt(number) ** 2 == number
