"""Hand the members of a sweep out to the cores of this machine, through joblib.

joblib's threads only wait: each member is trained by a process of its own, forked off a server
that has PyTorch and the data in memory. joblib's own processes would each load them again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection

import joblib

from mnistop.engine import events
from mnistop.engine.config import RunConfig
from mnistop.engine.cores import usable_cores
from mnistop.engine.data.sources import load, loads_quickly
from mnistop.engine.errors import MnistopError
from mnistop.engine.runs.event_log import EventLog
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.sweep.known_data import DataCheck, key_of
from mnistop.engine.sweep.member_server import MemberServer
from mnistop.engine.sweep.members import POLL_SECONDS, MemberRunner, failures_to
from mnistop.engine.training.examples import Examples


class ThisMachine:
    """This machine, which trains members.

    Args:
        server: forks off the training processes.
        data: compares the data of members.
    """

    def __init__(self, server: MemberServer, data: DataCheck) -> None:
        self._server = server
        self._data = data
        self._trainer = MemberRunner(server)

    def places(self, configs: Sequence[RunConfig]) -> int:
        """How many members are trained at once: what the cores allow, each with its threads.

        Members that choose theirs are trained with one each as long as there are enough of them.
        """
        threads = max(1 if config.threads == "auto" else config.threads for config in configs)
        return max(1, usable_cores() // threads)

    def stop(self) -> None:
        """Begins no other member, and stops those in training with a checkpoint."""
        self._trainer.stop()

    @property
    def is_stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._trainer.is_stopping

    def train_all(
        self, todo: Sequence[tuple[Run, RunConfig]], jobs: int | None, log: EventLog
    ) -> Iterator[str]:
        """Trains members.

        Args:
            todo: the members with their hyperparameters.
            jobs: how many at once; None for as many as there are places.
            log: gets what hinders them.

        Yields:
            The state of each, as `state_of` has it, in the order of their ends.

        Raises:
            MnistopError: data cannot be fetched, or have changed.
        """
        configs = [config for _, config in todo]
        self._fetch(configs, log)
        at_once = min(jobs or self.places(configs), len(todo))
        self._trainer.cores = max(1, usable_cores() // at_once)
        train = joblib.Parallel(
            at_once,
            backend="threading",
            return_as="generator_unordered",
        )
        tell = failures_to(log)
        yield from train(
            joblib.delayed(self._trainer.train)(
                run, config, tell, self._data.known.get(key_of(config))
            )
            for run, config in todo
        )

    def _fetch(self, configs: Sequence[RunConfig], log: EventLog) -> None:
        """Has data fetched that are not at hand, once for all members, and compares them."""
        late = [config for config in configs if not loads_quickly(config.source)]
        for source in sorted({config.source for config in late}):
            if self.is_stopping:
                return
            with self._server.start(_fetch, None, source) as process:
                while not self.is_stopping:
                    if not process.poll(POLL_SECONDS):
                        continue
                    try:
                        told = process.recv()
                    except EOFError:
                        break
                    if isinstance(told, MnistopError):
                        raise told
                    log.say(events.Preparing, message=told)
        if late and not self.is_stopping:
            self._data.check(late, self._server)
            self._data.record(log)


def _fetch(caller: Connection, _: Examples | None, source: str) -> None:
    """Loads data for the first time; the caller gets a line to show now and then."""
    load(source, progress=caller.send)
