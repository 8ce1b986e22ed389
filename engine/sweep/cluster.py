"""The executor that trains a sweep's members on a Dask cluster, through joblib.

Each is trained in a scratch folder of a worker (`mnistop.engine.sweep.cluster_member`) and comes
back as an archive, to be put in place here. Dask gives the members of a lost worker to another.
"""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import joblib
from distributed import Client, Event
from joblib._dask import DaskDistributedBackend

from mnistop.engine.config import RunConfig
from mnistop.engine.errors import MnistopError, RunError
from mnistop.engine.runs.event_log import EventLog
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.sweep import cluster_member
from mnistop.engine.sweep.cluster_member import Returned, finish_placing, pack, put_in_place
from mnistop.engine.sweep.known_data import DataCheck, Fingerprints, key_of
from mnistop.engine.sweep.members import OnFailure, failures_to, state_of

_PATIENCE = 5
"""Seconds in which a scheduler must answer, and have a worker."""


class Cluster:
    """A Dask cluster that trains members.

    Args:
        address: of its scheduler, as in `tcp://host:8786`.

    Raises:
        RunError: there is no scheduler, or it has no workers.
    """

    def __init__(self, address: str) -> None:
        try:
            self._client = Client(address, timeout=_PATIENCE, set_as_default=False)
        except (OSError, ValueError, TimeoutError):
            raise RunError(
                f"No Dask scheduler can be reached at {address}: check that it runs, and its "
                "address, as in tcp://host:8786."
            ) from None
        self._address = address
        self._stopping = threading.Event()
        self._known: Fingerprints = {}

    def check(self, sources: Sequence[str]) -> None:
        """Check that the workers have mnistop and the data.

        Raises:
            RunError: one lacks mnistop, has another version of it, or not the data.
        """
        try:
            self._client.wait_for_workers(1, timeout=_PATIENCE)
        except TimeoutError:
            raise RunError(
                f"The Dask cluster at {self._address} has no workers: start some, as by "
                f"dask worker {self._address}."
            ) from None
        found = self._client.run(cluster_member.inspect, tuple(sources), on_error="return")
        for worker, seen in found.items():
            if not isinstance(seen, cluster_member.Worker):
                raise RunError(
                    f"The Dask worker {worker} cannot train ({seen}): install mnistop there, "
                    f"version {cluster_member.version()} as here."
                )
            if seen.version != cluster_member.version():
                raise RunError(
                    f"The Dask worker {worker} has mnistop {seen.version}, and "
                    f"{cluster_member.version()} is here: install the same there."
                )
            if seen.missing:
                raise RunError(
                    f"The Dask worker {worker} has no {seen.missing[0]}: put the data where all "
                    "workers find them by that path, or use bundled, digits or openml."
                )

    def check_data(self, configs: Sequence[RunConfig], data: DataCheck) -> None:
        """Check that all workers have the same data, as far as these load quickly.

        Args:
            configs: of the members.
            data: compares them, and keeps the fingerprints that only the workers know.

        Raises:
            RunError: one has other data.
        """
        different = {key_of(config): config for config in configs}
        found = self._client.run(cluster_member.fingerprints, list(different.values()))
        data.check_workers(found, configs)
        self._known = data.known

    def places(self, configs: Sequence[RunConfig]) -> int:
        """Return the number of members trained at once: one in each thread of the workers."""
        return sum(self._client.ncores().values())

    def stop(self) -> None:
        """Start no other member; those in training stop with a checkpoint and come back."""
        self._stopping.set()

    @property
    def is_stopping(self) -> bool:
        """True once `stop` was called."""
        return self._stopping.is_set()

    def train_all(
        self,
        todo: Sequence[tuple[Run, RunConfig]],
        jobs: int | None,
        log: EventLog,
    ) -> Iterator[str]:
        """Train members, and put them in place as they come back, see `Executor`."""
        event = Event(f"mnistop-stop-{uuid.uuid4().hex}", client=self._client)
        threading.Thread(target=lambda: self._stopping.wait() and event.set(), daemon=True).start()
        members = {run.name: run for run, _ in todo}
        for run in members.values():
            finish_placing(run)
        joblib.register_parallel_backend("mnistop-dask", _Backend)
        with joblib.parallel_config("mnistop-dask", client=self._client):
            train = joblib.Parallel(
                batch_size=1, pre_dispatch=jobs or "all", return_as="generator_unordered"
            )
            on_failure = failures_to(log)
            for name, answer in train(
                joblib.delayed(cluster_member.train)(
                    run.name,
                    config,
                    pack(run) if run.is_there() else b"",
                    event.name,
                    self._known.get(key_of(config)),
                )
                for run, config in todo
            ):
                run = members[name]
                _receive(run, answer, on_failure)
                yield state_of(run)
        with contextlib.suppress(OSError):  # a scheduler that is gone has forgotten it
            event.clear()


def _receive(run: Run, answer: Returned | Exception, on_failure: OnFailure) -> None:
    if isinstance(answer, Exception):
        on_failure(run, _describe_error(answer), False)
        return
    try:
        if answer.archive:
            put_in_place(answer.archive, run)
    except MnistopError as error:
        on_failure(run, str(error), False)
    for failure in answer.failures:
        on_failure(run, *failure)


def _describe_error(error: Exception) -> str:
    match type(error).__name__:
        case "KilledWorker":
            return "Worker after worker died while training it."
        case "CancelledError" | "FutureCancelledError":
            return "The connection to the Dask cluster was lost."
    return str(error) if isinstance(error, MnistopError) else f"{type(error).__name__}: {error}."


class _Backend(DaskDistributedBackend):  # type: ignore[misc]
    """joblib's back end for Dask, with results that carry the first argument of their task.

    An error of a task is a result too; joblib's own back end would wait forever for a task that
    Dask has given up.
    """

    def effective_n_jobs(self, n_jobs: int) -> int:
        """Return the maximum of tasks at once; with one, joblib would do them all here."""
        places: int = super().effective_n_jobs(n_jobs)
        return max(2, places)

    def submit(self, func: Any, callback: Any = None) -> Any:
        """Submit a batch of one task to Dask."""
        ((_, (name, *_), _),) = func.items

        def called(out: Any) -> None:
            callback((name, out))

        def failed(done: Any) -> None:
            if error := done.exception():
                called(error)

        future = super().submit(func, called)
        future.add_done_callback(failed)
        return future

    def retrieve_result_callback(self, out: Any) -> list[tuple[str, Any]]:
        """Return the name of the task, and its result or its error."""
        name, result = out
        try:
            if isinstance(result, BaseException):
                raise result
            (result,) = super().retrieve_result_callback(result)
        except Exception as error:
            return [(name, error)]
        return [(name, result)]
