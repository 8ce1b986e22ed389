"""Tables in the format of LIBSVM and SVMlight, by scikit-learn.

A line is a label and the pixels that are not 0, each after its column: `5 153:3 154:18`. Columns
count from 1, in some files from 0, and the last are missing where they are 0 in all images: of
MNIST's 784, those of LIBSVM's site end at 780.
"""

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.config import Resize
from mnistop.engine.data.readers import kinds
from mnistop.engine.data.readers.arrays import damage_reported
from mnistop.engine.data.stored import Part, Progress, Stored, check_size, silent
from mnistop.engine.errors import DataError

_ROWS_AT_ONCE = 4096
_START = 512
_LEAST_MNIST, _MNIST = 22, 28
"""Images between these sides are taken for MNIST's, of which the last rows are black."""
_COLOUR = 3 * 32 * 32
"""Columns of CIFAR-10, which are those of no square."""


def read_svmlight(path: Path, progress: Progress = silent, resize: Resize = "off") -> Stored:
    """Return images and labels in a table, plain or as `.gz` or `.bz2`; see `kinds.Reader`.

    Raises:
        DataError: the table is damaged, or empty.
        MemoryError: the machine does not have the memory for the images.
        OSError: the file cannot be read.
    """
    progress(f"reading {path.name}")
    table, labels, start = _load(path)
    if not table.nnz:
        raise DataError(f"{path} has no images with pixels other than 0: choose another one.")
    first = _first_column(table, start)
    columns = table.shape[1] - first
    width = columns if columns == _COLOUR else _square(columns)
    note = f"The columns of {path.name} are counted from {first}"
    if width > columns:
        note += f", and {width - columns:,} pixels after the last one, {columns:,}, are taken as 0"
    images = _dense(table, first, width, str(path))
    return Stored([Part(images, labels, str(path), str(path))], str(path), notes=(f"{note}.",))


def _load(path: Path) -> tuple[Any, NDArray[Any], bytes]:
    """Return a sparse table with a column for each number from 0, the labels, and the beginning."""
    from sklearn.datasets import load_svmlight_file

    file, _ = kinds.opened(path)
    with damage_reported(path), file:
        start = file.read(_START)
    file, _ = kinds.opened(path)
    with damage_reported(path), file:
        try:
            table, labels = load_svmlight_file(file, dtype=np.float32, zero_based=True)
        except ValueError as error:
            raise DataError(
                f"{path} has a line that is not a label and column:value pairs ({error}): "
                f"correct it."
            ) from error
    return table, labels, start


def _square(columns: int) -> int:
    """Return the number of pixels of a square image whose last columns may be missing."""
    side = math.isqrt(columns - 1) + 1
    if side * side != columns and _LEAST_MNIST <= side < _MNIST:
        side = _MNIST  # few digits, or those of few classes, leave out whole rows
    return side * side


def _first_column(table: Any, start: bytes) -> int:
    """Return 0 or 1, the number of the first column."""
    if said := re.search(rb"^# Column indices are (zero|one)-based", start, re.MULTILINE):
        return 0 if said[1] == b"zero" else 1  # scikit-learn's comment
    greatest = table.shape[1] - 1
    if table.indices.min() == 0 or math.isqrt(greatest + 1) ** 2 == greatest + 1:
        return 0
    return 1


def _dense(table: Any, first: int, width: int, place: str) -> NDArray[Any]:
    """Return images `(n, width)`, as bytes if all pixels are whole numbers from 0 to 255."""
    values = table.data
    fits = values.min() >= 0 and values.max() <= 255 and np.array_equal(values, np.floor(values))
    dtype = np.dtype(np.uint8 if fits else np.float32)
    size = table.shape[0] * width * dtype.itemsize
    check_size(place, size, size, compressed=False)
    images = np.zeros((table.shape[0], width), dtype)
    for start in range(0, len(images), _ROWS_AT_ONCE):
        rows = table[start : start + _ROWS_AT_ONCE].toarray()[:, first:]
        images[start : start + _ROWS_AT_ONCE, : rows.shape[1]] = rows
    return images
