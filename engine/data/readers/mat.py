"""MATLAB's files: those of 7.3, which are HDF5, by h5py, and those before 5 by SciPy."""

import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.config import Resize
from mnistop.engine.data.readers import families, level5
from mnistop.engine.data.readers.named import Arrays, lone_array, parts_of
from mnistop.engine.data.readers.opening import damage_reported
from mnistop.engine.data.stored import Part, Progress, Role, Stored, silent

_OF_A_CLASS = re.compile(r"(?P<role>train|test)(?P<label>\d{1,2})")
_ROLES: tuple[Role, ...] = ("train", "test")


def read_mat(path: Path, progress: Progress = silent, resize: Resize = "off") -> Stored | None:
    """Return images and labels in a `.mat`, whatever the axis that counts the images.

    None for a file with a single array.

    Raises:
        DataError: the file is damaged, has no arrays of known names, or needs h5py.
        MemoryError: the machine does not have the memory for them.
        OSError: the file cannot be read.
    """
    with damage_reported(path):
        arrays = _arrays_in(path)
        if len(arrays) == 1:
            return None
        notes: list[str] = []
        parts = _by_class(arrays, path)
        if not parts:
            parts, notes = parts_of(arrays, str(path), progress)
    if parts[0].images.ndim == 2 and not families.emnist_set(path):
        notes.append(
            f"The pixels in each row of {path.name} are taken line by line, and MATLAB counts them "
            "column by column: if the images lie on their side, store them as "
            "count × height × width."
        )
    return Stored(parts, str(path), notes=tuple(notes), settle=families.settle)


def read_lone_array(path: Path) -> NDArray[Any]:
    """Return the only array in a `.mat`; for the errors see `read_mat`."""
    with damage_reported(path):
        return lone_array(_arrays_in(path), str(path))


def _arrays_in(path: Path) -> Arrays:
    """Return what reads each array."""
    if level5.is_level5(path):
        return level5.arrays_in(path)
    from scipy.io import matlab

    with path.open("rb") as file:
        is_hdf5 = matlab.matfile_version(file)[0] == 2
    if is_hdf5:
        from mnistop.engine.data.readers import hdf5

        return hdf5.arrays_in(path, reverse=True)
    # Of version 4 and before, in which nothing is compressed.
    content = matlab.loadmat(path)
    return {name: partial(np.asarray, content[name]) for name in content if name[:2] != "__"}


def _by_class(arrays: Arrays, path: Path) -> list[Part]:
    """Return the parts of a file with an array for each class, as `train0` to `test9`."""
    parts = []
    for role in _ROLES:
        matches = [_OF_A_CLASS.fullmatch(name) for name in arrays]
        of_class = {int(m["label"]): arrays[m[0]]() for m in matches if m and m["role"] == role}
        if len(of_class) < 2:
            continue
        images = np.concatenate([of_class[label] for label in sorted(of_class)])
        labels = np.repeat(sorted(of_class), [len(of_class[label]) for label in sorted(of_class)])
        place = f"{role}0, {role}1, … in {path}"
        parts.append(Part(images, labels, place, place, role))
    return parts
