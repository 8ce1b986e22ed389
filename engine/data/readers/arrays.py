"""NumPy's files of arrays, read without unpickling anything."""

import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.config import Resize
from mnistop.engine.data.readers import kinds
from mnistop.engine.data.readers.named import lone_array, parts_of
from mnistop.engine.data.readers.opening import check_size, damage_reported
from mnistop.engine.data.stored import Progress, Stored, silent
from mnistop.engine.errors import DataError


def read_npz(path: Path, progress: Progress = silent, resize: Resize = "off") -> Stored | None:
    """Return images and labels in an `.npz`; None for an `.npy` or a file with a single array.

    Raises:
        DataError: the file is damaged, or has no arrays of known names.
        OSError: the file cannot be read.
    """
    if _is_npy(path):
        return None
    with _opened(path) as archive:
        members = _members(archive, path)
        if len(members) == 1:
            return None
        class_names = _class_names(archive, path) if "class_names" in members else None
        arrays = {
            name: partial(_read_member, archive, name, path)
            for name in members
            if name != "class_names"
        }
        parts, notes = parts_of(arrays, str(path), progress)
    return Stored(parts, str(path), class_names, notes=tuple(notes), was_in_order=True)


def has_one_array(path: Path) -> bool:
    """Return whether a file of NumPy is an `.npy`, or an `.npz` with a single array."""
    if not zipfile.is_zipfile(path):
        return _is_npy(path)
    with damage_reported(path), zipfile.ZipFile(path) as archive:
        return len(archive.namelist()) == 1


def read_lone_array(path: Path) -> NDArray[Any]:
    """Return the array in an `.npy`, or in an `.npz` with a single array.

    Raises:
        DataError: the file is damaged, or has several arrays.
        OSError: the file cannot be read.
    """
    if _is_npy(path):
        with damage_reported(path), path.open("rb") as file:
            return _read_npy(file, path.stat().st_size, str(path))
    with _opened(path) as archive:
        names = _members(archive, path)
        return lone_array({n: partial(_read_member, archive, n, path) for n in names}, str(path))


def _is_npy(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(6)
    if not start:
        raise DataError(f"{path} is empty: get it again.")
    return start == b"\x93NUMPY"


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    with damage_reported(path):
        is_archive = zipfile.is_zipfile(path)
    if not is_archive:
        kind = kinds.kind_of(path)
        if kind and kind not in (kinds.TEXT, kinds.NUMPY):
            raise DataError(kinds.sentence(path))
        raise DataError(
            f"{path} is not an .npz file, or is cut off: get it again, or save it with numpy.savez."
        )
    with damage_reported(path), zipfile.ZipFile(path) as archive:
        yield archive


def _members(archive: zipfile.ZipFile, path: Path) -> list[str]:
    names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
    if not names:
        raise DataError(f"{path} has no arrays of NumPy: check what it is.")
    return names


def _read_member(
    archive: zipfile.ZipFile, name: str, path: Path, content: str = "numbers"
) -> NDArray[Any]:
    entry = archive.getinfo(f"{name}.npy")
    with archive.open(entry) as file:
        return _read_npy(file, entry.file_size, f"{name} in {path}", content, entry.compress_size)


def _read_npy(
    file: IO[bytes], size: int, place: str, content: str = "numbers", stored: int | None = None
) -> NDArray[Any]:
    version = np.lib.format.read_magic(file)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[version]
    shape, _, dtype = read_header(file)
    if dtype.hasobject:
        raise DataError(
            f"{place} is an array of pickled Python objects, which could run any code and is not "
            f"opened: save it as an array of {content}."
        )
    expected, found = math.prod(shape) * dtype.itemsize, size - file.tell()
    if expected != found:
        raise DataError(
            f"{place} is damaged: its header promises {expected:,} bytes, and {found:,} are "
            f"there; get it again."
        )
    check_size(place, expected, size if stored is None else stored, stored is not None)
    file.seek(0)
    array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    return array


def _class_names(archive: zipfile.ZipFile, path: Path) -> tuple[str, ...]:
    names = _read_member(archive, "class_names", path, "texts, as numpy.array(names, str) makes it")
    if names.ndim != 1 or names.dtype.kind != "U":
        raise DataError(f"class_names in {path} is not a list of texts: save it as one.")
    return tuple(str(name) for name in names)
