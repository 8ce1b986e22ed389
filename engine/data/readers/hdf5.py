"""HDF5 files by h5py, which the extra `hdf5` installs."""

import math
from collections.abc import Callable
from functools import partial
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

_MATLABS_OWN = "#refs#"
"""The group of what MATLAB's cells refer to."""


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
    with damage_reported(path), h5py.File(path) as file:
        groups, known = [("", file["/"])], {file["/"]}
        while groups:
            above, group = groups.pop(0)
            for name in group:
                link, whole = group.get(name, getlink=True), f"{above}{name}"
                found = group[name] if isinstance(link, h5py.HardLink) else None
                if isinstance(found, h5py.Group) and found not in known and name != _MATLABS_OWN:
                    known.add(found)
                    groups.append((f"{whole}/", found))
                elif found is None or (isinstance(found, h5py.Dataset) and found.ndim):
                    arrays[whole] = partial(_read, path, whole, found is None, reverse)
    return arrays


def _read(path: Path, name: str, is_link: bool, reverse: bool) -> NDArray[Any]:
    """Read an array. Nothing is read from other files.

    Raises:
        DataError: it is in another file, or part of it has never been written.
        MemoryError: the machine does not have the memory for it.
    """
    import h5py

    place = f"{name} in {path}"
    with damage_reported(path), h5py.File(path) as file:
        array = None if is_link else file[name]
        if array is None or array.is_virtual or array.external:
            raise DataError(
                f"{place} is a link, or kept in other files, which are not opened: save the array "
                "itself, as by file.create_dataset(NAME, data=array)."
            )
        check_memory(array.nbytes)
        if array.chunks:
            chunks = math.prod(
                math.ceil(side / chunk)
                for side, chunk in zip(array.shape, array.chunks, strict=True)
            )
            missing = chunks - array.id.get_num_chunks()
        else:
            chunks, missing = 1, int(array.size > 0 and not array.id.get_storage_size())
        if missing:
            raise DataError(
                f"{missing:,} of {chunks:,} blocks of {place} have never been written: write all "
                "of it, or save the rest alone."
            )
        check_unpacked(place, array.nbytes, array.id.get_storage_size())
        content = np.asarray(array[()])
    return content.T if reverse else content
