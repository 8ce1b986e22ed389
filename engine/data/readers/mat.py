"""MATLAB's files: those up to version 7 by SciPy, those of 7.3, which are HDF5, by h5py."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.config import Resize
from mnistop.engine.data.readers import families
from mnistop.engine.data.readers.named import Arrays, parts_of
from mnistop.engine.data.readers.opening import check_size, damage_reported
from mnistop.engine.data.stored import Part, Progress, Role, Stored, silent

_SIZES = {"double": 8, "int64": 8, "uint64": 8, "single": 4, "int32": 4, "uint32": 4, "int16": 2}
"""Bytes of MATLAB's numbers; 1 for the others."""
_OF_A_CLASS = re.compile(r"(?P<role>train|test)(?P<label>\d{1,2})")
_ROLES: tuple[Role, ...] = ("train", "test")


def read_mat(path: Path, progress: Progress = silent, resize: Resize = "off") -> Stored:
    """Return images and labels in a `.mat`, whatever the axis that counts the images.

    Raises:
        DataError: the file is damaged, has no arrays of known names, or needs h5py.
        MemoryError: the machine does not have the memory for them.
        OSError: the file cannot be read.
    """
    from scipy.io import matlab

    with damage_reported(path), path.open("rb") as file:
        if matlab.matfile_version(file)[0] == 2:
            from mnistop.engine.data.readers.hdf5 import arrays_in

            arrays = arrays_in(path, reverse=True)
        else:
            arrays = _arrays_in(path)
        notes: list[str] = []
        parts = _by_class(arrays, path)
        if not parts:
            parts, notes = parts_of(arrays, str(path), progress)
    names = None
    if emnist := families.emnist_set(path):
        parts, notes = families.emnist_upright(parts, emnist == "letters")
        names = families.class_names(path, np.concatenate([part.labels for part in parts]))
    elif parts[0].images.ndim == 2:
        notes.append(
            f"The pixels in each row of {path.name} are taken line by line, and MATLAB counts them "
            "column by column: if the images lie on their side, store them as "
            "count × height × width."
        )
    return Stored(parts, str(path), names, notes=tuple(notes), settle=families.settle_svhn)


def _arrays_in(path: Path) -> Arrays:
    """Return what reads each array, by names as in `dataset.train.images`."""
    from scipy.io import loadmat, whosmat

    arrays: dict[str, Callable[[], NDArray[Any]]] = {}
    stored = path.stat().st_size
    for name, shape, kind in whosmat(path):
        if kind == "struct":
            fields = loadmat(path, variable_names=[name], simplify_cells=True)[name]
            arrays |= _flat(fields, name)
            continue
        size = int(np.prod(shape, dtype=np.int64)) * _SIZES.get(kind, 1)

        def read(name: str = name, size: int = size) -> NDArray[Any]:
            check_size(f"{name} in {path}", size, stored, compressed=True)
            return np.asarray(loadmat(path, variable_names=[name])[name])

        arrays[name] = read
    return arrays


def _flat(fields: Any, name: str) -> dict[str, Callable[[], NDArray[Any]]]:
    if not isinstance(fields, dict):
        return {name: partial(np.asarray, fields)}
    found: dict[str, Callable[[], NDArray[Any]]] = {}
    for key, value in fields.items():
        found |= _flat(value, f"{name}.{key}")
    return found


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
