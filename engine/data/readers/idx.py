"""IDX files, the format of MNIST, plain or gzipped.

Such a file is two zero bytes, a byte for the type of its numbers, a byte for the number of its
dimensions, each dimension as four bytes, then the numbers, all big-endian. Described by Yann
LeCun, Corinna Cortes and Christopher Burges on their page on MNIST.
"""

import math
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.data.readers import kinds
from mnistop.engine.data.readers.opening import START, check_size, damage_reported, packing
from mnistop.engine.errors import DataError

_NUMBER_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MOST_DIMENSIONS = 4
_CHUNK = 1 << 24


def read_idx(path: Path) -> NDArray[Any]:
    """Return the array in an IDX file, plain or gzipped by its content, whatever its name.

    Memory is allocated as the content is read, never by the size that the header claims.

    Raises:
        DataError: the file is empty, not an IDX file, truncated, too long or damaged.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(START)
    if not start:
        raise DataError(f"{path} is empty: get it again.")
    _, unpack = packing(start)
    with damage_reported(path), unpack(path, "rb") as file:
        return _read_idx(file, path, compressed=unpack is not open)


def _read_idx(file: BufferedIOBase, path: Path, compressed: bool) -> NDArray[Any]:
    dtype, shape = _read_header(file, path)
    expected = math.prod(shape) * dtype.itemsize
    check_size(str(path), expected, path.stat().st_size, compressed)
    body = _read_up_to(file, expected)
    if len(body) < expected:
        raise DataError(
            f"{path} is cut off: its header promises {expected:,} bytes for "
            f"{' × '.join(map(str, shape))} numbers, and {len(body):,} are there; get it again."
        )
    if file.read(1):
        raise DataError(
            f"{path} is damaged: more follows after the {expected:,} bytes that its header "
            f"promises for {' × '.join(map(str, shape))} numbers; get it again."
        )
    return np.frombuffer(body, dtype).reshape(shape)


def _read_header(file: BufferedIOBase, path: Path) -> tuple[np.dtype[Any], tuple[int, ...]]:
    magic = file.read(4)
    if magic[:2] != b"\0\0"[: len(magic)] or (len(magic) > 2 and magic[2] not in _NUMBER_TYPES):
        raise DataError(kinds.sentence(path))
    dimensions = magic[3] if len(magic) == 4 else 1
    if not 1 <= dimensions <= _MOST_DIMENSIONS:
        raise DataError(
            f"{path} is not an IDX file of images or labels: "
            f"its header says {dimensions} dimensions, check what it is."
        )
    sizes = file.read(4 * dimensions)
    if len(magic) < 4 or len(sizes) < 4 * dimensions:
        raise DataError(
            f"{path} is cut off within its header, which takes {4 + 4 * dimensions} bytes, and "
            f"{len(magic) + len(sizes)} are there: get it again."
        )
    shape = tuple(int(size) for size in np.frombuffer(sizes, ">u4"))
    if 0 in shape:
        raise DataError(
            f"{path} holds no images or labels, its header says "
            f"{' × '.join(map(str, shape))}: choose another one."
        )
    return np.dtype(_NUMBER_TYPES[magic[2]]), shape


def _read_up_to(file: BufferedIOBase, count: int) -> bytearray:
    content = bytearray()
    while len(content) < count and (chunk := file.read(min(count - len(content), _CHUNK))):
        content += chunk
    return content
