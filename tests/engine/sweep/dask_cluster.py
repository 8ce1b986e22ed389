"""A real Dask cluster of processes of this machine."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from distributed import Client

from tests.helpers.small_runs import ROOT
from tests.helpers.waiting import wait_until


class DaskCluster:
    """A scheduler and its workers.

    Args:
        folder: for their files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        self.workers: list[subprocess.Popen[bytes]] = []
        self._file = folder / "scheduler.json"
        self._start("scheduler", "--host", "127.0.0.1", "--port", "0")
        wait_until(lambda: self._file.exists() and self._file.read_text().endswith("}"))
        self.address: str = json.loads(self._file.read_text())["address"]

    def folder_of(self, worker: int) -> Path:
        """The working folder of a worker, by its number."""
        return self._folder / f"home {worker}"

    def add_worker(self) -> None:
        """Starts a worker for one task at a time; it may be killed by its process."""
        folder = self._folder / f"worker {len(self.workers)}"
        options = ("--no-nanny", "--nthreads", "1", "--local-directory", str(folder))
        home = self.folder_of(len(self.workers))
        home.mkdir()
        self.workers.append(self._start("worker", *options, home=home))

    def is_training(self, worker: int) -> bool:
        """Return whether a worker is training a member that has finished an epoch."""
        said = (self._folder / f"worker {worker}").rglob("mnistop-*/*/events.jsonl")
        with contextlib.suppress(FileNotFoundError):  # just done
            return any("EpochFinished" in path.read_text() for path in said)
        return False

    def _start(self, what: str, *options: str, home: Path | None = None) -> subprocess.Popen[bytes]:
        number = len(self._processes)
        with (self._folder / f"{what}-{number}.log").open("wb") as log:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", f"distributed.cli.dask_{what}", "--no-dashboard"),
                    *("--scheduler-file", str(self._file)),
                    *options,
                ],
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                cwd=home,
                stdout=log,
                stderr=log,
            )
        self._processes.append(process)
        return process

    def end(self) -> None:
        """Ends all of it."""
        for process in reversed(self._processes):
            process.kill()
            process.wait()


@contextlib.contextmanager
def dask_cluster(folder: Path, workers: int) -> Iterator[DaskCluster]:
    folder.mkdir()
    cluster = DaskCluster(folder)
    try:
        for _ in range(workers):
            cluster.add_worker()
        with Client(cluster.address) as client:
            client.wait_for_workers(workers)
        yield cluster
    finally:
        cluster.end()
