"""CSV files, plain or packed, as Kaggle has MNIST."""

import re
from pathlib import Path

from mnistop.engine.config import Resize
from mnistop.engine.data.readers import families
from mnistop.engine.data.readers.label_files import LabelTable, by_role, read_label_table
from mnistop.engine.data.readers.listed_pictures import check_folders, read_listed
from mnistop.engine.data.readers.opening import opened_text
from mnistop.engine.data.readers.table import Rows, Table
from mnistop.engine.data.stored import Part, Progress, Stored, silent
from mnistop.engine.errors import DataError


def read_csv(path: Path, progress: Progress, resize: Resize) -> Stored:
    """Read images and labels in a CSV file, plain or packed, or the pictures that it names.

    Raises:
        UnlabelledError: no column has the labels.
        DataError: it is damaged, a line is no image, or a picture cannot be read.
        OSError: it cannot be read.
    """
    with opened_text(path) as (text, share):
        table = Table(text, path.name, str(path))
        if table.names_pictures:
            return read_listed(read_labels(path), path, path.parent, progress, resize)
        rows = table.read(share, progress)
    parts = by_role(Part(rows.images, rows.labels, str(path), str(path)), rows.roles)
    return Stored(parts, str(path), notes=tuple(table.notes), settle=families.settle)


def read_images(path: Path) -> Rows:
    """Read the images in a CSV file without labels; for the errors see `read_csv`."""
    with opened_text(path) as (text, share):
        return Table(text, path.name, str(path)).read_images(share, silent)


def read_labels(path: Path) -> LabelTable:
    """Read the labels in a CSV file without images; for the errors see `read_csv`."""
    with opened_text(path) as (text, _):
        return read_label_table(text, str(path))


def check_agrees(path: Path, folder: Path) -> None:
    """Check that a CSV file does not give other classes to pictures than their folders do.

    Args:
        path: the file, which may be about anything.
        folder: the folder that has folders of pictures.

    Raises:
        DataError: it does.
    """
    if not names_pictures(path):
        return
    try:
        table = read_labels(path)
    except DataError:
        return
    check_folders(table, path, folder)


def is_table(name: str) -> bool:
    """Return whether a file is a table by its name."""
    return re.search(r"\.[ct]sv(\.gz|\.bz2)?$", name.lower()) is not None


def has_images(path: Path) -> bool:
    """Return whether a CSV file is clearly a table of images, by its first line."""
    table = _begun(path)
    return table is not None and table.is_of_images


def names_pictures(path: Path) -> bool:
    """Return whether a CSV file has names of pictures, by its first lines."""
    table = _begun(path)
    return table is not None and table.names_pictures


def _begun(path: Path) -> Table | None:
    """Return a table of which only the first lines are read; None if it is no table."""
    try:
        with opened_text(path) as (text, _):
            return Table(text, path.name, str(path))
    except DataError:
        return None
