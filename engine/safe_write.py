"""Exported files, at paths of the user's choice: written completely, and never over others."""

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
"""Errors of a file system on which a file cannot have two names."""


def check_file(path: Path, replace: bool = False) -> Path:
    """Check that a file can be written, before the work of making its content.

    Args:
        path: the file. A link is followed.
        replace: whether an existing file may be replaced.

    Returns:
        The file without links.

    Raises:
        MnistopError: it exists, or cannot be written for another reason known beforehand.
    """
    with _explain_errors(path):
        return _resolve(path, replace)


def write_out(path: Path, content: bytes, replace: bool = False) -> None:
    """Write a file so that no reader sees a part of it, or write to a device.

    A file that appears in its place meanwhile is not overwritten either.

    Args:
        path: the file. A link is followed.
        content: all of it.
        replace: whether an existing file may be replaced.

    Raises:
        MnistopError: it cannot be written, or exists.
    """
    with _explain_errors(path):
        real = _resolve(path, replace)
        if real.exists() and not real.is_file():  # a device or a pipe: nothing in it can be lost
            real.write_bytes(content)
            return
        with _temporary(real.parent, content) as beside:
            if replace:
                beside.replace(real)
            elif not _link(beside, real, content):
                raise _exists_error(real)


def write_under_free_name(paths: Iterable[Path], content: bytes) -> Path:
    """Write a file under the first free name.

    Args:
        paths: the possible names, all in one folder; see `numbered`.
        content: all of it.

    Returns:
        The file.

    Raises:
        MnistopError: it cannot be written.
    """
    names = iter(paths)
    path = next(names)
    with _explain_errors(path), _temporary(path.parent, content) as beside:
        while not _link(beside, path, content):
            path = next(names)
    return path


def numbered(path: Path) -> Iterator[Path]:
    """Yield the path itself, then `name-2.html`, `name-3.html`, …"""
    yield path
    for number in itertools.count(2):
        yield path.with_stem(f"{path.stem}-{number}")


def check_folder(path: Path, replace: bool = False) -> None:
    """Check that a folder of files can be written, before the work of making them.

    Args:
        path: the folder; it is made if it does not exist.
        replace: whether files in it may be replaced.

    Raises:
        MnistopError: it is not empty, or cannot be written for another reason known beforehand.
    """
    with _explain_errors(path):
        real = Path(os.path.realpath(path))
        if path.is_symlink() and not real.exists():
            raise _dangling_error(path, real)
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
    """Write files into a folder, all or, as far as they are new, none.

    Args:
        path: the folder; it is made if it does not exist.
        files: the contents by name.
        replace: whether files in it may be replaced; other files stay.

    Raises:
        MnistopError: they cannot be written, or the folder is not empty.
    """
    check_folder(path, replace)
    with _explain_errors(path):
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
def _explain_errors(path: Path) -> Iterator[None]:
    """Turn an `OSError` into a sentence with the path and the reason."""
    try:
        yield
    except OSError as error:
        real = os.path.realpath(path)
        raise MnistopError(f"{real} cannot be written: {error.strerror}.") from None


def _resolve(path: Path, replace: bool) -> Path:
    real = Path(os.path.realpath(path))
    if real.is_dir():
        raise MnistopError(f"{real} is a folder: give the name of a file in it.")
    if path.is_symlink() and not os.path.lexists(real) and not replace:
        raise _dangling_error(path, real)
    _check_parent(real)
    if not os.path.lexists(real):
        return real
    if not real.is_file():
        _check_access(real, os.W_OK)
    elif not replace:
        raise _exists_error(real)
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


def _exists_error(path: Path) -> MnistopError:
    return MnistopError(
        f"{path} is there already: choose another name, or replace it with --force."
    )


def _dangling_error(link: Path, real: Path) -> MnistopError:
    return MnistopError(
        f"{link} is a link to {real}, which is not there: give that name, or choose another."
    )


@contextlib.contextmanager
def _temporary(folder: Path, content: bytes) -> Iterator[Path]:
    """Write a file with a temporary name in a folder; the name is removed afterwards."""
    beside = folder / f".mnistop-{secrets.token_hex(8)}"
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with open(descriptor, "wb") as file:
            file.write(content)
        yield beside
    finally:
        beside.unlink(missing_ok=True)


def _link(beside: Path, path: Path, content: bytes) -> bool:
    """Link a temporary file to its final name; return False if that is taken."""
    try:
        os.link(beside, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return _write_directly(path, content)
    return True


def _write_directly(path: Path, content: bytes) -> bool:
    """Write a file where links are not possible; a part of it can be seen for a moment."""
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
