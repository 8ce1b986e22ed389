"""Trains a member of a sweep on a Dask worker, in a scratch folder there."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import msgspec
from distributed import Event, get_worker

from mnistop.engine.config import RunConfig
from mnistop.engine.cores import usable_cores
from mnistop.engine.data.sources import is_at_hand, is_here, load
from mnistop.engine.errors import DataError
from mnistop.engine.fingerprint import Fingerprint
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.sweep.known_data import key_of
from mnistop.engine.sweep.members import Trainer
from mnistop.engine.sweep.nursery import Nursery
from mnistop.engine.sweep.parcel import pack, unpack

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
    _nursery()
    return Worker(version(), missing(sources))


def missing(sources: Sequence[str]) -> tuple[str, ...]:
    """Which of these sources this machine does not have."""
    return tuple(source for source in sources if not is_here(source))


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
        if is_at_hand(config.source):
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
        trainer = Trainer(_nursery(), max(1, usable_cores() // worker.state.nthreads))
        with ThreadPoolExecutor(1) as threads:
            training = threads.submit(
                trainer.train,
                run,
                RunConfig.from_values(json.loads(config)),
                lambda _, *failure: failures.append(failure),
                msgspec.json.decode(data, type=Fingerprint | None),
            )
            try:
                while not wait([training], _POLL_SECONDS).done:
                    task = worker.state.tasks.get(key)
                    if task is None or task.state != "executing" or event.is_set():
                        trainer.stop()
            finally:  # also if the scheduler is gone
                trainer.stop()
            training.result()
        return Returned(pack(run) if run.is_there() else b"", tuple(failures))


_kept: list[Nursery] = []
_turn = threading.Lock()


def _nursery() -> Nursery:
    """The nursery of this worker's process, for all its threads."""
    with _turn:
        if not (_kept and _kept[0].is_alive()):
            _kept[:] = [Nursery.executed()]
        return _kept[0]
