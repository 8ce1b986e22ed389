"""The training of a member on a Dask worker, and the archive in which its run comes back."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from distributed import Event, get_worker

from mnistop.engine.config import RunConfig
from mnistop.engine.cores import usable_cores
from mnistop.engine.data.sources import is_fetched, load_data, source_exists
from mnistop.engine.errors import DataError, RunError
from mnistop.engine.files import make_folder, open_like, write_atomically
from mnistop.engine.fingerprint import Fingerprint
from mnistop.engine.runs.run_folder import WRITTEN, Run
from mnistop.engine.sweep.known_data import key_of
from mnistop.engine.sweep.member_server import MemberServer
from mnistop.engine.sweep.members import MemberRunner

_LARGEST = 1 << 33
"""Bytes of all files together."""


def pack(run: Run) -> bytes:
    """Pack the files of a run that is not in training into an archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(run.path.rglob("*")):
            name = path.relative_to(run.path).as_posix()
            if WRITTEN.fullmatch(name) and path.is_file() and not path.is_symlink():
                archive.write(path, name)
    return buffer.getvalue()


def unpack(archive: bytes, path: Path, like: Path | None = None) -> Run:
    """Unpack a run from an archive, which need not be trusted.

    Args:
        archive: from `pack`, or claimed to be.
        path: the folder to make.
        like: the folder whose readers may read it; None to keep it private.

    Raises:
        RunError: it is damaged, or holds files that no training writes.
        OSError: the folder cannot be made.
    """
    path.mkdir(mode=0o700)
    open_like(path, like or path)
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
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


def put_in_place(archive: bytes, run: Run) -> None:
    """Unpack a member's folder from an archive, or replace the files of a training in it.

    Other files in the folder stay.

    Raises:
        RunError: the archive is damaged, the folder cannot be written, or the run is in training.
    """
    incoming, outgoing = _beside(run)
    try:
        shutil.rmtree(incoming, ignore_errors=True)
        shutil.rmtree(outgoing, ignore_errors=True)
        is_there = os.path.lexists(run.path)
        unpack(archive, incoming, run.path if is_there else incoming.parent)
        if is_there:
            with run.take_lock():
                for entry in run.path.iterdir():
                    if not os.path.lexists(incoming / entry.name):
                        entry.rename(incoming / entry.name)
                run.path.rename(outgoing)
        incoming.rename(run.path)
    except OSError as error:
        raise RunError(f"Run {run.name} cannot be put in place: {error.strerror}.") from None
    shutil.rmtree(outgoing, ignore_errors=True)


def finish_placing(run: Run) -> None:
    """Finish the work of a process that was killed while it put a member in place."""
    incoming, outgoing = _beside(run)
    if os.path.lexists(outgoing) and not os.path.lexists(run.path):
        incoming.rename(run.path)
        shutil.rmtree(outgoing, ignore_errors=True)


def _beside(run: Run) -> tuple[Path, Path]:
    """Return temporary paths for the new folder of a member and for the old one."""
    folder = run.path.with_name(run.sweep)
    return folder / f"incoming-{run.name}", folder / f"outgoing-{run.name}"


_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Returned:
    """A member that comes back from a worker."""

    archive: bytes
    """Its run folder; empty if it was not begun."""
    failures: tuple[tuple[str, bool], ...]
    """The problems, each with whether the member was retried."""


@dataclass(frozen=True)
class Worker:
    """The facts of a Dask worker."""

    version: str
    """The version of mnistop."""
    missing: tuple[str, ...]
    """The sources that it lacks."""


def inspect(sources: tuple[str, ...]) -> Worker:
    """Inspect this worker, which begins to load PyTorch.

    Args:
        sources: the sources that will be needed.
    """
    _server()
    missing = tuple(source for source in sources if not source_exists(source))
    return Worker(version(), missing)


def fingerprints(configs: Sequence[RunConfig]) -> dict[str, Fingerprint | str]:
    """Compute the fingerprints of the members' data on this worker, if they load quickly.

    Args:
        configs: of the members.

    Returns:
        By `key_of`, each fingerprint, or a sentence on the error in the data.
    """
    found: dict[str, Fingerprint | str] = {}
    for config in configs:
        if is_fetched(config.source):
            try:
                found[key_of(config)] = load_data(config).fingerprint
            except DataError as error:
                found[key_of(config)] = str(error)
    return found


def version() -> str:
    """Return the version of mnistop on this machine."""
    try:
        return metadata.version("mnistop")
    except metadata.PackageNotFoundError:
        return "unknown"


def train(
    name: str, config: RunConfig, archive: bytes, stop: str, data: Fingerprint | None
) -> Returned:
    """Train a member to its end, or until the task is cancelled or the sweep stops.

    Args:
        name: the name of its run.
        config: its hyperparameters.
        archive: its run folder so far; empty to begin.
        stop: the name of the Dask event that stops the sweep.
        data: the fingerprint of its data; None if that is not known.
    """
    worker = get_worker()
    key, event = worker.get_current_task(), Event(stop)
    if event.is_set():
        return Returned(b"", ())
    failures: list[tuple[str, bool]] = []
    with tempfile.TemporaryDirectory(prefix="mnistop-", dir=worker.local_directory) as folder:
        run = Run(Path(folder, name))
        if archive:
            unpack(archive, run.path)
        runner = MemberRunner(_server(), max(1, usable_cores() // worker.state.nthreads))
        with ThreadPoolExecutor(1) as threads:
            training = threads.submit(
                runner.train,
                run,
                config,
                lambda _, *failure: failures.append(failure),
                data,
            )
            try:
                while not wait([training], _POLL_SECONDS).done:
                    task = worker.state.tasks.get(key)
                    if task is None or task.state != "executing" or event.is_set():
                        runner.stop()
            finally:  # also if the scheduler is gone
                runner.stop()
            training.result()
        return Returned(pack(run) if run.is_there() else b"", tuple(failures))


_kept: list[MemberServer] = []
_turn = threading.Lock()


def _server() -> MemberServer:
    """Return the server of this worker's process, for all its threads."""
    with _turn:
        if not (_kept and _kept[0].is_alive()):
            _kept[:] = [MemberServer.executed()]
        return _kept[0]
