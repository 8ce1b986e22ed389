"""A run folder as one piece of bytes, to be sent to where it is trained and back."""

from __future__ import annotations

import io
import os
import shutil
import zipfile
import zlib
from pathlib import Path

from mnistop.engine.errors import RunError
from mnistop.engine.files import make_folder, open_like, write_atomically
from mnistop.engine.runs import run_folder
from mnistop.engine.runs.run_folder import WRITTEN, Run

_LARGEST = 1 << 33
"""Bytes of all files together."""


def pack(run: Run) -> bytes:
    """What a training has written so far; none may be writing it now."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as parcel:
        for path in sorted(run.path.rglob("*")):
            name = path.relative_to(run.path).as_posix()
            if WRITTEN.fullmatch(name) and path.is_file() and not path.is_symlink():
                parcel.write(path, name)
    return buffer.getvalue()


def unpack(parcel: bytes, path: Path, like: Path | None = None) -> Run:
    """The run of a parcel, which need not be trusted.

    Args:
        parcel: from `pack`, or from somebody who says so.
        path: the folder to make.
        like: the folder to whose readers it is open; None to keep it private.

    Raises:
        RunError: it is damaged, or holds what no training has written.
        OSError: the folder cannot be made.
    """
    path.mkdir(mode=0o700)
    open_like(path, like or path)
    try:
        with zipfile.ZipFile(io.BytesIO(parcel)) as opened:
            found = opened.infolist()
            if sum(entry.file_size for entry in found) > _LARGEST:
                raise RunError(f"What came back as run {path.name} is too large.")
            for entry in found:
                if not WRITTEN.fullmatch(entry.filename):
                    raise RunError(
                        f"What came back as run {path.name} holds {entry.filename!r}, "
                        "which is no file of a run."
                    )
                target = path / entry.filename
                make_folder(target.parent)
                write_atomically(target, opened.read(entry))
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, zlib.error) as error:
        shutil.rmtree(path)
        raise RunError(f"What came back as run {path.name} is damaged ({error}).") from None
    except (RunError, OSError):
        shutil.rmtree(path)
        raise
    write_atomically(path / "lock", b"")
    return Run(path)


def put_in_place(parcel: bytes, run: Run) -> None:
    """Makes a member's folder of a parcel, or replaces what a training has written in one.

    What others have put into the folder stays.

    Raises:
        RunError: the parcel is damaged, the folder cannot be written, or the run is being trained.
    """
    incoming, outgoing = _beside(run)
    try:
        shutil.rmtree(incoming, ignore_errors=True)
        shutil.rmtree(outgoing, ignore_errors=True)
        is_there = os.path.lexists(run.path)
        unpack(parcel, incoming, run.path if is_there else incoming.parent)
        if is_there:
            with run_folder.reopen(run):
                for entry in run.path.iterdir():
                    if not os.path.lexists(incoming / entry.name):
                        entry.rename(incoming / entry.name)
                run.path.rename(outgoing)
        incoming.rename(run.path)
    except OSError as error:
        raise RunError(f"Run {run.name} cannot be put in place: {error.strerror}.") from None
    shutil.rmtree(outgoing, ignore_errors=True)


def finish_putting(run: Run) -> None:
    """Ends what a process has left half done that was killed while it put a member in place."""
    incoming, outgoing = _beside(run)
    if os.path.lexists(outgoing) and not os.path.lexists(run.path):
        incoming.rename(run.path)
        shutil.rmtree(outgoing, ignore_errors=True)


def _beside(run: Run) -> tuple[Path, Path]:
    """Where the new folder of a member waits, and where the old one goes."""
    folder = run.path.with_name(run.sweep)
    return folder / f"incoming-{run.name}", folder / f"outgoing-{run.name}"
