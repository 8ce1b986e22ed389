"""Trains the members of a sweep, each in a process of its own, and tries again what dies.

Who does so only waits, and needs no PyTorch.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from mnistop.engine import events
from mnistop.engine.config import RunConfig
from mnistop.engine.data.sources import loads_quickly
from mnistop.engine.errors import MnistopError, RunError
from mnistop.engine.fingerprint import Fingerprint
from mnistop.engine.process.control import stop
from mnistop.engine.runs import glance
from mnistop.engine.runs.event_log import EventLog
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.sweep.member_server import MemberServer, Wanted

if TYPE_CHECKING:
    from mnistop.engine.training.examples import Examples

RETRIES = 2
"""How often a member is tried again when its process has died."""

POLL_SECONDS = 0.05

DIED = "Its process ended without a message: it was killed, or the memory was full."

SETTLED = ("finished", "diverged")
"""The states of a member for which nothing is left to be done."""


def state_of(run: Run) -> str:
    """What has become of a member.

    Returns:
        `waiting` before it is begun; `finished stopped diverged` or `failed` once it has said its
        last word; `interrupted` if it has said none.
    """
    if not run.is_there():
        return "waiting"
    match glance.ended(run):
        case events.RunFinished():
            return "finished"
        case events.RunStopped():
            return "stopped"
        case events.RunFailed(diverged=diverged):
            return "diverged" if diverged else "failed"
    return "interrupted"


OnFailure = Callable[[Run, str, bool], None]
"""Called with a member, what has hindered it in words, and whether it is tried again."""


def failures_to(log: EventLog) -> OnFailure:
    """Has what hinders members said by a sweep."""

    def tell(run: Run, message: str, retried: bool) -> None:
        log.say(events.MemberFailed, member=run.name, message=message, retried=retried)

    return tell


class MemberRunner:
    """Trains members, in as many threads as call it.

    Args:
        server: forks off the training processes.
        cores: how many processor threads each member may have at most where it chooses.
    """

    def __init__(self, server: MemberServer, cores: int = 1) -> None:
        self._server = server
        self.cores = cores
        self._in_training: dict[str, Run] = {}
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Begins no other member, and stops those in training with a checkpoint."""
        self._stopping.set()
        for run in list(self._in_training.values()):
            with contextlib.suppress(RunError):
                stop(run)

    @property
    def is_stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping.is_set()

    def train(
        self, run: Run, config: RunConfig, on_failure: OnFailure, data: Fingerprint | None
    ) -> str:
        """Trains a member to its end, from its last checkpoint if it has begun.

        Args:
            run: the member; its folder is made if it is not there.
            config: its hyperparameters.
            on_failure: called with what hinders it.
            data: what its data must be; None where that is not known.

        Returns:
            Its state then, as `state_of` has it.
        """
        for retries_left in range(RETRIES, -1, -1):
            self._wait_for_others(run)
            state = state_of(run)
            if self.is_stopping or state in SETTLED:
                break
            hindrance = self._train_once(run, config, data)
            state = state_of(run)
            if hindrance is None and state in (*SETTLED, "stopped"):
                break
            dead = hindrance is None and state != "failed"
            retried = dead and retries_left > 0 and not self.is_stopping
            on_failure(run, hindrance or (DIED if dead else _last_words(run)), retried)
            if not retried:
                break
        return state

    def _wait_for_others(self, run: Run) -> None:
        """A member may be in training already: somebody has resumed it, or it is just dying."""
        while run.is_running() and not self.is_stopping:
            time.sleep(POLL_SECONDS)

    def _train_once(self, run: Run, config: RunConfig, data: Fingerprint | None) -> str | None:
        """Returns when the process has ended; what has kept it from beginning is returned."""
        what = run if run.is_there() else config
        try:
            config = glance.config_to_resume(run) if run.is_there() else config
        except RunError as error:
            return str(error)
        wanted = Wanted(config, data) if loads_quickly(config.source) else None
        with (
            self._server.start(_train, wanted, what, run.path, self.cores) as process,
            contextlib.suppress(EOFError, OSError, RunError),
        ):
            answer = process.recv()
            if isinstance(answer, MnistopError):
                return str(answer)
            self._in_training[run.name] = run
            if self.is_stopping:
                stop(run)
            process.recv_bytes()  # it says no more: this is its end
        self._in_training.pop(run.name, None)
        return None


def _train(
    caller: Connection, examples: Examples | None, what: RunConfig | Run, path: Path, cores: int
) -> None:
    """What the training process does, which has PyTorch from the server."""
    from mnistop.engine.process import job

    job.train_member(caller, examples, what, path, cores)


def _last_words(run: Run) -> str:
    ended = glance.ended(run)
    return ended.message if isinstance(ended, events.RunFailed) else ""
