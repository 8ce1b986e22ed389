"""The IDX reader: every good file is read, every bad one gets a sentence."""

import contextlib
import gzip
import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from mnistop.engine.data.readers.idx import read_idx
from mnistop.engine.errors import DataError
from tests.helpers.data_files import idx_bytes, some_images, some_labels

packed = partial(gzip.compress, mtime=0)

same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def read(folder: Path, content: bytes) -> NDArray[Any]:
    path = folder / "file"
    path.write_bytes(content)
    return read_idx(path)


@same_folder
@given(
    array=arrays.arrays(
        st.sampled_from(["u1", "i1", "i2", "i4", "f4", "f8"]),
        arrays.array_shapes(max_dims=4, max_side=5),
        elements=None,
    ),
    compressed=st.booleans(),
)
def test_what_is_written_is_read_again(
    tmp_path: Path, array: NDArray[Any], compressed: bool
) -> None:
    content = idx_bytes(array)
    again = read(tmp_path, packed(content) if compressed else content)
    assert again.shape == array.shape
    assert again.astype(array.dtype).tobytes() == array.tobytes()


@pytest.mark.parametrize("compress", [bytes, packed], ids=["plain", "packed"])
def test_a_file_cut_off_anywhere_is_noticed(tmp_path: Path, compress: Any) -> None:
    content = compress(idx_bytes(some_images(3, 2, 2)))
    for length in range(len(content)):
        with pytest.raises(DataError, match=r"cut off|empty|not an IDX file"):
            read(tmp_path, content[:length])


def test_a_cut_off_file_says_how_much_is_there(tmp_path: Path) -> None:
    content = idx_bytes(some_images(3, 2, 2))
    with pytest.raises(DataError, match="promises 12 bytes for 3 × 2 × 2 numbers, and 7 are there"):
        read(tmp_path, content[:-5])
    with pytest.raises(DataError, match="within its header, which takes 16 bytes, and 9 are there"):
        read(tmp_path, content[:9])


@same_folder
@given(st.binary(max_size=40), st.sampled_from([b"", b"\0\0\x08", b"\0\0\x08\x03", b"\x1f\x8b"]))
def test_random_bytes_raise_nothing_else(tmp_path: Path, content: bytes, start: bytes) -> None:
    with contextlib.suppress(DataError):
        read(tmp_path, start + content)


@same_folder
@given(st.data())
def test_a_damaged_gzip_file_raises_nothing_else(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(packed(idx_bytes(some_labels(30))))
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    try:
        array = read(tmp_path, bytes(content))
    except DataError:
        return
    assert array.tolist() == some_labels(30).tolist()  # a byte that does not matter, as the time


BAD_FILES = {
    "is empty": b"",
    "more follows after the 3 bytes": idx_bytes(some_labels(3)) + b"x",
    "more follows after the 4 bytes": packed(idx_bytes(some_labels(4)) + b"x"),
    "is damaged: get it again": packed(idx_bytes(some_labels(3))) + b"x",
    "is a PNG picture": b"\x89PNG\r\n",
    "is a damaged zip archive": b"PK\x03\x04",
    "is a web page": b"<!DOCTYPE html>",
    "is a CSV table, which has .*: name it alone": b"5,0,0,0,12",
    "is not an IDX file": b"\0\0\x07\x01\0\0\0\x01x",
    "0 dimensions": b"\0\0\x08\0",
    "255 dimensions": b"\0\0\x08\xff" + b"\1" * 2000,
    "no images or labels, its header says 0 × 2": idx_bytes(np.zeros((0, 2), np.uint8)),
}


@pytest.mark.parametrize(("says", "content"), BAD_FILES.items(), ids=BAD_FILES)
def test_what_is_no_good_idx_file_says_why(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(DataError, match=says):
        read(tmp_path, content)


@pytest.mark.parametrize("compress", [bytes, packed], ids=["plain", "packed"])
def test_a_header_that_claims_absurd_sizes_takes_no_memory(tmp_path: Path, compress: Any) -> None:
    absurd = b"\0\0\x0e\x04" + b"\xff" * 16 + b"few"
    with pytest.raises(DataError, match=r"cut off.*and 3 are there"):
        read(tmp_path, compress(absurd))


@pytest.mark.slow
def test_a_gzip_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    count = 400_000  # 314 MB of black in 1.4 MB
    with gzip.open(tmp_path / "images.gz", "wb", 1) as file:
        file.write(b"\0\0\x08\x03" + b"".join(n.to_bytes(4, "big") for n in (count, 28, 28)))
        for _ in range(count // 1000):
            file.write(bytes(784_000))
    with pytest.raises(
        DataError, match=r"unpacks from .* to more than 268,435,456, as images never"
    ):
        read_idx(tmp_path / "images.gz")


def test_a_sparse_file_larger_than_the_memory_is_not_read(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.write_bytes(b"\0\0\x08\x03" + b"\x7f\xff\xff\xff" + b"\0\x01\0\0" * 2)
    try:
        os.truncate(images, 1 << 43)
    except OSError:
        pytest.skip("no file can be so large here")
    with pytest.raises(MemoryError):
        read_idx(images)
