"""HDF5 files by h5py, which the extra `hdf5` installs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.config import Resize
from mnistop.engine.data.readers.named import Arrays, lone_array, parts_of
from mnistop.engine.data.readers.opening import (
    check_memory,
    check_unpacked,
    damage_reported,
    needs,
)
from mnistop.engine.data.stored import Progress, Stored, silent
from mnistop.engine.errors import DataError


def read_hdf5(path: Path, progress: Progress = silent, resize: Resize = "off") -> Stored | None:
    """Return images and labels in an HDF5 file, in groups of any depth; None for a single array.

    Raises:
        DataError: the file is damaged, has no arrays of known names, or h5py is missing.
        MemoryError: the machine does not have the memory for them.
        OSError: the file cannot be read.
    """
    arrays = arrays_in(path)
    if len(arrays) == 1:
        return None
    parts, notes = parts_of(arrays, str(path), progress)
    return Stored(parts, str(path), notes=tuple(notes))


def read_lone_array(path: Path) -> NDArray[Any]:
    """Return the only array in an HDF5 file; for the errors see `read_hdf5`."""
    return lone_array(arrays_in(path), str(path))


def arrays_in(path: Path, reverse: bool = False) -> Arrays:
    """Return what reads each array of a file, by names as in `train/data`.

    Args:
        path: the file.
        reverse: whether it has been written by MATLAB, which has the axes the other way round.

    Raises:
        DataError: the file is damaged, or h5py is missing.
    """
    with needs("h5py", "hdf5", path):
        import h5py

    arrays: dict[str, Callable[[], NDArray[Any]]] = {}

    def add(name: str, found: Any) -> None:
        if not isinstance(found, h5py.Dataset) or not found.ndim or name.startswith("#"):
            return

        def read() -> NDArray[Any]:
            with damage_reported(path), h5py.File(path) as file:
                array = file[name]
                _check(array, f"{name} in {path}")
                content = np.asarray(array[()])
            return content.T if reverse else content

        arrays[name] = read

    with damage_reported(path), h5py.File(path) as file:
        file.visititems(add)
    return arrays


def _check(array: Any, place: str) -> None:
    """Check before a dataset is read that all of it is in its file, and fits into memory.

    Raises:
        DataError: it is in other files, or large parts of it have never been written.
        MemoryError: the machine does not have that much memory.
    """
    if array.is_virtual or array.external:
        raise DataError(
            f"{place} is kept in other files, which are not opened: save the array itself, as by "
            "file.create_dataset(NAME, data=array)."
        )
    check_memory(array.nbytes)
    stored = array.id.get_storage_size()
    if array.size and not stored:
        raise DataError(f"{place} has never been written: write it, or get the file again.")
    if array.chunks:
        check_unpacked(place, array.nbytes, stored)
