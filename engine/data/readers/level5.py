"""MATLAB's files of versions 5 to 7, "Level 5", read without trust in any number in them.

SciPy's reader of them ends the whole process on some damaged files, and does not tell the sizes of
what is in a structure. The format: MathWorks, MAT-File Format,
https://www.mathworks.com/help/pdf_doc/matlab/matfile_format.pdf

A file is a header of 128 bytes, then elements: a type and a number of bytes, four bytes each, then
the bytes, filled up to a multiple of eight; up to four bytes are within those for type and number.
A variable is an element, perhaps compressed, of elements: class, shape, name, and values.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.data.readers.opening import check_size
from mnistop.engine.errors import DataError

_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8"}
_NUMBERS |= {12: "i8", 13: "u8"}
"""The types of elements of numbers."""
_CELL, _STRUCT, _TEXT = 1, 2, 4
_OBJECT = 17
"""The class of strings in double quotes, tables and dates, which have no shape."""
_ARRAYS = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4"}
_ARRAYS |= {14: "i8", 15: "u8"}
"""The classes of arrays; their numbers may be stored in a smaller type."""
_ENCODINGS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
"""Of the types of elements of text."""
_COMPLEX = 0x800
_AT_ONCE = 1 << 20


def is_level5(path: Path) -> bool:
    """Return whether a file is of versions 5 to 7."""
    with path.open("rb") as file:
        return file.read(_HEADER)[124:] in (b"\x00\x01IM", b"\x01\x00MI")


def arrays_in(path: Path) -> dict[str, Callable[[], NDArray[Any]]]:
    """Return what reads each variable, by names as in `dataset.train.images`.

    A structure is read at once, with all that is in it.

    Raises:
        DataError: something is too large to be true.
        Exception: the file is damaged, as one of many kinds.
        OSError: it cannot be read.
    """
    arrays: dict[str, Callable[[], NDArray[Any]]] = {}
    at, end = _HEADER, path.stat().st_size
    while at < end:
        with _opened(path, at) as (elements, after):
            variable = elements.variable()
            if variable.kind == _STRUCT:
                arrays |= _flat(variable.name, elements.values(variable), path)
                elements.finish()
            elif variable.name:  # MATLAB's own data have none
                arrays[variable.name] = partial(_read, path, at)
        at = after
    return arrays


def _flat(name: str, value: Any, path: Path) -> dict[str, Callable[[], NDArray[Any]]]:
    if not isinstance(value, dict):
        return {name: partial(_array, value, name, path)}
    found: dict[str, Callable[[], NDArray[Any]]] = {}
    for key, each in value.items():
        found |= _flat(f"{name}.{key}", each, path)
    return found


def _read(path: Path, at: int) -> NDArray[Any]:
    with _opened(path, at) as (elements, _):
        variable = elements.variable()
        value = elements.values(variable)
        elements.finish()
    return _array(value, variable.name, path)


def _array(value: NDArray[Any] | None, name: str, path: Path) -> NDArray[Any]:
    if value is None:
        raise DataError(
            f"{name} in {path} is neither an array of numbers nor of texts: save it as one (in "
            "MATLAB, full and double convert most)."
        )
    return value


@dataclass(frozen=True)
class _Variable:
    """The beginning of a variable."""

    name: str
    kind: int
    """Its class."""
    shape: tuple[int, ...]
    end: int
    """The place after it."""


@contextmanager
def _opened(path: Path, at: int) -> Iterator[tuple[_Elements, int]]:
    """Open the element at a place in a file, and return the place after it, too."""
    with path.open("rb") as file:
        order = "<" if file.read(_HEADER).endswith(b"IM") else ">"
        file.seek(at)
        kind, size = np.frombuffer(file.read(8), f"{order}u4").tolist()
        if at + 8 + size > path.stat().st_size:
            raise EOFError
        if kind != _COMPRESSED:
            file.seek(at)
        whole = size if kind == _COMPRESSED else size + 8
        yield _Elements(file, path, order, whole, kind == _COMPRESSED), at + 8 + size


class _Elements:
    """The elements from a place in a file on, one after the other.

    Args:
        file: at that place.
        path: its path, for messages.
        order: of the bytes in a number, `<` or `>`.
        size: the bytes that belong to them.
        packed: whether they are compressed.
    """

    def __init__(self, file: BinaryIO, path: Path, order: str, size: int, packed: bool) -> None:
        self._file, self._path, self._order = file, path, order
        self._size = self._left = size
        self._inflate = zlib.decompressobj() if packed else None
        self._at = 0

    def variable(self) -> _Variable:
        """Read the beginning of a variable."""
        kind, size, _ = self._tag()
        if kind != _MATRIX:
            raise ValueError(kind)
        end = self._at + size
        if not size:
            return _Variable("", 0, (0, 0), end)
        flags = int(self._numbers()[0])
        if flags & 0xFF == _OBJECT:
            return _Variable(self._element()[1].decode(errors="replace"), _OBJECT, (), end)
        shape = tuple(self._numbers().tolist())
        name = self._element()[1].decode(errors="replace")
        if len(shape) < 2 or min(shape) < 0:
            raise ValueError(shape)
        kind = 0 if flags & _COMPLEX else flags & 0xFF
        return _Variable(name, kind, shape, end)

    def values(self, variable: _Variable) -> Any:
        """Read the values of a variable that has begun.

        Returns:
            An array of numbers or texts, a structure as a dictionary, or None for all else.
        """
        count = math.prod(variable.shape)
        values: Any = None
        if variable.kind in _ARRAYS:
            numbers = self._numbers().astype(_ARRAYS[variable.kind], copy=False)
            values = numbers.reshape(variable.shape, order="F")
        elif variable.kind == _TEXT:
            values = self._texts(variable.shape)
        elif variable.kind == _STRUCT and count == 1:
            values = {name: self._next() for name in self._fields()}
        elif variable.kind == _CELL:
            cells = [self._next() for _ in range(count)]
            if all(
                getattr(cell, "shape", None) == (1,) and cell.dtype.kind == "U" for cell in cells
            ):
                values = np.array([str(cell[0]) for cell in cells])
        self._skip(variable.end - self._at)
        return values

    def _next(self) -> Any:
        return self.values(self.variable())

    def _fields(self) -> list[str]:
        """Read the names of a structure's fields."""
        length = int(self._numbers()[0])
        names = self._element()[1]
        return [
            names[at : at + length].partition(b"\0")[0].decode(errors="replace")
            for at in range(0, len(names), length)
        ]

    def _texts(self, shape: tuple[int, ...]) -> NDArray[Any] | None:
        """Read a matrix of characters as a text for each row; None if it is none."""
        kind, content = self._element()
        encoding = _ENCODINGS[kind]
        if encoding in ("utf-16", "utf-32"):
            encoding += "-le" if self._order == "<" else "-be"
        text = content.decode(encoding)
        if len(shape) != 2 or len(text) != math.prod(shape):
            return None
        rows = np.array(list(text), "U1").reshape(shape, order="F")
        return np.array(["".join(row) for row in rows.tolist()])

    def finish(self) -> None:
        """Check that compressed elements are whole, by their checksum."""
        while self._inflate and not self._inflate.eof:
            self._unpacked(_AT_ONCE)

    def _numbers(self) -> NDArray[Any]:
        kind, content = self._element()
        return np.frombuffer(content, self._order + _NUMBERS[kind])

    def _element(self) -> tuple[int, bytes | bytearray]:
        """Read the type of an element, and its bytes."""
        kind, size, content = self._tag()
        if content is None:
            content = self._bytes(size)
            self._bytes(-size % 8)
        return kind, content

    def _tag(self) -> tuple[int, int, bytes | bytearray | None]:
        """Read the type of an element, the number of its bytes, and they if they are at hand."""
        number = self._bytes(4)
        (kind,) = np.frombuffer(number, f"{self._order}u4").tolist()
        if size := kind >> 16:
            return kind & 0xFFFF, size, self._bytes(4)[:size]
        (size,) = np.frombuffer(self._bytes(4), f"{self._order}u4").tolist()
        return kind, size, None

    def _skip(self, count: int) -> None:
        if count < 0:
            raise ValueError(count)
        for _ in range(0, count, _AT_ONCE):
            self._bytes(min(count, _AT_ONCE))
            count -= _AT_ONCE

    def _bytes(self, count: int) -> bytes | bytearray:
        """Read some bytes."""
        self._at += count
        if not self._inflate:
            if count > self._left:
                raise EOFError
            self._left -= count
            check_size(str(self._path), count, count, compressed=False)
            return self._file.read(count)
        check_size(str(self._path), self._at, self._size, compressed=True)
        content = bytearray()
        while len(content) < count:
            content += self._unpacked(count - len(content))
        return content

    def _unpacked(self, most: int) -> bytes:
        assert self._inflate
        packed = self._inflate.unconsumed_tail
        if not packed:
            packed = self._file.read(min(self._left, _AT_ONCE))
            self._left -= len(packed)
        content = self._inflate.decompress(packed, most)
        if not packed and not content:
            raise EOFError
        return content
