"""The training of a sweep's members, each in a process of its own; a member that dies is retried.

`MemberRunner` trains single members, here or on a Dask worker; it only waits, and needs no PyTorch.
`ThisMachine` trains all of them through joblib, whose threads only wait too: each member's process
is forked off a server that has PyTorch and the data in memory, where joblib's own processes would
each load them again.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from mnistop.engine import events
from mnistop.engine.config import RunConfig
from mnistop.engine.cores import usable_cores
from mnistop.engine.data.sources import is_fetched, load
from mnistop.engine.errors import MnistopError, RunError
from mnistop.engine.fingerprint import Fingerprint
from mnistop.engine.process.control import stop
from mnistop.engine.runs.event_log import EventLog, final_event
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.sweep.known_data import DataCheck, key_of
from mnistop.engine.sweep.member_server import MemberServer, NeededData

if TYPE_CHECKING:
    from mnistop.engine.training.examples import Examples

RETRIES = 2
"""The number of retries of a member whose process has died."""

POLL_SECONDS = 0.05

DIED = "Its process ended without a message: it was killed, or the memory was full."

SETTLED = ("finished", "diverged")
"""The states of a member that needs no more training."""


def state_of(run: Run) -> str:
    """Return the state of a member that is not in training.

    Returns:
        `waiting` before it is begun; `finished stopped diverged` or `failed` after its final
        event; `interrupted` if it has none.
    """
    if not run.is_there():
        return "waiting"
    match final_event(run):
        case events.RunFinished():
            return "finished"
        case events.RunStopped():
            return "stopped"
        case events.RunFailed(diverged=diverged):
            return "diverged" if diverged else "failed"
    return "interrupted"


OnFailure = Callable[[Run, str, bool], None]
"""Called with a member, the problem in words, and whether the member is retried."""


def failures_to(log: EventLog) -> OnFailure:
    """Return a callback that records the failures of members in a sweep's log."""

    def record(run: Run, message: str, retried: bool) -> None:
        log.record(events.MemberFailed, member=run.name, message=message, retried=retried)

    return record


class MemberRunner:
    """A runner of members, in as many threads as call it.

    Args:
        server: forks off the training processes.
        cores: the most processor threads that a member may choose.
    """

    def __init__(self, server: MemberServer, cores: int = 1) -> None:
        self._server = server
        self.cores = cores
        self._in_training: dict[str, Run] = {}
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Start no other member, and stop those in training with a checkpoint."""
        self._stopping.set()
        for run in list(self._in_training.values()):
            with contextlib.suppress(RunError):
                stop(run)

    @property
    def is_stopping(self) -> bool:
        """True once `stop` was called."""
        return self._stopping.is_set()

    def train(
        self, run: Run, config: RunConfig, on_failure: OnFailure, data: Fingerprint | None
    ) -> str:
        """Train a member to its end, from its last checkpoint if it has begun.

        Args:
            run: the member; its folder is made if it does not exist.
            config: its hyperparameters.
            on_failure: called with each problem.
            data: the fingerprint that its data must have; None if that is not known.

        Returns:
            Its state then, see `state_of`.
        """
        for retries_left in range(RETRIES, -1, -1):
            while run.is_running() and not self.is_stopping:  # resumed by the user, or just dying
                time.sleep(POLL_SECONDS)
            state = state_of(run)
            if self.is_stopping or state in SETTLED:
                break
            problem = self._train_once(run, config, data)
            state = state_of(run)
            if not problem and state in (*SETTLED, "stopped"):
                break
            retried = False
            if not problem:
                ended = final_event(run)
                problem = ended.message if isinstance(ended, events.RunFailed) else DIED
                retried = state != "failed" and retries_left > 0 and not self.is_stopping
            on_failure(run, problem, retried)
            if not retried:
                break
        return state

    def _train_once(self, run: Run, config: RunConfig, data: Fingerprint | None) -> str:
        """Train a member until its process has ended; return why it could not begin, else empty."""
        what: RunConfig | Run = config
        try:
            if run.is_there():
                what, config = run, run.config_to_resume()
        except RunError as error:
            return str(error)
        needed = NeededData(config, data) if is_fetched(config.source) else None
        with (
            self._server.start(_train, needed, what, run.path, self.cores) as process,
            contextlib.suppress(EOFError, OSError, RunError),
        ):
            answer = process.recv()
            if isinstance(answer, MnistopError):
                return str(answer)
            self._in_training[run.name] = run
            if self.is_stopping:
                stop(run)
            process.recv_bytes()  # nothing more comes: this waits for its end
        self._in_training.pop(run.name, None)
        return ""


def _train(
    caller: Connection, examples: Examples | None, what: RunConfig | Run, path: Path, cores: int
) -> None:
    """Import the training process where the server has loaded PyTorch, and become one."""
    from mnistop.engine.process import job

    job.train_member(caller, examples, what, path, cores)


class ThisMachine(MemberRunner):
    """The executor that trains members on this machine.

    Args:
        server: forks off the training processes.
        data: compares the data of members.
    """

    def __init__(self, server: MemberServer, data: DataCheck) -> None:
        super().__init__(server)
        self._data = data

    def places(self, configs: Sequence[RunConfig]) -> int:
        """Return the number of members trained at once: what the cores allow.

        Members that choose their threads count as one each.
        """
        threads = max(1 if config.threads == "auto" else config.threads for config in configs)
        return max(1, usable_cores() // threads)

    def train_all(
        self, todo: Sequence[tuple[Run, RunConfig]], jobs: int | None, log: EventLog
    ) -> Iterator[str]:
        """Train members, see `mnistop.engine.sweep.job.Executor`.

        Raises:
            MnistopError: data cannot be fetched, or have changed.
        """
        import joblib

        configs = [config for _, config in todo]
        self._fetch(configs, log)
        at_once = min(jobs or self.places(configs), len(todo))
        self.cores = max(1, usable_cores() // at_once)
        train = joblib.Parallel(at_once, backend="threading", return_as="generator_unordered")
        on_failure, known = failures_to(log), self._data.known
        yield from train(
            joblib.delayed(self.train)(run, config, on_failure, known.get(key_of(config)))
            for run, config in todo
        )

    def _fetch(self, configs: Sequence[RunConfig], log: EventLog) -> None:
        """Fetch the data that do not load quickly, once for all members, and compare them."""
        late = [config for config in configs if not is_fetched(config.source)]
        for source in sorted({config.source for config in late}):
            with (
                self._server.start(_fetch, None, source) as process,
                contextlib.suppress(EOFError),
            ):
                while not self.is_stopping:
                    if process.poll(POLL_SECONDS):
                        message = process.recv()
                        if isinstance(message, MnistopError):
                            raise message
                        log.record(events.Preparing, message=message)
        if late and not self.is_stopping:
            self._data.check(late, self._server)
            self._data.record(log)


def _fetch(caller: Connection, _: Examples | None, source: str) -> None:
    """Load data for the first time; the caller gets lines on the progress."""
    load(source, progress=caller.send)
