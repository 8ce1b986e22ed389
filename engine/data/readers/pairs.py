"""Images and labels in two files, of whatever kinds: arrays, IDX, CSV, labels one a line."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from mnistop.engine.data.readers import families, kinds, tables
from mnistop.engine.data.readers.idx import read_idx
from mnistop.engine.data.readers.idx_sets import IdxSet, is_test, labels_beside
from mnistop.engine.data.readers.label_files import by_role, in_order
from mnistop.engine.data.readers.named import align
from mnistop.engine.data.stored import Part, Role, Stored, join
from mnistop.engine.errors import DataError


@dataclass(frozen=True)
class Files:
    """A file of images and that of their labels."""

    images: Path
    labels: Path
    role: Role = "train"


def read_idx_set(found: IdxSet) -> Stored:
    """Read a data set of IDX files; for the errors see `read_pairs`."""
    return read_pairs(
        [
            Files(images, labels_beside(images), "test" if is_test(images) else "train")
            for images in found.images
        ]
    )


def read_pairs(pairs: Sequence[Files], was_in_order: bool = True) -> Stored:
    """Read a data set of which each part is in two files.

    Args:
        pairs: the parts, one or more.
        was_in_order: see `Stored.was_in_order`.

    Raises:
        DataError: a file is damaged, or has something else.
        OSError: one cannot be read.
    """
    parts, notes = [], []
    for pair in pairs:
        rows = tables.read_images(pair.images) if _is_table(pair.images) else None
        images, roles = rows.images if rows else read_array(pair.images), None
        if _is_table(pair.labels):
            found = tables.read_labels(pair.labels)
            ids = rows.ids if rows else None
            found, note = in_order(found, len(images), ids, pair.labels.name)
            labels, roles = found.labels, found.roles
            notes.append(note)
        else:
            labels = read_array(pair.labels)
        if "idx2-int" in pair.labels.name:
            labels = families.digits_of_qmnist(labels)
            notes.append("QMNIST's labels have eight columns: the first is the digit.")
        images, labels, note = align(images, labels, pair.images.name)
        notes.append(note)
        part = Part(images, labels, str(pair.images), str(pair.labels), pair.role)
        parts += by_role(part, roles)
    first = pairs[0].images
    stored = Stored(
        parts,
        str(first),
        _names_beside(first),
        notes=tuple(filter(None, notes)),
        was_in_order=was_in_order,
        settle=families.settle,
    )
    return join([stored], " and ".join(str(pair.images) for pair in pairs))


def _is_table(path: Path) -> bool:
    """Return whether a file is a table of text, or another text."""
    kind = kinds.kind_of(path)
    return kind is not None and (kind == kinds.TEXT or kind.reader == kinds.CSV.reader)


def read_array(path: Path) -> NDArray[Any]:
    """Return the only array in a file."""
    read = kinds.array_reader_of(path) or read_idx
    return read(path)


def _names_beside(images: Path) -> tuple[str, ...] | None:
    """Return the lines of `classes.txt` in the folder of an images file."""
    path = images.with_name("classes.txt")
    if not path.is_file():
        return None
    try:
        lines = path.read_text("utf-8-sig").strip().splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not a text in UTF-8: save it as one.") from error
    if not all(line.strip() for line in lines):
        raise DataError(f"{path} has an empty line: give one class name a line.")
    return tuple(line.strip() for line in lines)
