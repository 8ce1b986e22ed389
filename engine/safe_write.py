"""Files that leave the program, in places of the user's choice: whole, and over nothing."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from mnistop.engine.errors import MnistopError

_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EXDEV)
"""How a file system says that a file cannot have two names."""


def check_file(path: Path, replace: bool = False) -> Path:
    """Checks, before the work that it takes to make its content, that a file can be written.

    Args:
        path: the file. What a link leads to is written, not the link.
        replace: whether a file that is there already may be replaced.

    Returns:
        The file without links.

    Raises:
        MnistopError: there is such a file already, or it cannot be written for another reason that
            can be known before.
    """
    with _named(path):
        return _checked(path, replace)


def write_out(path: Path, content: bytes, replace: bool = False) -> None:
    """Writes a file so that nobody sees a part of it, or passes the content on to a device.

    A file that appears in its place meanwhile is not overwritten either.

    Args:
        path: the file. What a link leads to is written, not the link.
        content: all of it.
        replace: whether a file that is there already may be replaced.

    Raises:
        MnistopError: it cannot be written, or there is such a file already.
    """
    with _named(path):
        real = _checked(path, replace)
        if real.exists() and not real.is_file():  # a device or a pipe: nothing in it can be lost
            real.write_bytes(content)
            return
        with _whole(real.parent, content) as beside:
            if replace:
                beside.replace(real)
            elif not _given_name(beside, real, content):
                raise _there_already(real)


def write_under_free_name(paths: Iterable[Path], content: bytes) -> Path:
    """Writes a file under the first name that is still free.

    Args:
        paths: the names in question, all in one folder; see `numbered`.
        content: all of it.

    Returns:
        The file.

    Raises:
        MnistopError: it cannot be written.
    """
    names = iter(paths)
    path = next(names)
    with _named(path), _whole(path.parent, content) as beside:
        while not _given_name(beside, path, content):
            path = next(names)
    return path


def numbered(path: Path) -> Iterator[Path]:
    """The path itself, then `name-2.html`, `name-3.html`, …"""
    yield path
    for number in itertools.count(2):
        yield path.with_stem(f"{path.stem}-{number}")


def check_folder(path: Path, replace: bool = False) -> None:
    """Checks, before the work, that a folder of files can be written.

    Args:
        path: the folder; it is made if it is not there.
        replace: whether files in it may be replaced.

    Raises:
        MnistopError: there is something in it already, or it cannot be written for another reason
            that can be known before.
    """
    with _named(path):
        real = Path(os.path.realpath(path))
        if path.is_symlink() and not real.exists():
            raise _leads_nowhere(path, real)
        if real.exists() and not real.is_dir():
            raise MnistopError(f"{path} is a file: give the name of a folder.")
        if not real.is_dir():
            _check_parent(real)
            return
        if not replace and any(real.iterdir()):
            raise MnistopError(
                f"The folder {path} is not empty: choose another, or write into it with --force."
            )
        _check_access(real)


def write_folder(path: Path, files: Mapping[str, bytes], replace: bool = False) -> None:
    """Writes files into a folder, all or, as far as they are new, none.

    Args:
        path: the folder; it is made if it is not there.
        files: the contents by name.
        replace: whether files in it may be replaced; what else is in it stays.

    Raises:
        MnistopError: they cannot be written, or there is something in the folder already.
    """
    check_folder(path, replace)
    with _named(path):
        is_new = not path.is_dir()
        if is_new:
            path.mkdir()
        written: list[Path] = []
        try:
            for name, content in files.items():
                is_there = os.path.lexists(path / name)
                write_out(path / name, content, replace)
                if not is_there:
                    written.append(path / name)
        except MnistopError:
            for file in written:
                file.unlink(missing_ok=True)
            if is_new:
                with contextlib.suppress(OSError):
                    path.rmdir()
            raise


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Says of what cannot be written what it is, and why."""
    try:
        yield
    except OSError as error:
        real = os.path.realpath(path)
        raise MnistopError(f"{real} cannot be written: {error.strerror}.") from None


def _checked(path: Path, replace: bool) -> Path:
    real = Path(os.path.realpath(path))
    if real.is_dir():
        raise MnistopError(f"{real} is a folder: give the name of a file in it.")
    if path.is_symlink() and not os.path.lexists(real) and not replace:
        raise _leads_nowhere(path, real)
    _check_parent(real)
    if not os.path.lexists(real):
        return real
    if not real.is_file():
        _check_access(real, os.W_OK)
    elif not replace:
        raise _there_already(real)
    return real


def _check_parent(path: Path) -> None:
    if not path.parent.is_dir():
        raise MnistopError(f"There is no folder {path.parent}: make it, or choose another.")
    _check_access(path.parent)
    with contextlib.suppress(FileNotFoundError):
        path.lstat()  # a name that is too long


def _check_access(path: Path, mode: int = os.W_OK | os.X_OK) -> None:
    if not os.access(path, mode):
        raise MnistopError(f"{path} cannot be written: you have no permission.")


def _there_already(path: Path) -> MnistopError:
    return MnistopError(
        f"{path} is there already: choose another name, or replace it with --force."
    )


def _leads_nowhere(link: Path, real: Path) -> MnistopError:
    return MnistopError(
        f"{link} is a link to {real}, which is not there: give that name, or choose another."
    )


@contextlib.contextmanager
def _whole(folder: Path, content: bytes) -> Iterator[Path]:
    """A new file in a folder, without a name that anybody knows; gone afterwards if it has none."""
    beside = folder / f".mnistop-{secrets.token_hex(8)}"
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with open(descriptor, "wb") as file:
            file.write(content)
        yield beside
    finally:
        beside.unlink(missing_ok=True)


def _given_name(beside: Path, path: Path, content: bytes) -> bool:
    """Gives a file a name, or says that there is something of that name."""
    try:
        os.link(beside, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return _written_anew(path, content)
    return True


def _written_anew(path: Path, content: bytes) -> bool:
    """The same where a file has one name only; a part of it can be seen for a moment."""
    try:
        file = path.open("xb")
    except FileExistsError:
        return False
    try:
        with file:
            file.write(content)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return True
