"""Tables in the format of LIBSVM and SVMlight, by scikit-learn.

A line is a label and the pixels that are not 0, each after its column: `5 153:3 154:18`. Columns
count from 1, in some files from 0, and the last are missing where they are 0 in all images: of
MNIST's 784, those of LIBSVM's site end at 780 in the training part, and at 778 in the test part.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.config import Resize
from mnistop.engine.data.readers.opening import START, check_size, damage_reported, opened
from mnistop.engine.data.stored import Part, Progress, Stored, silent
from mnistop.engine.errors import DataError

_ROWS_AT_ONCE = 4096
_COMMENT = re.compile(rb"^# Column indices are (zero|one)-based", re.MULTILINE)
"""As scikit-learn writes it above a table."""
_LEAST_MNIST, _MNIST = 22, 28
"""Images between these sides are taken for MNIST's, of which the last rows are black."""
_COLOUR = 3 * 32 * 32
"""Columns of CIFAR-10, which are those of no square."""


class _Stated(NamedTuple):
    """The columns of a table, before it is known which is the first."""

    comment: str
    """`zero` or `one` where scikit-learn has written the number of the first column; else empty."""
    first: int
    """The least number of a column, whatever is in it."""
    last: int


def read_svmlight(path: Path, progress: Progress = silent, resize: Resize = "off") -> Stored:
    """Return images and labels in a table, plain or as `.gz` or `.bz2`; see `kinds.Reader`.

    Raises:
        DataError: the table is damaged, or empty.
        MemoryError: the machine does not have the memory for the images.
        OSError: the file cannot be read.
    """
    progress(f"reading {path.name}")
    table, labels, comment = _load(path)
    if not table.nnz:
        raise DataError(f"{path} has no images with pixels other than 0: choose another one.")
    part = Part(_dense(table, str(path)), labels, str(path), str(path))
    stated = _Stated(comment, int(table.indices.min()), table.shape[1] - 1)
    return Stored([part], str(path), settle=_settle, stated=stated)


def _load(path: Path) -> tuple[Any, NDArray[Any], str]:
    """Return a sparse table with a column for each number from 0, the labels, and the comment."""
    from sklearn.datasets import load_svmlight_file

    file, _ = opened(path)
    with damage_reported(path), file:
        comment = _COMMENT.search(file.read(START))
    file, _ = opened(path, is_kept=True)
    with damage_reported(path), file:
        try:
            table, labels = load_svmlight_file(file, dtype=np.float32, zero_based=True)
        except ValueError as error:
            raise DataError(
                f"{path} has a line that is not a label and column:value pairs ({error}): "
                f"correct it."
            ) from error
    return table, labels, comment[1].decode() if comment else ""


def _dense(table: Any, place: str) -> NDArray[Any]:
    """Return images `(n, columns)` and more columns of 0, enough for a square.

    They are bytes if all pixels are whole numbers from 0 to 255.
    """
    values = table.data
    fits = values.min() >= 0 and values.max() <= 255 and np.array_equal(values, np.floor(values))
    dtype = np.dtype(np.uint8 if fits else np.float32)
    width = 1 + _image_size(table.shape[1])
    size = table.shape[0] * width * dtype.itemsize
    check_size(place, size, size, compressed=False)
    images = np.zeros((table.shape[0], width), dtype)
    for start in range(0, len(images), _ROWS_AT_ONCE):
        rows = table[start : start + _ROWS_AT_ONCE].toarray()
        images[start : start + _ROWS_AT_ONCE, : rows.shape[1]] = rows
    return images


def _settle(files: Sequence[Stored]) -> list[Stored]:
    """Cut the columns of all files alike: the first of them, and the size of an image."""
    stated: list[_Stated] = [file.stated for file in files]
    comments = [each.comment for each in stated if each.comment]
    if comments:
        first, why = (0 if "zero" in comments else 1), "as a comment says"
    elif any(each.first == 0 for each in stated):
        first, why = 0, "as there is a column 0"
    else:
        first, why = 1, "as is usual"
    columns = max(each.last for each in stated) + 1 - first
    size = _image_size(columns)
    note = f"The columns of the LIBSVM table are counted from {first}, {why}."
    if not comments and first:
        note += " If yours begin at 0, make # Column indices are zero-based its first line."
    if size > columns:
        note += f" {size - columns:,} pixels after the last one, {columns:,}, are taken as 0."
    dtype = np.result_type(*(file.parts[0].images for file in files))
    settled = []
    for file in files:
        images = file.parts[0].images[:, first : first + size].astype(dtype, copy=False)
        if images.shape[1] < size:
            images = np.pad(images, [(0, 0), (0, size - images.shape[1])])
        settled.append(replace(file, parts=[replace(file.parts[0], images=images)], notes=(note,)))
    return settled


def _image_size(columns: int) -> int:
    """Return the number of pixels of a square image whose last columns may be missing."""
    if columns == _COLOUR:
        return columns
    side = math.isqrt(columns - 1) + 1
    if side * side != columns and _LEAST_MNIST <= side < _MNIST:
        side = _MNIST  # few digits, or those of few classes, leave out whole rows
    return side * side
