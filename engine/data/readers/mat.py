"""MATLAB's files: those up to version 7 by SciPy, those of 7.3, which are HDF5, by h5py."""

import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from subprocess import DEVNULL
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.config import Resize
from mnistop.engine.data.readers import families
from mnistop.engine.data.readers.named import Arrays, lone_array, parts_of
from mnistop.engine.data.readers.opening import check_memory, check_unpacked, damage_reported
from mnistop.engine.data.stored import Part, Progress, Role, Stored, silent
from mnistop.engine.errors import DataError

_OF_A_CLASS = re.compile(r"(?P<role>train|test)(?P<label>\d{1,2})")
_ROLES: tuple[Role, ...] = ("train", "test")

_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
_AT_ONCE = 1 << 20
_READ = "import sys, scipy.io; scipy.io.loadmat(sys.argv[1])"


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
    """Return what reads each array, by names as in `dataset.train.images`."""
    from scipy.io import loadmat, matlab

    with path.open("rb") as file:
        version = matlab.matfile_version(file)[0]
    if version == 2:
        from mnistop.engine.data.readers import hdf5

        return hdf5.arrays_in(path, reverse=True)
    if version == 1:
        _check_elements(path)
    content = loadmat(path, simplify_cells=True, mat_dtype=True)
    own = [name for name in content if name.startswith("__") or name == "None"]
    return _flat({name: value for name, value in content.items() if name not in own}, path)


def _flat(
    fields: dict[str, Any], path: Path, above: str = ""
) -> dict[str, Callable[[], NDArray[Any]]]:
    found: dict[str, Callable[[], NDArray[Any]]] = {}
    for name, value in fields.items():
        whole = f"{above}{name}"
        if isinstance(value, dict):
            found |= _flat(value, path, f"{whole}.")
        else:
            found[whole] = partial(_array, value, whole, path)
    return found


def _array(value: Any, name: str, path: Path) -> NDArray[Any]:
    array = np.asarray(value)
    is_cell = array.dtype == object and array.ndim > 0
    if array.dtype.kind in "buifU" or (is_cell and all(isinstance(each, str) for each in array)):
        return array
    raise DataError(
        f"{name} in {path} is neither an array of numbers nor of texts: save it as one (in "
        "MATLAB, full and double convert most)."
    )


def _check_elements(path: Path) -> None:
    """Check that the variables of a file of versions 5 to 7 are whole, and no bomb.

    After a header of 128 bytes, a variable is an element: a type and a number of bytes, 32 bits
    each, then the bytes. MathWorks, MAT-File Format,
    https://www.mathworks.com/help/pdf_doc/matlab/matfile_format.pdf

    Raises:
        DataError: one unpacks to more than images do.
        ChildProcessError: SciPy ends its process on this file.
        MemoryError: the machine does not have the memory for one.
        EOFError: the file ends within one.
        ValueError: one is neither an array nor a compressed one.
        zlib.error: one has changed since it was compressed.
    """
    is_checked = True
    with path.open("rb") as file:
        order = "<" if file.read(_HEADER).endswith(b"IM") else ">"
        while start := file.read(8):
            kind, size = struct.unpack(f"{order}II", start)
            if kind == _COMPRESSED:
                _check_compressed(file, size, path)
            elif kind == _MATRIX:
                is_checked = False
                check_memory(size)
                if file.seek(size, 1) > path.stat().st_size:
                    raise EOFError
            else:
                raise ValueError(kind)
    if not is_checked:  # by a checksum
        command = [sys.executable, "-P", "-c", _READ, str(path)]
        tried = subprocess.run(command, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL)
        if tried.returncode < 0:
            raise ChildProcessError


def _check_compressed(file: BinaryIO, size: int, path: Path) -> None:
    """Unpack an element, and forget it."""
    unpack, left, unpacked = zlib.decompressobj(), size, 0
    while not unpack.eof:
        packed = unpack.unconsumed_tail
        if not packed:
            packed = file.read(min(left, _AT_ONCE))
            left -= len(packed)
        content = unpack.decompress(packed, _AT_ONCE)
        if not (packed or content):
            raise EOFError
        unpacked += len(content)
        check_unpacked(str(path), unpacked, size)
    check_memory(unpacked)
    file.seek(left, 1)


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
