"""Train a member of a sweep on a Dask worker, in a scratch folder there that is sent back as one
piece of bytes."""

from __future__ import annotations

import io
import json
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

import msgspec
from distributed import Event, get_worker

from mnistop.engine.config import RunConfig
from mnistop.engine.cores import usable_cores
from mnistop.engine.data.sources import load, loads_quickly, source_exists
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
            with run.take_lock():
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


_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Returned:
    """What a worker sends back of a member."""

    parcel: bytes
    """The run folder; empty if it was not begun."""
    failures: tuple[tuple[str, bool], ...]
    """What has hindered it, each with whether it was tried again."""


@dataclass(frozen=True)
class Worker:
    """What a worker tells of itself."""

    version: str
    """Of mnistop."""
    missing: tuple[str, ...]
    """Sources that it does not have."""


def look(sources: tuple[str, ...]) -> Worker:
    """What is there on this worker; it begins to load PyTorch.

    Args:
        sources: that will be needed.
    """
    _server()
    return Worker(version(), missing(sources))


def missing(sources: Sequence[str]) -> tuple[str, ...]:
    """Which of these sources this machine does not have."""
    return tuple(source for source in sources if not source_exists(source))


def fingerprints(configs: Sequence[str]) -> dict[str, Fingerprint | str]:
    """What identifies the data of members on this worker, as far as they are at hand.

    Args:
        configs: hyperparameters, as JSON.

    Returns:
        By `key_of`, each fingerprint, or what is wrong with the data.
    """
    found: dict[str, Fingerprint | str] = {}
    for text in configs:
        config = RunConfig.from_values(json.loads(text))
        if loads_quickly(config.source):
            try:
                dataset = load(config.source, config.samples, pixel_range=config.pixel_range)
                found[key_of(config)] = dataset.fingerprint
            except DataError as error:
                found[key_of(config)] = str(error)
    return found


def version() -> str:
    """Of mnistop on this machine."""
    try:
        return metadata.version("mnistop")
    except metadata.PackageNotFoundError:
        return "unknown"


def train(name: str, config: str, parcel: bytes, stop: str, data: bytes) -> Returned:
    """Trains a member to its end, or until that is no longer wanted.

    Args:
        name: of its run.
        config: its hyperparameters, as JSON.
        parcel: what it has come to before; empty to begin.
        stop: the name of the Dask event that is set when the sweep is to stop.
        data: what identifies its data, as JSON; `null` where that is not known.
    """
    worker = get_worker()
    key, event = worker.get_current_task(), Event(stop)
    if event.is_set():
        return Returned(b"", ())
    failures: list[tuple[str, bool]] = []
    with tempfile.TemporaryDirectory(prefix="mnistop-", dir=worker.local_directory) as folder:
        run = Run(Path(folder, name))
        if parcel:
            unpack(parcel, run.path)
        runner = MemberRunner(_server(), max(1, usable_cores() // worker.state.nthreads))
        with ThreadPoolExecutor(1) as threads:
            training = threads.submit(
                runner.train,
                run,
                RunConfig.from_values(json.loads(config)),
                lambda _, *failure: failures.append(failure),
                msgspec.json.decode(data, type=Fingerprint | None),
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
    """The server of this worker's process, for all its threads."""
    with _turn:
        if not (_kept and _kept[0].is_alive()):
            _kept[:] = [MemberServer.executed()]
        return _kept[0]
