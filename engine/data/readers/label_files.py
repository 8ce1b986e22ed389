"""Tables of labels whose images are elsewhere: in an array, another table, or pictures' files.

As `labels.csv` with a label a line, `id,label`, one-hot labels, or `filename,label,split`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.data.labels import MISSING
from mnistop.engine.data.readers.columns import (
    IDS,
    INDEX,
    LABELS,
    PARTS,
    is_number,
    is_one_hot,
    named_classes,
)
from mnistop.engine.data.readers.named import role_of
from mnistop.engine.data.readers.picture_folders import is_picture
from mnistop.engine.data.readers.table_lines import TableLines
from mnistop.engine.data.stored import USES, Part
from mnistop.engine.errors import DataError, UnlabelledError
from mnistop.engine.formatting import count

LONGEST_LABEL = 64
_LONGEST_CELL = 1024
"""Characters of a cell, as of a path of a picture."""
_MOST_CELLS = 20_000_000
_LARGEST_WHOLE = 2**53


@dataclass(frozen=True, eq=False)
class LabelTable:
    """The labels in a table, and what says to which images they belong."""

    labels: NDArray[Any]
    """`(n,)`, or one-hot `(n, k)`."""
    ids: list[str] | None = None
    """The name or number of each image."""
    ids_in: str = ""
    """The name of their column."""
    roles: NDArray[np.str_] | None = None
    """`train`, `validation` or `test` for each image, `(n,)`."""

    def __getitem__(self, rows: list[int]) -> "LabelTable":
        return replace(
            self,
            labels=self.labels[rows],
            ids=None if self.ids is None else [self.ids[row] for row in rows],
            roles=None if self.roles is None else self.roles[rows],
        )


def read_label_table(lines: Iterable[str], place: str) -> LabelTable:
    """Return the labels in a table of labels.

    They are in the column with the name of labels, in the only one besides indices and names of
    files, or in all columns if these are one-hot.

    Args:
        lines: those of the table.
        place: its name in messages.

    Raises:
        DataError: it is no table, or no column is clearly that of labels.
    """
    rows = _rows(lines, place)
    names = [cell.lower() for cell in rows[0]]
    known = next((names.index(name) for name in LABELS if name in names), None)
    has_numbers = all(is_number(cell) for row in rows[1:] for cell in row if cell)
    ids = next((at for at, cell in enumerate(rows[-1]) if is_picture(cell)), None)
    if ids is None:
        ids = next((at for at, name in enumerate(names) if name and IDS.fullmatch(name)), None)
    has_names = (
        known is not None
        or (ids is not None and not is_picture(names[ids]))
        or (has_numbers and not all(map(is_number, names)))
    )
    if not has_names:
        used = [at for at in range(len(names)) if at != ids]
        labels = _labels(rows, used, [], place)
        return LabelTable(labels, None if ids is None else [row[ids] for row in rows])
    if ids is None and len(names) > 1:
        ids = next((at for at, name in enumerate(names) if INDEX.fullmatch(name)), None)
    part = next((at for at, name in enumerate(names) if PARTS.fullmatch(name)), None)
    used = [] if known is None else [known]
    if known is None:
        used = [
            at
            for at, name in enumerate(names)
            if at != ids and not any(each.fullmatch(name) for each in (INDEX, IDS, PARTS))
        ]
    if len(names) == 1 and len({row[0] for row in rows}) < len(rows):
        ids, used = None, [0]  # a column called name, but of classes
    headers = rows[0]
    rows = [row for row in rows if row != headers]
    return LabelTable(
        _labels(rows, used, headers, place),
        None if ids is None or ids == known else [row[ids] for row in rows],
        names[ids] if ids is not None else "",
        None if part is None else roles_of([row[part] for row in rows], headers[part], place),
    )


def _rows(lines: Iterable[str], place: str) -> list[list[str]]:
    """Return the cells of each line of a table of labels."""
    table = TableLines(lines, place)
    rows: list[list[str]] = []
    for at, line in table:
        row = table.cells(line)
        if len(row) != len(table.first):
            raise DataError(
                f"Line {at:,} of {place} has {count(len(row), 'column')}, and the first line has "
                f"{len(table.first):,}: complete it, or delete it."
            )
        if len(rows) * len(row) > _MOST_CELLS:
            raise DataError(
                f"{place} has more than {_MOST_CELLS:,} cells: keep its columns of labels only."
            )
        if max(map(len, row)) > _LONGEST_CELL:
            raise DataError(
                f"Line {at:,} of {place} has a cell of more than {_LONGEST_CELL:,} characters, "
                "which is no label: check what it is."
            )
        rows.append(row)
    return rows


def _labels(rows: list[list[str]], used: list[Any], names: list[str], place: str) -> NDArray[Any]:
    """Return the labels in some columns: `(n,)`, or one-hot `(n, k)`."""
    if not rows:
        raise DataError(f"{place} has a header only: get it again.")
    if not used:
        raise UnlabelledError(
            f"{place} has no column of labels: name it label in the first line, or name another "
            "file."
        )
    if len(used) == 1:
        return as_numbers(checked_labels([row[used[0]] for row in rows], place))
    if all(is_number(row[at]) for row in rows for at in used):
        ones = np.array([[row[at] for at in used] for row in rows], np.float64)
        if is_one_hot(ones):
            return named_classes(ones, [names[at] for at in used] if names else [])
    raise DataError(
        f"{place} has {count(len(rows[0]), 'column')}, and none of them is clearly that of labels: "
        "add a first line with the names of the columns, and name the labels label."
    )


def checked_labels(labels: list[str], place: str) -> NDArray[np.str_]:
    """Return labels as an array.

    Raises:
        DataError: one is longer than the name of a class.
    """
    if max(map(len, labels)) > LONGEST_LABEL:
        raise DataError(
            f"{place} has a label of more than {LONGEST_LABEL} characters: check which column has "
            "the labels, and name it label."
        )
    return np.array(labels, str)


def as_numbers(labels: NDArray[np.str_]) -> NDArray[Any]:
    """Return labels as numbers if all of them are, with NaN for those that are missing.

    They are whole unless one is missing, or none of a class.
    """
    missing = np.isin(labels, MISSING)
    try:
        numbers = np.where(missing, "nan", labels).astype(np.float64)
    except ValueError:
        return labels
    there = numbers[~missing]
    if not np.all(np.abs(there) < _LARGEST_WHOLE):
        return labels
    is_whole = np.array_equal(there, np.floor(there)) and not missing.any()
    return numbers.astype(np.int64) if is_whole else numbers


def roles_of(values: Sequence[str], column: str, place: str) -> NDArray[np.str_] | None:
    """Return what images are for by the words in a column, as `Training` or `test`.

    FER-2013's `PublicTest` is for validation, beside `PrivateTest`. None if no word is for
    training, as the numbers of folds, or if all are for the same.

    Args:
        values: the words.
        column: the name of the column.
        place: that of its table in messages.

    Raises:
        DataError: some are for training, and others for nothing.
    """
    different, places = np.unique(values, return_inverse=True)
    words = [re.sub(r"([a-z])([A-Z])", r"\1 \2", word) for word in different.tolist()]
    roles = [role_of(word) for word in words]
    if "Private Test" in words and "Public Test" in words:
        roles[words.index("Public Test")] = "validation"
    if "train" not in roles or len(set(roles)) < 2:
        return None
    if None in roles:
        raise DataError(
            f"Column {column} of {place} has {words[roles.index(None)]!r} beside words for "
            "training or test: write train, validation or test, or rename the column."
        )
    return np.array(roles, str)[places]


def by_role(part: Part, roles: NDArray[np.str_] | None) -> list[Part]:
    """Return the images of a part divided by what each is for, or all if nothing says so."""
    if roles is None or len(roles) != len(part):
        return [part]
    parts = []
    for role in USES:
        rows = roles == role
        if rows.any():
            parts.append(
                replace(part, images=part.images[rows], labels=part.labels[rows], role=role)
            )
    return parts


def in_order(
    table: LabelTable, images: int, image_ids: NDArray[np.str_] | None, place: str
) -> tuple[LabelTable, str]:
    """Return labels in the order of their images, and a sentence on what was decided.

    Args:
        table: the labels.
        images: the number of images.
        image_ids: the names of the images, in their order, if they have some.
        place: the name of the table.

    Raises:
        DataError: the labels are those of other images, or their order is not clear.
    """
    if table.ids is None:
        return _without_header(table, images, place)
    column = f"column {table.ids_in}" if table.ids_in else "first column"
    sorted_note = f"The labels in {place} are put in the order of the images by its {column}."
    ids = [one[: LONGEST_LABEL + 1].removesuffix(".0") for one in table.ids]
    known = [] if image_ids is None else image_ids.tolist()
    common = set(known) & set(ids)
    if common and len(set(ids)) < len(set(table.ids)):
        raise DataError(
            f"The {column} of {place} has names of which the first {LONGEST_LABEL} characters are "
            "the same: shorten them in both files, as to those of the pictures alone."
        )
    if known == ids:
        return table, ""
    if common and not _counts(known):
        if len(common) < len(known) or len(set(ids)) < len(ids):
            raise DataError(
                f"The {column} of {place} names other images than those given, or some twice: use "
                "two files that belong together."
            )
        rows = {one: at for at, one in enumerate(ids)}
        return table[[rows[one] for one in known]], sorted_note
    numbers = [int(one) for one in ids if one.isdecimal()]
    if ids == sorted(ids) or (len(numbers) == len(ids) and numbers == sorted(numbers)):
        return table, ""
    if len(numbers) == len(ids) == images and _counts(sorted(map(int, ids))):
        if INDEX.fullmatch(table.ids_in):
            raise DataError(
                f"The rows of {place} are not in the order of its index, and it is not clear in "
                "which the images are: sort its rows as the images are, and delete the index."
            )
        rows_in_order = sorted(range(len(numbers)), key=numbers.__getitem__)
        return table[rows_in_order], sorted_note
    return table, f"The {column} of {place} is not used: labels are in the order of its rows."


def _without_header(table: LabelTable, images: int, place: str) -> tuple[LabelTable, str]:
    """Return labels without the first one if it is that of no other image, and one too many."""
    labels = table.labels
    if labels.dtype.kind != "U" or len(labels) != images + 1 or labels[0] in labels[1:]:
        return table, ""
    return replace(table, labels=labels[1:]), f"The first line of {place} is taken for a header."


def _counts(numbers: Sequence[Any]) -> bool:
    """Return whether numbers or texts count from 0 or 1."""
    texts = [str(number) for number in numbers]
    return any(texts == [str(start + at) for at in range(len(texts))] for start in (0, 1))
