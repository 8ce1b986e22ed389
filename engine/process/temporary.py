"""The folder for what this process and its helpers share while they live: sockets and notes.

A socket's path may have some 100 bytes, and the temporary folder of a cluster or of macOS often is
longer; it may also be missing, full, or on a disk that knows no sockets. Then another one serves.
Linux has sockets without a path, but any user of the machine could connect to those, and have
programs executed by the fork server.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing import process, util
from pathlib import Path

from mnistop.engine.errors import HostError, RunError
from mnistop.engine.runs.run_folder import runs_folder

_USUAL = ("/tmp", "/var/tmp", "/dev/shm")
_choosing = threading.Lock()


def temporary_folder() -> Path:
    """A private folder that is removed when this process ends; the same at each call.

    It is the one in which `multiprocessing` puts its sockets.

    Raises:
        HostError: there is no place for one.
    """
    with _choosing:
        kept = process.current_process()._config.get("tempdir")  # type: ignore[attr-defined]
        if kept and os.path.isdir(kept):
            return Path(kept)
        process.current_process()._config["tempdir"] = None  # type: ignore[attr-defined]
        before = tempfile.tempdir
        try:
            tempfile.tempdir = _place_of_sockets()
            return Path(util.get_temp_dir())
        finally:
            tempfile.tempdir = before


def remove_temporary_folder() -> None:
    """Removes the folder if there is one, for a process that ends without Python's own end."""
    if kept := process.current_process()._config.get("tempdir"):  # type: ignore[attr-defined]
        shutil.rmtree(kept, ignore_errors=True)


def _place_of_sockets() -> str:
    """The first folder in which a socket can be made."""
    tried = []
    for place in _candidates():
        try:
            _try_socket(place)
        except OSError as error:
            tried.append(f"{place}: {error.strerror or error}")
        else:
            return place
    raise HostError(
        "There is no folder for temporary files with room for a socket "
        f"({'; '.join(tried)}): set TMPDIR to one that can be written and has a short path."
    )


def _candidates() -> Iterator[str]:
    for name in ("TMPDIR", "TEMP", "TMP", "XDG_RUNTIME_DIR"):
        if place := os.environ.get(name):
            yield os.path.abspath(place)
    yield from _USUAL
    with suppress(RunError):
        yield str(runs_folder())


def _try_socket(place: str) -> None:
    """Makes what `multiprocessing` would make there, and removes it.

    Raises:
        OSError: it cannot be made.
    """
    with (
        tempfile.TemporaryDirectory(prefix="pymp-", dir=place) as folder,
        socket.socket(socket.AF_UNIX) as one,
    ):
        one.bind(os.path.join(folder, "listener-12345678"))
