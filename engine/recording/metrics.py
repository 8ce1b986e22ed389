"""`metrics.bin`: the metrics that a loop logs, 24 bytes a value.

The file is a sequence of records of 24 bytes, in little-endian order:

    bytes 0-7    name id in the upper 20 bits, step in the lower 44
    bytes 8-15   value, float64
    bytes 16-23  time in seconds since 1970, float64

The first record is the header. Records with the id 0 hold no value: in the 44 lower bits, the upper
4 are their kind. Kind 1 is 16 bytes of a name in UTF-8: an id in the lower 20 bits, and above it
the number of the piece. Kind 2 begins an epoch, whose number is in the lower 40 bits. A reader
ignores other kinds, ids without a name, and the part of a record that a killed process has left.
"""

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.files import open_private, open_regular

FILE = "metrics.bin"

HEADER = b"mnistop metrics 1\n".ljust(24, b"\0")
RECORD = 24
"""Bytes of a record."""

STEP_BITS = 44
LAST_STEP = (1 << STEP_BITS) - 1
LAST_ID = (1 << 20) - 1
LAST_EPOCH = (1 << 40) - 1
_KIND_SHIFT = 40
_NAME_PIECE, _EPOCH = 1, 2
_PIECE_BYTES = 16

LONGEST_NAME = 200
"""Characters of a name; of a longer one the beginning is kept."""

pack_value: Callable[[int, float, float], bytes] = struct.Struct("<Qdd").pack
"""The record of a value, from `key(id) | step`, the value, and the time."""

LAYOUT = np.dtype([("key", "<u8"), ("value", "<f8"), ("time", "<f8")])
"""A record, for NumPy."""

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


def key(number: int) -> int:
    """Return the first eight bytes of a record at step 0 of a name, as an integer.

    Args:
        number: the name's id, from 1 to `LAST_ID`.
    """
    return number << STEP_BITS


def name_ids(records: NDArray[Any]) -> NDArray[np.uint32]:
    """Return the ids in records of `LAYOUT`, `(n,)`; 0 where a record holds no value."""
    return (records["key"] >> np.uint64(STEP_BITS)).astype(np.uint32)


def name_records(number: int, name: str) -> bytes:
    """Return the records that give an id its name.

    Args:
        number: the id, from 1 to `LAST_ID`.
        name: as `clean_name` returns it.
    """
    text = name.encode()
    pieces = [text[at : at + _PIECE_BYTES] for at in range(0, len(text), _PIECE_BYTES)]
    return b"".join(
        (_NAME_PIECE << _KIND_SHIFT | index << 20 | number).to_bytes(8, "little")
        + piece.ljust(_PIECE_BYTES, b"\0")
        for index, piece in enumerate(pieces)
    )


def epoch_record(epoch: int) -> bytes:
    """Return the record after which all values belong to an epoch, from 0 to `LAST_EPOCH`."""
    return (_EPOCH << _KIND_SHIFT | epoch).to_bytes(8, "little") + bytes(16)


def clean_name(name: str) -> str:
    """Return a name that fits a line: printable, not empty, at most `LONGEST_NAME` characters.

    Different names stay different: what cannot be printed is written as in Python's source, and the
    end of what is too long becomes a hash of the whole.
    """
    printable = name if name.isprintable() else "".join(map(_printable, name))
    if len(printable) > LONGEST_NAME:
        digest = sha256(printable.encode()).hexdigest()[:8]
        return f"{printable[: LONGEST_NAME - 9]}…{digest}"
    return printable or "(empty)"


def _printable(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()


class MetricsWriter:
    """A `metrics.bin`, open for appending; one that is there goes on after its last whole record.

    Args:
        folder: the run's folder, whose lock this process holds.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, folder: Path) -> None:
        self._file = open_private(folder / FILE, os.O_RDWR | os.O_CREAT)
        self._end = os.fstat(self._file).st_size // RECORD * RECORD

    def append(self, records: bytes | bytearray | memoryview) -> None:
        """Append whole records. After an error nothing counts as written: append them again.

        Raises:
            OSError: they cannot be written.
        """
        end = self._end
        if not end:
            end = self._write_at(HEADER, 0)
        self._end = self._write_at(records, end)

    def _write_at(self, content: bytes | bytearray | memoryview, place: int) -> int:
        with memoryview(content) as whole:
            rest = whole
            while rest:
                written = os.pwrite(self._file, rest, place)
                place, rest = place + written, rest[written:]
        return place

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


@dataclass(frozen=True, eq=False)
class Series:
    """All values of one name in the order in which they were logged; arrays `(values,)`."""

    steps: Integers
    values: Floats
    """They may be infinite or NaN."""
    times: Floats
    """Seconds since 1970."""
    epochs: Integers
    """The epochs in which they were logged, from 0."""


class MetricsReader:
    """A reader of a growing `metrics.bin`: each call continues where the last one ended.

    Args:
        folder: the run's folder; the file may not be there yet.
    """

    CHUNK = RECORD << 20
    """Bytes read at a time."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._restart()

    def _restart(self) -> None:
        self._offset = 0
        self._is_metrics = True
        self._epoch = 0
        self._pieces: dict[int, dict[int, bytes]] = {}
        self._columns: dict[int, _Columns] = {}

    @property
    def damage(self) -> str:
        """The fault in the file, in a sentence; empty if there is none."""
        return "" if self._is_metrics else f"{self._path} is damaged: it holds no metrics."

    @property
    def names(self) -> list[str]:
        """All names that have a value, in the order in which they were first logged."""
        return list(self._by_name())

    def series(self, name: str) -> Series:
        """Return the values of a name that have been read; none if there is no such name."""
        numbers = self._by_name()
        return (self._columns[numbers[name]] if name in numbers else _Columns()).series()

    def count(self, name: str) -> int:
        """Return how many values of a name have been read."""
        numbers = self._by_name()
        return self._columns[numbers[name]].count if name in numbers else 0

    def name_id(self, name: str) -> int:
        """Return the id of a name that has been read; 0 if it has none."""
        return self._by_name().get(name, 0)

    def _by_name(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for number in sorted(self._columns):
            if pieces := self._pieces.get(number):
                text = b"".join(pieces[index] for index in sorted(pieces))
                name = clean_name(text.rstrip(b"\0").decode("utf-8", "replace"))
                found.setdefault(name, number)
        return found

    def read(self) -> bool:
        """Read what has come since, at most `CHUNK` bytes; return whether there was anything.

        A file that cannot be read is taken for one where nothing has come.
        """
        try:
            with open_regular(self._path) as file:
                if os.fstat(file.fileno()).st_size < self._offset:
                    self._restart()
                file.seek(self._offset)
                chunk = file.read(self.CHUNK)
        except OSError:
            return False
        chunk = chunk[: len(chunk) // RECORD * RECORD]
        if self._offset == 0 and chunk:
            self._is_metrics = chunk[:RECORD] == HEADER
        if not chunk or not self._is_metrics:
            return False
        begin = RECORD if self._offset == 0 else 0
        self._offset += len(chunk)
        self._take(np.frombuffer(chunk, LAYOUT, offset=begin))
        return True

    def _take(self, records: NDArray[Any]) -> None:
        numbers = name_ids(records)
        steps = (records["key"] & np.uint64(LAST_STEP)).astype(np.int64)
        epochs = np.full(len(records), self._epoch, np.int64)
        for row in np.flatnonzero(numbers == 0).tolist():
            rest = int(steps[row])
            kind, rest = rest >> _KIND_SHIFT, rest & LAST_EPOCH
            if kind == _EPOCH:
                self._epoch = rest
                epochs[row:] = rest
            elif kind == _NAME_PIECE:
                pieces = self._pieces.setdefault(rest & LAST_ID, {})
                if len(pieces) * _PIECE_BYTES < 6 * LONGEST_NAME:
                    pieces[rest >> 20] = records[row : row + 1].tobytes()[8:]
        order = np.argsort(numbers, kind="stable")
        ordered = numbers[order]
        for rows in np.split(order, 1 + np.flatnonzero(ordered[1:] != ordered[:-1])):
            if len(rows) and (number := int(numbers[rows[0]])):
                columns = self._columns.setdefault(number, _Columns())
                columns.append(
                    steps[rows], records["value"][rows], records["time"][rows], epochs[rows]
                )


class _Columns:
    """The columns of a `Series` in arrays that double in size when they are full."""

    def __init__(self) -> None:
        self.count = 0
        self._arrays: list[NDArray[Any]] = [np.empty(16, kind) for kind in ("i8", "f8", "f8", "i8")]

    def append(self, *columns: NDArray[Any]) -> None:
        end = self.count + len(columns[0])
        if end > len(self._arrays[0]):
            room = max(end, 2 * len(self._arrays[0])) - self.count
            self._arrays = [
                np.concatenate((array[: self.count], np.empty(room, array.dtype)))
                for array in self._arrays
            ]
        for array, column in zip(self._arrays, columns, strict=True):
            array[self.count : end] = column
        self.count = end

    def series(self) -> Series:
        steps, values, times, epochs = (array[: self.count] for array in self._arrays)
        return Series(steps, values, times, epochs)
