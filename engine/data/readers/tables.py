"""CSV files, plain or gzipped, in a folder or in a zip archive, as Kaggle has MNIST."""

import codecs
import gzip
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader, TextIOWrapper
from pathlib import Path

import numpy as np

from mnistop.engine.config import Resize
from mnistop.engine.data.readers import families
from mnistop.engine.data.readers.label_files import (
    LabelTable,
    by_role,
    in_order,
    read_label_table,
)
from mnistop.engine.data.readers.named import pairs_in, role_of
from mnistop.engine.data.readers.opening import check_size, opened
from mnistop.engine.data.readers.table import Rows, Share, Table
from mnistop.engine.data.readers.table_lines import bounded
from mnistop.engine.data.stored import Part, Progress, Role, Stored, silent
from mnistop.engine.errors import DataError


@dataclass(frozen=True)
class _File:
    """A table, wherever it is stored."""

    name: str
    place: str
    """Its name in messages."""
    open: Callable[[], tuple[BufferedReader | zipfile.ZipExtFile, Share]]
    """Opens it, and returns what returns the share that has been read besides."""
    role: Role = "train"


def read_csv(path: Path, progress: Progress, resize: Resize) -> Stored:
    """Read images and labels in a CSV file, plain or gzipped.

    Raises:
        DataError: it is damaged, a line is no image, or no column has the labels.
        OSError: it cannot be read.
    """
    return _read([_on_disk(path, "train")], path, [], progress)


def read_folder(folder: Path, progress: Progress) -> Stored | None:
    """Read the CSV files in a folder, None without any; for the errors see `read_csv`."""
    tables = [path.name for path in sorted(folder.iterdir()) if is_table(path.name)]
    if not tables:
        return None
    stems = {name.partition(".")[0]: folder / name for name in tables}
    if pairs := pairs_in(stems):
        parts, notes = [], []
        for pair in pairs:
            images, labels = stems[pair.images], stems[pair.labels]
            progress(f"reading {images.name}")
            found, note = labelled(read_images(images), images, labels, pair.role)
            parts += found
            notes += note
        return Stored(parts, str(folder), notes=tuple(notes))
    chosen, left_out = _chosen(
        tables,
        folder,
        f"name one, such as {folder / tables[0]}, or images and labels, as IMAGES,LABELS",
    )
    files = [_on_disk(folder / name, role) for name, role in chosen]
    return _read(files, folder, left_out, progress)


def read_images(path: Path) -> Rows:
    """Read the images in a CSV file without labels; for the errors see `read_csv`."""
    file = _on_disk(path, "train")
    with _text_of(file) as (text, share):
        return Table(text, file.name, file.place).read_images(share, silent)


def read_labels(path: Path) -> LabelTable:
    """Read the labels in a CSV file without images; for the errors see `read_csv`."""
    with _text_of(_on_disk(path, "train")) as (text, _):
        return read_label_table(text, str(path))


def labelled(
    images: Rows, images_path: Path, labels_path: Path, role: Role
) -> tuple[list[Part], list[str]]:
    """Return images with the labels in a CSV file, and sentences on what was decided.

    Raises:
        DataError: the labels are those of other images, and as of `read_csv`.
        OSError: it cannot be read.
    """
    labels = read_labels(labels_path)
    labels, note = in_order(labels, len(images.images), images.ids, labels_path.name)
    part = Part(images.images, labels.labels, str(images_path), str(labels_path), role)
    return by_role(part, labels.roles), [note] if note else []


def read_zip(path: Path, progress: Progress, resize: Resize) -> Stored:
    """Read the CSV files in a zip archive; for the errors see `read_csv`."""
    with _damage_reported(str(path)), zipfile.ZipFile(path) as archive:
        names = sorted(filter(is_table, archive.namelist()), key=lambda name: -name.count("/"))
        tables = sorted({Path(name).name: name for name in names}.values())  # Kaggle has some twice
        chosen, left_out = _chosen(tables, path, "unpack it and name one")

        def member(name: str, role: Role) -> _File:
            entry, place = archive.getinfo(name), f"{name} in {path}"
            check_size(place, entry.file_size, entry.compress_size, True)

            def open_member() -> tuple[BufferedReader | zipfile.ZipExtFile, Share]:
                file = archive.open(entry)
                assert isinstance(file, zipfile.ZipExtFile)
                return file, lambda: file.tell() / entry.file_size

            return _File(name, place, open_member, role)

        return _read([member(*each) for each in chosen], path, left_out, progress)


def is_table(name: str) -> bool:
    """Return whether a file is a table by its name."""
    name = name.lower()
    is_hidden = "__macosx" in name or name.rpartition("/")[2].startswith(".")
    return not is_hidden and name.removesuffix(".gz").endswith((".csv", ".tsv"))


def _on_disk(path: Path, role: Role) -> _File:
    return _File(path.name, str(path), lambda: opened(path), role)


def _chosen(
    names: Sequence[str], place: Path, remedy: str
) -> tuple[list[tuple[str, Role]], list[str]]:
    """Return the tables of a data set in the order of its parts, and the names of the others."""
    if len(names) == 1:
        return [(names[0], "train")], []
    roles = {name: role_of(Path(name).name) for name in names}
    sets = {_set_of(name) for name, role in roles.items() if role == "train"}
    if len(sets) != 1:
        what = f"{len(sets)} data sets" if sets else "none of them with train in its name"
        raise DataError(f"{place} has {len(names)} CSV tables, {what}: {remedy}.")
    order: tuple[Role, ...] = ("train", "validation", "test")
    chosen = [
        (name, wanted)
        for wanted in order
        for name, role in roles.items()
        if role == wanted and _set_of(name) in sets
    ]
    return chosen, sorted(set(names) - {name for name, _ in chosen})


def _set_of(name: str) -> str:
    """Return the words of a file's name without that for the part of a data set."""
    words = re.findall(r"[^\W_]+", Path(name).name.lower().removesuffix(".gz"))
    return " ".join(word for word in words if not role_of(word))


@contextmanager
def _text_of(file: _File) -> Iterator[tuple[Iterator[str], Share]]:
    """Open a table, and return what returns the share that has been read besides."""
    with _damage_reported(file.place):
        raw, share = file.open()
        is_utf_16 = raw.peek(2)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        with TextIOWrapper(raw, "utf-16" if is_utf_16 else "utf-8-sig") as text:
            yield bounded(text, file.place), share


@contextmanager
def _damage_reported(place: str) -> Iterator[None]:
    try:
        yield
    except EOFError as error:
        raise DataError(f"{place} is cut off: get it again.") from error
    except (gzip.BadGzipFile, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{place} is damaged: get it again.") from error
    except (RuntimeError, NotImplementedError) as error:
        raise DataError(
            f"{place} has a password, or is packed in an unusual way: unpack it, and name the file."
        ) from error
    except UnicodeDecodeError as error:
        raise DataError(f"{place} is not a text in UTF-8: save it as CSV in UTF-8.") from error


def _read(files: list[_File], path: Path, left_out: list[str], progress: Progress) -> Stored:
    notes: list[str] = []
    parts: list[Part] = []
    for file in files:
        with _text_of(file) as (text, share):
            table = Table(text, file.name, file.place)
            if table.lacks_labels and file.role == "test":
                notes.append(f"{file.name} has no labels, and is left out.")
                continue
            rows = table.read(share, progress)
        part = Part(rows.images, rows.labels, file.place, file.place, file.role)
        parts += by_role(part, rows.roles)
        notes += table.notes
    if left_out:
        few = ", ".join(left_out[:3]) + (", …" if len(left_out) > 3 else "")
        notes.append(f"Other tables are left out: {few}.")
    first = Path(files[0].name)
    if emnist := families.emnist_set(first):
        parts, changes = families.emnist_upright(parts, emnist == "letters")
        notes += changes
    names = families.class_names(path / first, np.concatenate([part.labels for part in parts]))
    return Stored(parts, str(path), names, notes=tuple(notes))
