"""ARFF tables, the format of Weka and OpenML: a header of attributes, then a table with commas.

https://waikato.github.io/weka-wiki/formats_and_processing/arff_stable
"""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mnistop.engine.config import Resize
from mnistop.engine.data.readers.label_files import as_numbers, by_role
from mnistop.engine.data.readers.opening import opened_text
from mnistop.engine.data.readers.table import Table
from mnistop.engine.data.stored import Part, Progress, Stored, silent
from mnistop.engine.errors import DataError

_ATTRIBUTE = re.compile(
    r"@attribute\s+(?P<name>'[^']*'|\"[^\"]*\"|\S+)\s+(?P<type>.+)", re.IGNORECASE
)
_MISSING = "?"
_NUMBERS = re.compile(r"numeric|real|integer", re.IGNORECASE)


def read_arff(path: Path, progress: Progress = silent, resize: Resize = "off") -> Stored:
    """Return images and labels in an ARFF table, plain or packed; see `kinds.Reader`.

    The labels are in the only attribute that is no number, or else in one that is called so.

    Raises:
        DataError: the table is damaged, sparse, or has no attribute of labels.
        MemoryError: the machine does not have the memory for the images.
        OSError: the file cannot be read.
    """
    with opened_text(path) as (lines, share):
        header, names = _header(lines, path)
        table = Table(_as_csv(header, lines, path), path.name, str(path))
        rows = table.read(share, progress)
    labels = rows.labels
    if labels.dtype.kind == "U":
        labels = as_numbers(np.where(labels == _MISSING, "", labels))
    part = Part(rows.images, labels, str(path), f"the labels of {path}")
    return Stored(by_role(part, rows.roles), str(path), names, notes=tuple(table.notes))


def _header(lines: Iterator[str], path: Path) -> tuple[list[str], tuple[str, ...] | None]:
    """Return the lines of the header as CSV, and the names of classes that are no numbers."""
    columns, texts, read = [], [], 0
    for line in lines:
        read += 1
        if line.lower().startswith("@data"):
            break
        if match := _ATTRIBUTE.match(line.strip()):
            columns.append(match["name"].strip("'\""))
            if not _NUMBERS.match(match["type"]):
                texts.append((len(columns) - 1, match["type"]))
    else:
        raise DataError(f"{path} is cut off: it has no line @data; get it again.")
    names = None
    if len(texts) == 1:
        [(at, values)] = texts
        columns[at] = "label"
        if values.startswith("{"):
            [cells] = csv.reader([values.strip("{} \t")], quotechar="'", skipinitialspace=True)
            names = tuple(cell.strip() for cell in cells)
    row = io.StringIO()
    csv.writer(row, lineterminator="\n").writerow(columns)
    return [row.getvalue(), *["\n"] * (read - 1)], names


def _as_csv(header: list[str], lines: Iterator[str], path: Path) -> Iterator[str]:
    yield from header
    for line in lines:
        if line.startswith("{"):
            raise DataError(
                f"{path} is a sparse ARFF table, which is not read: save it as a dense one, or as "
                f"a LIBSVM table."
            )
        yield "\n" if line.startswith("%") else line.replace("'", '"')
