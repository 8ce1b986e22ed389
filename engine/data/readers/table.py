"""A table of images as text, an image a line, as in `label,pixel0,…,pixel783`.

With or without a header, with commas, semicolons or tabs. Without a header the labels are in the
first or the last column: in the one whose most frequent value is rarer, as a pixel at the corner
is mostly black.
"""

import contextlib
import csv
import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.data.labels import MAX_CLASSES
from mnistop.engine.data.readers.columns import (
    LABELS,
    NEITHER,
    find_columns,
    is_number,
    without_numbering,
)
from mnistop.engine.data.readers.opening import check_memory
from mnistop.engine.data.stored import Progress
from mnistop.engine.errors import DataError, UnlabelledError
from mnistop.engine.formatting import count

Share = Callable[[], float]

_DELIMITERS = ",;\t"
_FEWEST_PIXELS = 4
_CLEARLY_IMAGES = 49
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
        first = next(numbered, None)
        if not first:
            raise DataError(f"{place} is empty: get it again.")
        self._lines: Iterator[tuple[int, str]] = itertools.chain([first], numbered)
        if not any(delimiter in first[1].strip() for delimiter in _DELIMITERS):
            self._lines = ((at, ",".join(line.split())) for at, line in self._lines)
        first = next(self._lines)
        self._delimiter = max(_DELIMITERS, key=first[1].count)
        cells = self._cells(first[1])
        self._width = len(cells)
        if restored := without_numbering(cells):
            cells, first = restored, (first[0], self._delimiter.join(restored))
            self.notes.append(
                f"The first line of {name} was numbered by pandas, as if it were a header: it is "
                "read as it was before."
            )
        self._columns = find_columns(cells, name)
        self.notes += self._columns.notes
        names = [self._columns.names[at] for at in self._columns.pixels if self._columns.names]
        self.is_of_images = len(self._columns.pixels) >= _CLEARLY_IMAGES or (
            bool(names) and all(re.search(r"\d", name) for name in names)
        )
        """True if its columns are clearly pixels: many, or with numbers in their names."""
        self._number: type = np.uint8
        if not self._columns.names:
            self._lines = itertools.chain([first], self._lines)
        if len(self._columns.pixels) < _FEWEST_PIXELS:
            raise DataError(
                f"{place} has {count(self._width, 'column')}, too few for images: each line must "
                "have the label and all pixels of an image."
            )

    def read(self, share: Share, progress: Progress) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return images `(n, pixels)` or `(n, height, width)`, and labels `(n,)`.

        Args:
            share: what returns the share of the table that has been read, in (0, 1].
            progress: called with a line to show.

        Raises:
            DataError: a line is no image, or no column has the labels.
            MemoryError: this machine does not have enough.
        """
        if self._columns.lacks_labels:
            raise UnlabelledError(
                f"{self._place} has no column of labels: name it label in the first line, or name "
                "two files, as IMAGES,LABELS."
            )
        labels, images = self._rows(share, progress)
        if self._columns.label is not None:
            return images.reshape(-1, *self._columns.shape), _as_numbers(labels)
        at = self._column_of_labels(images)
        rest = images[:, 1:] if at == 0 else images[:, :-1]
        return rest, images[:, at]

    def read_images(self, share: Share, progress: Progress) -> NDArray[Any]:
        """Return the images of a table without labels; for the arguments see `read`."""
        return self._rows(share, progress)[1].reshape(-1, *self._columns.shape)

    def _rows(self, share: Share, progress: Progress) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the labels of all lines, if a column has them, and their pixels `(n, k)`."""
        labels: list[NDArray[Any]] = []
        blocks: list[NDArray[Any]] = []
        read = size = 0
        while lines := list(itertools.islice(self._lines, _LINES)):
            of_lines, pixels = self._parsed(lines)
            labels.append(of_lines)
            blocks.append(pixels)
            size += pixels.nbytes
            check_memory(size / share())
            read += len(lines)
            progress(f"reading {self._name}: {count(read, 'image')}")
        if not blocks:
            raise DataError(f"{self._place} has a header only: get it again.")
        return np.concatenate(labels), np.concatenate(blocks)

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
        pixels_at, label_at = self._columns.pixels, self._columns.label
        label = [] if label_at is None else [label_at]
        row = [("label", f"U{_LONGEST_LABEL + 1}"), ("pixels", self._number, len(pixels_at))]
        try:
            table = np.loadtxt(
                texts,
                np.dtype(row) if label else self._number,
                comments=None,
                delimiter=self._delimiter,
                usecols=label + pixels_at,
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
        if label and max(map(len, labels.tolist())) > _LONGEST_LABEL:
            raise DataError(
                f"{self._place} has a label of more than {_LONGEST_LABEL} characters: check which "
                "column has the labels, and name it label."
            )
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
            for column in self._columns.used:
                where = f"{place} has in column {self._columns.title(column)}"
                if not cells[column]:
                    raise DataError(f"{where} nothing: fill in a number, or delete the line.")
                if column != self._columns.label and not is_number(cells[column]):
                    comma = "with a point in place of a comma" if "," in cells[column] else "there"
                    raise DataError(
                        f"{where} {cells[column][:_LONGEST_SHOWN]!r}, which is no pixel: store a "
                        f"number {comma}, or delete the line."
                    )

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


def labels_in(lines: Iterable[str], place: str) -> NDArray[Any]:
    """Return the labels in a table of labels: `(n,)`, or one-hot `(n, k)`.

    They are in the column with the name of labels, in the only one besides indices and names of
    files, or in all columns if these are one-hot.

    Args:
        lines: those of the table.
        place: its name in messages.

    Raises:
        DataError: it is no table, or no column is clearly that of labels.
    """
    rows = _rows([line.strip() for line in lines if line.strip()], place)
    names = [cell.strip().lower() for cell in rows[0]]
    known = next((names.index(name) for name in LABELS if name in names), None)
    has_numbers = all(is_number(cell) for row in rows[1:] for cell in row if cell.strip())
    has_names = known is not None or (has_numbers and not all(map(is_number, names)))
    if has_names:
        del rows[0]
    used = [at for at, name in enumerate(names) if not (has_names and NEITHER.fullmatch(name))]
    if known is not None:
        used = [known]
    table = np.array([[row[at].strip() for at in used] for row in rows], str)
    if len(used) == 1:
        return _as_numbers(table[:, 0])
    with contextlib.suppress(ValueError):
        ones = table.astype(np.float64)
        if np.isin(ones, (0, 1)).all() and (ones.sum(1) == 1).all():
            return ones.astype(np.int64)
    raise DataError(
        f"{place} has {count(len(names), 'column')}, and none of them is clearly that of labels: "
        "add a first line with the names of the columns, and name the labels label."
    )


def _rows(lines: list[str], place: str) -> list[list[str]]:
    """Return the cells of each line of a table of labels."""
    if not lines:
        raise DataError(f"{place} is empty: get it again.")
    delimiter = max(_DELIMITERS, key=lines[0].count)
    if all(map(is_number, lines[0].split())):
        rows = [line.replace(delimiter, " ").split() for line in lines]
    else:
        try:
            rows = list(csv.reader(lines, delimiter=delimiter))
        except csv.Error as error:
            raise DataError(f"{place} is no list of labels: check what it is.") from error
    for at, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise DataError(
                f"Line {at:,} of {place} has {count(len(row), 'column')}, and the first line has "
                f"{len(rows[0]):,}: complete it, or delete it."
            )
    return rows


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
