"""Progress and results of a sweep's runs, grouped by all settings but the seed."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from mnistop.engine.analysis.coach import advise, advise_on_rate
from mnistop.engine.analysis.coach.rules import FEW_EPOCHS
from mnistop.engine.config import RunConfig
from mnistop.engine.evaluate import wilson_interval
from mnistop.engine.runs.entry import Results
from mnistop.engine.runs.event_log import EventTail
from mnistop.engine.runs.history import History, reduce
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.sweep_folder import Sweep


@dataclass
class _Tail:
    """A member that may have new events."""

    run: Run
    events: EventTail
    history: History = field(default_factory=History)


class SweepReader:
    """The outcomes of a sweep's runs, in the order of its plan.

    Args:
        sweep: the sweep.

    Raises:
        RunError: its plan or its state cannot be read.
    """

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep
        self.state = ""
        """See `Sweep.state`; empty before the first reading."""
        plan = sweep.plan()
        sweep.check_readable()
        self.dask = plan.dask
        """The Dask scheduler that it was planned for; empty for this machine."""
        self.problem = ""
        """See `Sweep.problem`."""
        self.outcomes = [Outcome(config) for config in plan.configs]
        self._tails: dict[int, _Tail] = {}
        for place in range(len(self.outcomes)):
            run = sweep.member(place + 1)
            self._tails[place] = _Tail(run, EventTail(run))

    @property
    def done(self) -> int:
        """The number of runs with nothing left to train."""
        return sum(one.is_done for one in self.outcomes)

    def read(self) -> bool:
        """Read new events; return whether anything has changed."""
        before = self.state
        self.state = self.sweep.state()
        if self.state != before:
            self.problem = self.sweep.problem()
        changed = [self._read(place) for place in list(self._tails)]
        return any(changed) or self.state != before

    def _read(self, place: int) -> bool:
        tail, before = self._tails[place], self.outcomes[place]
        if before.name == "" and not tail.run.is_there():
            return False
        running = tail.run.is_running()  # first: later events are read the next time
        found = []
        while batch := tail.events.read():
            found += batch
        if found:
            tail.history = reduce(tail.history, found)
        state = tail.history.state(running)
        if not found and before.name and state == before.state:
            return False
        self.outcomes[place] = Outcome.of(
            tail.history,
            config=before.config,
            name=tail.run.name,
            state=state,
            verdict=rate_verdict(tail.history, before.config),
        )
        if self.outcomes[place].is_done:
            del self._tails[place]
        return True


_VERDICTS = {
    "diverged": "too high: diverged",
    "exploded": "too high: exploded",
    "stuck": "too high: stuck",
    "swinging": "too high: swings",
    "dead ReLUs": "high: dead ReLUs",
    "too low": "too low",
}
"""By the kind of advice, if `mnistop.engine.learning_rate` has a lower or a higher rate."""

_NOTHING_YET = ("waiting", "start", "neutral")
_DATA = ("blank images", "one class")
"""Kinds of advice on data with which curves say nothing about a rate."""


def rate_verdict(history: History, config: RunConfig) -> str:
    """Return whether the learning rate of a run was too high, too low or right.

    Args:
        history: what the run has recorded.
        config: its hyperparameters.

    Returns:
        As in `too high: diverged` or `right`; empty if the curves do not show it.
    """
    kind = advise(history, config, None).kind
    if kind in _DATA:
        return ""
    if on_rate := advise_on_rate(history, config, None):
        return _VERDICTS[on_rate.kind]
    return "" if len(history.epochs) < FEW_EPOCHS or kind in _NOTHING_YET else "right"


WAITING = "waiting"
"""The state of a run that has not begun."""

ATTACK = 0.1
"""The default ε under which models are compared."""


@dataclass(frozen=True)
class Outcome(Results):
    """The results of a sweep's run so far."""

    config: RunConfig
    name: str = ""
    """The run's name; empty while it waits."""
    state: str = WAITING
    """See `History.state`; or `WAITING`."""
    verdict: str = ""
    """See `rate_verdict`."""
    attacked: float | None = None
    """Accuracy when every validation image is attacked; None if that was not measured."""

    @property
    def is_done(self) -> bool:
        """True if nothing is left to train: all epochs are finished, or it diverged."""
        return self.state == "finished" or self.diverged

    @property
    def counts(self) -> bool:
        """True if it has or may still get a usable model."""
        return not self.is_done or self.state == "finished"


Value = Callable[[Outcome], float | None]
"""A number of a run; None if it is not known."""


def best_acc(one: Outcome) -> float | None:
    """Validation accuracy of the best epoch."""
    return one.best_val_acc


def unseen_acc(one: Outcome) -> float | None:
    """Accuracy on images never seen, of the best epoch."""
    return one.test_acc


@dataclass(frozen=True)
class Measured:
    """A number over the runs of a group that have it."""

    mean: float
    spread: float | None
    """The sample's standard deviation; None for one run."""
    count: int


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seed alone."""

    outcomes: tuple[Outcome, ...]

    @property
    def config(self) -> RunConfig:
        """The hyperparameters, with the first seed."""
        return self.outcomes[0].config

    @property
    def images(self) -> int:
        """Validation images of each."""
        return max(one.validation_images or 1 for one in self.outcomes)

    def images_of(self, value: Value) -> int:
        """Return the number of images behind an accuracy of each run."""
        tested = max(one.test_images or 0 for one in self.outcomes)
        return tested if value is unseen_acc and tested else self.images

    @property
    def done(self) -> int:
        """The number of runs with nothing left to train."""
        return sum(one.is_done for one in self.outcomes)

    @property
    def verdict(self) -> str:
        """The most common verdict, with its count if the runs differ; empty if there is none."""
        counts = Counter(one.verdict for one in self.outcomes if one.verdict)
        if not counts:
            return ""
        ((most, number),) = counts.most_common(1)
        return most if len(counts) == 1 else f"{most} ({number}/{counts.total()})"

    def measured(self, value: Value) -> Measured | None:
        """Return the mean of a number and its spread over the seeds; None if no run has it.

        If some runs are done, the others do not count.
        """
        counted = [one for one in self.outcomes if one.is_done] or self.outcomes
        found = [number for one in counted if (number := value(one)) is not None]
        if not found:
            return None
        spread = statistics.stdev(found) if len(found) > 1 else None
        return Measured(statistics.fmean(found), spread, len(found))


def grouped(outcomes: Iterable[Outcome]) -> list[Group]:
    """Group runs by their hyperparameters without the seed, in the order of first runs."""
    groups: dict[RunConfig, list[Outcome]] = {}
    for one in outcomes:
        groups.setdefault(replace(one.config, seed=0), []).append(one)
    return [Group(tuple(members)) for members in groups.values()]


def highest(groups: Sequence[Group], value: Value) -> Group | None:
    """Return the group with the highest mean of a number; None if no group has it."""
    found = [(group.measured(value), group) for group in groups]
    known = [(measured.mean, group) for measured, group in found if measured]
    return max(known, key=lambda each: each[0])[1] if known else None


def comparable(groups: Sequence[Group]) -> Value:
    """Return the accuracy by which groups are compared.

    That is the one on unseen images, if all runs with a result have it of equally many images; else
    the one on the validation images at the best epoch. Runs that diverged have no result.
    """
    reached = [one for group in groups for one in group.outcomes if one.epochs]
    images = {one.test_images if one.test_acc is not None else 0 for one in reached if one.counts}
    return unseen_acc if len(images) == 1 and 0 not in images else best_acc


def best_of(groups: Sequence[Group]) -> tuple[Group, list[Group]] | None:
    """Return the group of the highest accuracy (see `comparable`), and those that may be as good.

    Their mean lies within the 95% interval of the best group's mean, by the number of images.
    """
    accuracy = comparable(groups)
    best = highest(groups, accuracy)
    if best is None or not (measured := best.measured(accuracy)):
        return None
    low, _ = wilson_interval(measured.mean, best.images_of(accuracy))
    others = [
        group
        for group in groups
        if group is not best and (found := group.measured(accuracy)) and found.mean >= low
    ]
    return best, others
