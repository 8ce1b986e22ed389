"""Files that leave the program, in places of the user's choice: whole, and over no other file."""

from __future__ import annotations

import itertools
import os
import secrets
from pathlib import Path

from engine.errors import MnistopError


def write_out(path: Path, content: bytes, replace: bool = False) -> None:
    """Writes a file so that nobody sees a part of it, or passes the content on to a device.

    Args:
        path: the file. What a link leads to is written, not the link.
        content: all of it.
        replace: whether a file that is there already may be replaced.

    Raises:
        MnistopError: it cannot be written, or there is such a file already.
    """
    path = Path(os.path.realpath(path))
    try:
        if path.is_dir():
            raise MnistopError(f"{path} is a folder: give the name of a file in it.")
        if not path.parent.is_dir():
            raise MnistopError(f"There is no folder {path.parent}: make it, or choose another.")
        if path.exists() and not path.is_file():  # a device or a pipe: nothing in it can be lost
            path.write_bytes(content)
        elif path.exists() and not replace:
            raise MnistopError(
                f"{path} is there already: choose another name, or replace it with --force."
            )
        else:
            _write_whole(path, content)
    except OSError as error:
        raise MnistopError(f"{path} cannot be written: {error.strerror}.") from None


def _write_whole(path: Path, content: bytes) -> None:
    beside = path.with_name(f".mnistop-{secrets.token_hex(8)}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with open(descriptor, "wb") as file:
            file.write(content)
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def free_path(path: Path) -> Path:
    """The path itself if nothing is there, else the first of `name-2.html`, `name-3.html`, …"""
    others = (path.with_stem(f"{path.stem}-{number}") for number in itertools.count(2))
    return next(one for one in itertools.chain([path], others) if not os.path.lexists(one))
