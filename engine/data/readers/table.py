"""A table of images as text, an image a line, as in `label,pixel0,…,pixel783`.

With or without a header. Without one, the labels are in the first or the last column, or columns if
they are one-hot; see `columns.labels_without_header`.
"""

import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.data.readers.columns import (
    IDS,
    find_columns,
    is_number,
    is_one_hot,
    is_transposed,
    labels_without_header,
    named_classes,
    without_numbering,
)
from mnistop.engine.data.readers.label_files import (
    LONGEST_LABEL,
    as_numbers,
    checked_labels,
    roles_of,
)
from mnistop.engine.data.readers.opening import check_memory
from mnistop.engine.data.readers.picture_folders import is_picture
from mnistop.engine.data.readers.table_lines import Line, TableLines
from mnistop.engine.data.stored import Progress
from mnistop.engine.errors import DataError, UnlabelledError
from mnistop.engine.formatting import count, name_list

Share = Callable[[], float]

_FEWEST_PIXELS = 4
_CLEARLY_IMAGES = 49
_LINES = 2048
"""Lines that are read at once."""
_LONGEST_SHOWN = 20
_LISTED = 5


@dataclass(frozen=True, eq=False)
class Rows:
    """The content of a table."""

    images: NDArray[Any]
    """`(n, pixels)`, or `(n, height, width)` or with channels if the header says so."""
    labels: NDArray[Any] = field(default_factory=lambda: np.empty(0))
    """`(n,)`, or one-hot `(n, k)`; empty if no column has them."""
    ids: NDArray[np.str_] | None = None
    """A name for each image, `(n,)`; None if no column has it."""
    roles: NDArray[np.str_] | None = None
    """`train`, `validation` or `test` for each image, `(n,)`; None if no column has it."""


class Table:
    """A table whose first lines have been read.

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
        self._table = TableLines(lines, place)
        cells = self._table.first
        if restored := without_numbering(cells):
            cells = self._table.first = restored
            self.notes.append(
                f"The first line of {name} was numbered by pandas, as if it were a header: it is "
                "read as it was before."
            )
        if is_transposed(cells, self._table.second):
            raise DataError(
                f"{place} has a column for each image, not a line: turn it, as by .T of pandas."
            )
        self._width = len(cells)
        self._columns = find_columns(cells, name)
        self.notes += self._columns.notes
        names = [self._columns.names[at] for at in self._columns.pixels if self._columns.names]
        self.is_of_images = len(self._columns.pixels) >= _CLEARLY_IMAGES or (
            bool(names) and all(re.search(r"\d", name) for name in names)
        )
        """True if its columns are clearly pixels: many, or with numbers in their names."""
        self._number: type = np.uint8
        self._texts: list[int] = []
        self._repeated = 0
        self._lines = self._images() if self._columns.names else iter(self._table)

    @property
    def has_pixels(self) -> bool:
        """True if it has columns that may be pixels, not such as length and width of petals."""
        number, names = len(self._columns.pixels), self._columns.names
        return number >= _FEWEST_PIXELS and (not names or self.is_of_images)

    @property
    def names_pictures(self) -> bool:
        """True if it has names of pictures instead of pixels."""
        has_names = any(IDS.fullmatch(cell) for cell in self._table.first)
        return not self.has_pixels and (has_names or any(map(is_picture, self._table.second)))

    def read(self, share: Share, progress: Progress) -> Rows:
        """Return images and labels.

        Args:
            share: what returns the share of the table that has been read, in (0, 1].
            progress: called with a line to show.

        Raises:
            DataError: a line is no image, or no column has the labels.
            MemoryError: this machine does not have enough.
        """
        if self._columns.lacks_labels:
            self._check(list(itertools.islice(self._lines, 2)))
            raise UnlabelledError(
                f"{self._place} has no column of labels: name it label in the first line, or name "
                "two files, as IMAGES,LABELS."
            )
        rows = self._read(share, progress)
        if self._columns.label is not None or self._columns.one_hot:
            return rows
        columns = labels_without_header(rows.images)
        if columns is None:
            raise DataError(
                f"{self._place} {self._lack}, and neither its first nor its last column is clearly "
                "that of labels: name it label in a first line of names."
            )
        labels = rows.images[:, columns]
        images = np.delete(rows.images, columns, axis=1)
        which = "first" if columns.start == 0 else "last"
        number = labels.shape[1]
        what = f"{which} column is" if number == 1 else f"{which} {number} columns are"
        self.notes.append(f"{self._name} {self._lack}: its {what} taken for the labels.")
        labels = labels[:, 0] if number == 1 else labels
        return replace(rows, images=images, labels=labels)

    def read_images(self, share: Share, progress: Progress) -> Rows:
        """Return the images of a table without labels; for the arguments see `read`."""
        return self._read(share, progress)

    def _read(self, share: Share, progress: Progress) -> Rows:
        if not self.has_pixels:
            raise DataError(
                f"{self._place} has {count(self._width, 'column')}, too few for images: each line "
                "must have the label and all pixels of an image."
            )
        columns = self._columns
        self._texts = [at for at in (columns.label, columns.part, columns.ids) if at is not None]
        blocks: list[tuple[NDArray[Any], ...]] = []
        read = size = 0
        while lines := list(itertools.islice(self._lines, _LINES)):
            block = self._parsed(lines)
            blocks.append(block)
            size += block[-1].nbytes
            check_memory(size / share())
            read += len(lines)
            progress(f"reading {self._name}: {count(read, 'image')}")
        if not blocks:
            raise DataError(f"{self._place} has a header only: get it again.")
        if self._repeated:
            self.notes.append(
                f"The header of {self._name} is repeated: {count(self._repeated, 'line')} left out."
            )
        *texts, pixels = map(np.concatenate, zip(*blocks, strict=True))
        found = dict(zip(self._texts, texts, strict=True))
        labels = as_numbers(found[columns.label]) if columns.label is not None else pixels[:0, 0]
        if columns.one_hot:
            labels, pixels = np.split(pixels, [len(columns.one_hot)], axis=1)
            if not is_one_hot(labels):
                raise self._without_label()
            labels = named_classes(labels, [columns.names[at] for at in columns.one_hot])
        roles = None
        if columns.part is not None:
            name, words = columns.names[columns.part], found[columns.part].tolist()
            roles = roles_of(words, name, self._place)
            if roles is None and len(set(words)) > 1:
                self.notes.append(f"Column {name} of {self._name} is not used.")
        ids = None if columns.ids is None else found[columns.ids]
        return Rows(pixels.reshape(-1, *columns.shape), labels, ids, roles)

    @property
    def _lack(self) -> str:
        return "names no column of labels" if self._columns.names else "has no header"

    def _without_label(self) -> DataError:
        names = name_list([self._columns.names[at] for at in self._columns.one_hot], _LISTED)
        return DataError(
            f"{self._place} has columns beside those of pixels, {names}, and none of them is "
            "clearly that of labels: name it label in the first line."
        )

    def _images(self) -> Iterator[Line]:
        """Yield the lines after the header, without those that repeat it."""
        header = self._table.line(self._table.first)
        for at, line in self._table.after_first():
            if line.startswith(header) and line.rstrip("\r\n") == header:
                self._repeated += 1
            else:
                yield at, line

    def _parsed(self, lines: list[Line]) -> tuple[NDArray[Any], ...]:
        """Return the columns of texts `(n,)` of some lines, and their pixels `(n, k)`.

        Numbers become bytes, and from the first that does not fit on float32.

        Raises:
            DataError: one is no image.
        """
        texts = [line for _, line in lines]
        delimiters = self._width - 1
        if any(line.count(self._table.delimiter) != delimiters for line in texts):
            self._check(lines)
        pixels_at = self._columns.one_hot + self._columns.pixels
        row = [(str(at), f"U{LONGEST_LABEL + 1}") for at in self._texts]
        numbers = [("pixels", self._number, len(pixels_at))]
        try:
            table = np.loadtxt(
                texts,
                np.dtype(row + numbers) if row else self._number,
                comments=None,
                delimiter=self._table.delimiter,
                usecols=self._texts + pixels_at,
                ndmin=1 if row else 2,
                quotechar='"',
            )
        except ValueError as error:
            if self._number is np.uint8:
                self._number = np.float32
                return self._parsed(lines)
            self._check(lines)
            raise DataError(f"{self._place} is no table of numbers: check what it is.") from error
        pixels = table["pixels"] if row else table
        if not np.isfinite(pixels).all():
            self._check(lines)
        columns = [table[str(at)].copy() for at in self._texts]
        if self._columns.label is not None:
            checked_labels(columns[0].tolist(), self._place)
        return *columns, pixels.copy()

    def _check(self, lines: list[Line]) -> None:
        """Find the first cell that is wrong, and say what is.

        Raises:
            DataError: there is one.
        """
        for at, line in lines:
            cells = self._table.cells(line)
            place = f"Line {at:,} of {self._place}"
            if len(cells) != self._width:
                raise DataError(
                    f"{place} has {count(len(cells), 'column')}, and the first line has "
                    f"{self._width:,}: complete it, or delete it."
                )
            for column in sorted(self._columns.one_hot + self._columns.pixels):
                where = f"{place} has in column {self._columns.title(column)}"
                if not cells[column]:
                    raise DataError(f"{where} nothing: fill in a number, or delete the line.")
                if not is_number(cells[column]):
                    if column in self._columns.one_hot:
                        raise self._without_label()
                    comma = "with a point in place of a comma" if "," in cells[column] else "there"
                    raise DataError(
                        f"{where} {cells[column][:_LONGEST_SHOWN]!r}, which is no pixel: store a "
                        f"number {comma}, or delete the line."
                    )
