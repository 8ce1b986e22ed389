"""Opening the files that readers read: packed or plain, with any damage reported in a sentence."""

import bz2
import codecs
import errno
import gzip
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from mnistop.engine.errors import DataError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

START = 512
"""Bytes by which a file is recognised."""
LONGEST_LINE = 1 << 24
"""Characters: an image of 1,024 × 1,024 pixels in colour has fewer."""
_BUFFER = 1 << 17
_MOST_UNPACKED = 100
"""Times the compressed size: MNIST's images unpack to 5 times theirs, blank ones to 1,000 times."""
_DEFLATE_RATIO = 1032
"""Times the compressed size: the largest ratio of zlib."""
_HARMLESS = 1 << 28
"""Bytes that may always be unpacked."""


def packing(start: bytes) -> tuple[str, Callable[..., Any]]:
    """Return how a file is packed by its first bytes, and what opens it."""
    if start.startswith(b"\x1f\x8b"):
        return "gzipped", gzip.open
    return ("in bzip2", bz2.open) if start.startswith(b"BZh") else ("", open)


def check_regular(path: Path) -> None:
    """Check that reading a file cannot wait forever, as for a pipe without a writer.

    Raises:
        DataError: it is a pipe, a socket or a device.
        OSError: it does not exist, or cannot be examined.
    """
    path.stat()
    if not path.is_file():
        raise DataError(f"{path} is not a regular file: name a file of images.")


def opened(path: Path, is_kept: bool = False) -> tuple[io.BufferedReader, Callable[[], float]]:
    """Open a file for reading, unpacking it if it is gzipped or in bzip2.

    Reading raises a `DataError` when far more comes out of a packed file than images unpack to.

    Args:
        path: the file.
        is_kept: whether the content needs about as much memory as it has bytes. Reading then
            raises a `MemoryError` when the machine has less.

    Returns:
        The file, and what returns the share of it that has been read, in (0, 1].

    Raises:
        DataError: it is no regular file.
        OSError: it cannot be read.
    """
    check_regular(path)
    content = _Content(path, is_kept)
    return io.BufferedReader(content, _BUFFER), content.share


@contextmanager
def opened_text(path: Path) -> Iterator[tuple[Iterator[str], Callable[[], float]]]:
    """Open a text in UTF-8 or Excel's UTF-16, plain or packed; see `opened`.

    Yields:
        Its lines, none of which may fill the memory, and what returns the share that has been read.

    Raises:
        DataError: it is damaged, no text, or has a line longer than an image.
        OSError: it cannot be read.
    """
    with damage_reported(path):
        raw, share = opened(path)
        with raw:
            is_utf_16 = raw.peek(2)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
            text = io.TextIOWrapper(raw, "utf-16" if is_utf_16 else "utf-8-sig")
            yield _bounded(text, path), share


def _bounded(text: IO[str], path: Path) -> Iterator[str]:
    while line := text.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise DataError(
                f"{path} has a line of more than {LONGEST_LINE:,} characters, as no image has: "
                "check what it is."
            )
        yield line


class _Content(io.RawIOBase):
    """The content of a file, plain or packed, counted while it is read."""

    def __init__(self, path: Path, is_kept: bool) -> None:
        self._path, self._is_kept = path, is_kept
        self._stored = path.open("rb")
        self._size = path.stat().st_size
        _, unpack = packing(self._stored.peek(START)[:START])
        self._content = self._stored if unpack is open else unpack(self._stored)
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        count: int = self._content.readinto(buffer)
        self._count += count
        if self._content is not self._stored:
            check_unpacked(str(self._path), self._count, self._size)
        if self._is_kept:
            check_memory(self._count)
        return count

    def share(self) -> float:
        return min(1.0, self._stored.tell() / self._size) if self._size else 1.0

    def close(self) -> None:
        self._content.close()
        self._stored.close()
        super().close()


def check_size(place: str, size: int, stored: int, compressed: bool) -> None:
    """Check before an array is read that it fits into memory.

    Args:
        place: its name in a sentence.
        size: its size in bytes, by its header.
        stored: its size in the file, in bytes.
        compressed: whether it is compressed.

    Raises:
        DataError: the compression is implausible for images, as in a zip bomb.
        MemoryError: the machine does not have that much memory.
    """
    most = min(size, stored * _DEFLATE_RATIO if compressed else stored)
    if compressed:
        check_unpacked(place, most, stored)
    check_memory(most)


def check_unpacked(place: str, size: int, stored: int) -> None:
    """Check that what has been compressed can be images, and is no zip bomb.

    Args:
        place: its name in a sentence.
        size: its size when unpacked, or how much of it there has been so far, in bytes.
        stored: its size in the file, in bytes.

    Raises:
        DataError: the compression is implausible for images.
    """
    most = max(_HARMLESS, stored * _MOST_UNPACKED)
    if size > most:
        raise DataError(
            f"{place} unpacks from {stored:,} bytes to more than {most:,}, as images never do: it "
            "is damaged or made to fill the memory; get it elsewhere."
        )


def check_memory(size: float) -> None:
    """Check before reading that the machine has the memory for a number of bytes.

    Raises:
        MemoryError: it has not.
    """
    if size > os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"):
        raise MemoryError(f"{size:,.0f} bytes")


@contextmanager
def needs(library: str, extra: str, path: Path) -> Iterator[None]:
    """Name the extra that installs a library if an import in this block fails.

    Raises:
        DataError: the library is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise DataError(f"{path} needs {library}: pip install 'mnistop[{extra}]'.") from error


@contextmanager
def damage_reported(path: Path) -> Iterator[None]:
    """Report any error of reading a file, other than one of the disk, as that it is damaged.

    Raises:
        DataError: the file is damaged.
    """
    try:
        yield
    except (DataError, MemoryError):
        raise
    except EOFError as error:
        raise DataError(f"{path} is cut off: get it again.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not a text in UTF-8: save it in UTF-8.") from error
    except OSError as error:
        # EINVAL is that of a seek to before the file's start; libraries' own errors have no number.
        if error.errno not in (None, errno.EINVAL):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise DataError(f"{path} is damaged: get it again.") from error
    except Exception as error:  # libraries raise a dozen kinds for damaged bytes
        raise DataError(f"{path} is damaged or not of a known kind: get it again.") from error
