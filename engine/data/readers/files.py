"""The files of a path: a file, a pair of files, or a folder; who reads what is in them."""

import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.config import Resize
from mnistop.engine.data.readers import arrays, families, kinds, picture_folders, shards, tables
from mnistop.engine.data.readers.idx import read_idx
from mnistop.engine.data.readers.idx_sets import find_set, is_test, labels_beside
from mnistop.engine.data.readers.named import align
from mnistop.engine.data.stored import Part, Progress, Role, Stored, join, silent
from mnistop.engine.errors import DataError

_EXAMINED = 100
"""The most files examined to describe a folder."""


def read_path(source: str, progress: Progress = silent, resize: Resize = "off") -> Stored:
    """Read the images and labels at a path, or at two separated by a comma.

    Args:
        source: the path or the two.
        progress: called with a line to show, as often as there is a new one.
        resize: the size to which pictures are resized that have not all the same.

    Raises:
        DataError: there is no such file, or nothing to train on in it.
        OSError: something cannot be read.
    """
    path = _path(source)
    if found := find_set(path):
        return _read_pairs([(images, labels_beside(images)) for images in found.images])
    if path.is_dir():
        return _read_folder(path, progress, resize)
    if not path.exists() and source.count(",") == 1:
        images, labels = (_existing(_path(name.strip())) for name in source.split(","))
        return _read_pairs([(images, labels)])
    read = kinds.reader_of(_existing(path))
    stored = read(path, progress, resize) if read else None
    return join([stored], stored.provenance) if stored else _read_pairs([(path, _labels_of(path))])


def _read_folder(folder: Path, progress: Progress, resize: Resize) -> Stored:
    """Read what a folder without IDX files has."""
    stored = (
        picture_folders.read_folder(folder, progress, resize)
        or tables.read_folder(folder, progress)
        or arrays.read_folder(folder, progress)
        or shards.read_folder(folder, progress, resize)
    )
    if stored:
        return stored
    raise DataError(_without_data(folder))


def _labels_of(path: Path) -> Path:
    """Return `labels_beside` for a file named by the user, which may be something else."""
    try:
        return labels_beside(path)
    except DataError:
        if _read_array(path).ndim == 1:
            raise DataError(
                f"{path} holds labels or a plain list of numbers, not images: name the images, or "
                f"both files, as IMAGES,LABELS."
            ) from None
        raise


def _without_data(folder: Path) -> str:
    """Describe a folder with nothing that can be read, by the first files below it."""
    start = f"{folder} has neither IDX files nor CSV tables nor folders of pictures"
    found = None
    below = (Path(place, name) for place, _, names in os.walk(folder) for name in sorted(names))
    for path in itertools.islice(below, _EXAMINED):
        if not found and path.is_file():
            kind = kinds.kind_of(path)
            found = (path, kind) if kind and kind != kinds.TEXT else None
    if not found:
        return f"{start}: name a folder that has such, or a file."
    path, kind = found
    if kind.remedy == kinds.PICTURES:
        return (
            f"{folder} has pictures, such as {path.relative_to(folder)}, but not in folders of two "
            f"classes or more: {kind.remedy}."
        )
    return (
        f"{start}, and {path.relative_to(folder)} in it is {kind.name}: {kinds.remedy(kind, path)}."
    )


def _read_pairs(pairs: list[tuple[Path, Path]]) -> Stored:
    parts: list[Part] = []
    notes: list[str] = []
    for images_path, labels_path in pairs:
        images = _read_array(images_path, tables.read_images)
        labels = _read_array(labels_path, tables.read_labels)
        if "idx2-int" in labels_path.name:
            labels = families.digits_of_qmnist(labels)
            notes = ["QMNIST's labels have eight columns: the first is the digit."]
        images, labels, moved = align(images, labels, str(images_path))
        notes += [moved] if moved else []
        role: Role = "test" if is_test(images_path) else "train"
        parts.append(Part(images, labels, str(images_path), str(labels_path), role))
    first, _ = pairs[0]
    if emnist := families.emnist_set(first):
        parts, notes = families.emnist_upright(parts, emnist == "letters")
    names = _names_beside(first)
    if names is None and all(part.labels.ndim == 1 for part in parts):
        names = families.class_names(first, np.concatenate([part.labels for part in parts]))
    provenance = " and ".join(str(images) for images, _ in pairs)
    return Stored(parts, provenance, names, notes=tuple(notes), was_in_order=True)


def _read_array(
    path: Path, read_text: Callable[[Path], NDArray[Any]] | None = None
) -> NDArray[Any]:
    """Return the only array in a file; a text is read by a function, if there is one."""
    kind = kinds.kind_of(path) if read_text else None
    if read_text and kind and (kind == kinds.TEXT or kind.reader == kinds.CSV.reader):
        return read_text(path)
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


def _path(name: str) -> Path:
    try:
        return Path(name).expanduser()
    except RuntimeError as error:
        raise DataError(f"There is no home folder for {name}: check the path.") from error


def _existing(path: Path) -> Path:
    if not path.exists():
        raise DataError(f"There is no file or folder {path}: check the path.")
    if not path.is_file():
        raise DataError(f"{path} is not a regular file: name a file of images.")
    return path
