"""Reads how far the runs of a sweep are, again and again, and only what is new."""

from __future__ import annotations

from dataclasses import dataclass, field

from mnistop.engine.runs.event_log import EventTail
from mnistop.engine.runs.history import History, reduce
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.engine.sweep.outcomes import Outcome


@dataclass
class _Tail:
    """A member that may still say something."""

    run: Run
    events: EventTail
    history: History = field(default_factory=History)


class SweepReader:
    """The outcomes of a sweep's runs, in the order of its plan.

    Args:
        sweep: which.

    Raises:
        RunError: its plan or its state cannot be read.
    """

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep
        self.state = ""
        """The sweep's own, as `Sweep.state` has it; empty before the first reading."""
        plan = sweep.plan()
        sweep.check_readable()
        self.dask = plan.dask
        """The Dask scheduler that it was planned for; empty for this machine."""
        self.trouble = ""
        """What has ended the sweep's process before all was done, in words."""
        self.outcomes = [Outcome(config) for config in plan.configs]
        self._tails: dict[int, _Tail] = {}
        for place in range(len(self.outcomes)):
            run = sweep.member(place + 1)
            self._tails[place] = _Tail(run, EventTail(run))

    @property
    def done(self) -> int:
        """How many runs have nothing left to train."""
        return sum(one.is_done for one in self.outcomes)

    def read(self) -> bool:
        """Reads what has been said since; says whether anything has changed."""
        before = self.state
        self.state = self.sweep.state()
        if self.state != before:
            self.trouble = self.sweep.trouble()
        changed = [self._read(place) for place in list(self._tails)]
        return any(changed) or self.state != before

    def _read(self, place: int) -> bool:
        tail, before = self._tails[place], self.outcomes[place]
        if before.name == "" and not tail.run.is_there():
            return False
        running = tail.run.is_running()  # first: what is said after this is read the next time
        said = []
        while batch := tail.events.read():
            said += batch
        if said:
            tail.history = reduce(tail.history, said)
        state = tail.history.state(running)
        if not said and before.name and state == before.state:
            return False
        self.outcomes[place] = Outcome.of(before.config, tail.run.name, state, tail.history)
        if self.outcomes[place].is_done:
            del self._tails[place]
        return True
