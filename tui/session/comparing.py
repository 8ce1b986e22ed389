"""Runs laid over each other: how far they are, at one epoch, and the settings that differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from mnistop.engine.analysis.comparison import Duel, differing, duel
from mnistop.engine.config import HYPERPARAMETERS, NAMES, RunConfig
from mnistop.engine.events import EpochFinished
from mnistop.engine.hyperparameters import as_text
from mnistop.engine.runs.entry import Listed
from mnistop.engine.runs.event_log import EventTail
from mnistop.engine.runs.history import History, reduce
from mnistop.engine.runs.run_folder import Run


def differences(one: RunConfig, other: RunConfig) -> tuple[str, str]:
    """The settings in which two runs differ, of each as in `learning rate 0.1, seed 1`.

    What has no effect in either is left out; `the same settings` if nothing is left.
    """
    idle = one.without_effect() & other.without_effect()
    apart = [
        name for name in NAMES if name not in idle and getattr(one, name) != getattr(other, name)
    ]
    if not apart:
        return "the same settings", "the same settings"
    first, second = (
        in_words({name: as_text(getattr(config, name)) for name in apart})
        for config in (one, other)
    )
    return first, second


def in_words(settings: Mapping[str, str]) -> str:
    """Settings by their labels, as in `learning rate 0.5, hidden layers none`.

    Args:
        settings: texts by name; none means those of the notebook.
    """
    words = ", ".join(f"{HYPERPARAMETERS[name].label} {text}" for name, text in settings.items())
    return words or "as the notebook"


@dataclass(frozen=True)
class Compared:
    """One of the runs."""

    run: Run
    title: str
    config: RunConfig
    history: History = field(default_factory=History)

    @classmethod
    def of(cls, listed: Listed) -> Compared:
        """A run of a list.

        Raises:
            RunError: its configuration cannot be read.
        """
        return cls(listed.run, listed.title, listed.run.config())

    @property
    def images(self) -> int:
        """How many validation images it is judged on."""
        return self.history.started.validation_images if self.history.started else 1

    def at(self, epoch: int | None) -> EpochFinished | None:
        """The results of an epoch, the newest for None; None if the run has not had it."""
        epochs = self.history.epochs
        if epoch is None:
            return epochs[-1] if epochs else None
        return epochs[epoch] if epoch < len(epochs) else None


class Comparing:
    """Reads the runs, and knows the epoch at which they are read out.

    Args:
        runs: two or more, which need not have begun.
        left_out: the names of others, that would be too many to be told apart.
    """

    def __init__(self, runs: Sequence[Compared] = (), left_out: Sequence[str] = ()) -> None:
        self.left_out = left_out
        self.runs: list[Compared] = []
        self.settings: dict[str, list[str]] = {}
        """The hyperparameters that differ, with a value for each run."""
        self.cursor: int | None = None
        """The epoch that is read out, None for each one's newest."""
        self.duel: Duel | None = None
        """What both say to the same images, if there are two."""
        self._tails: list[EventTail] = []
        self._judged: tuple[int, int] | None = None
        self._early: list[int] | None = []
        """Moves that were asked for before anything was read; None since then."""
        for one in runs:
            self.add(one)

    def add(self, one: Compared) -> None:
        """Lays one more run over the others."""
        self.runs.append(one)
        self._tails.append(EventTail(one.run))
        self.settings = differing([one.config for one in self.runs])

    @property
    def when(self) -> str:
        """The epoch that is read out, in words."""
        return "newest epoch of each" if self.cursor is None else f"epoch {self.cursor}"

    @property
    def longest(self) -> int:
        """The most epochs that one of them has had."""
        return max((len(one.history.epochs) for one in self.runs), default=0)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, once they are known."""
        for one in self.runs:
            if one.history.started:
                return tuple(one.history.started.class_names)
        return ()

    def read(self) -> bool:
        """Reads what the runs have said since; says whether that is anything."""
        found = False
        for place, tail in enumerate(self._tails):
            said = []
            while batch := tail.read():
                said += batch
            if said:
                one = self.runs[place]
                self.runs[place] = replace(one, history=reduce(one.history, said))
                found = True
        early, self._early = self._early, None
        for by in early or ():
            self.move(by)
        self.judge()
        return found

    def move(self, by: int) -> None:
        """Moves the epoch that is read out, within those that there are once they are read."""
        if self._early is not None:
            self._early.append(by)
            return
        last = self.longest - 1
        if last >= 0:
            start = last if self.cursor is None else self.cursor
            self.cursor = max(0, min(last, start + by))

    def judge(self) -> None:
        """Reads what two models say to the images at the epoch that is read out."""
        if len(self.runs) != 2 or not self.classes:
            return
        counts = [len(one.history.epochs) for one in self.runs]
        if self.cursor is not None:
            counts = [min(count, self.cursor + 1) for count in counts]
        after = (counts[0], counts[1])
        if after != self._judged:
            one, other = self.runs
            self.duel = duel(one.run, other.run, after, len(self.classes))
            self._judged = after
