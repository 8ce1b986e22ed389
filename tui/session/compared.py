"""Runs laid over each other: their curves, results at one epoch, and settings that differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from textual.message import Message

from mnistop.engine.analysis.comparison import Duel, differing_settings, duel
from mnistop.engine.config import NAMES, RunConfig, label_of
from mnistop.engine.events import EpochFinished
from mnistop.engine.formatting import count
from mnistop.engine.hyperparameters import as_text
from mnistop.engine.runs.entry import RunEntry
from mnistop.engine.runs.event_log import EventTail
from mnistop.engine.runs.history import History, reduce
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.draw.chart import Chart, chart
from mnistop.tui.draw.series import Series
from mnistop.tui.toolkit.bindings import bindings, epochs, key
from mnistop.tui.toolkit.plotted_pane import Kind, LossAndAccuracy


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
    words = ", ".join(f"{label_of(name)} {text}" for name, text in settings.items())
    return words or "as the notebook"


@dataclass(frozen=True)
class ComparedRun:
    """One of the runs."""

    run: Run
    title: str
    config: RunConfig
    history: History = field(default_factory=History)

    @classmethod
    def of(cls, listed: RunEntry) -> ComparedRun:
        """A run of a list.

        Raises:
            RunError: its configuration cannot be read.
        """
        return cls(listed.run, listed.title, listed.run.config())

    @property
    def images(self) -> int:
        """The number of its validation images."""
        return self.history.started.validation_images if self.history.started else 1

    def at(self, epoch: int | None) -> EpochFinished | None:
        """The results of an epoch, the newest for None; None if the run has not had it."""
        epochs = self.history.epochs
        if epoch is None:
            return epochs[-1] if epochs else None
        return epochs[epoch] if epoch < len(epochs) else None


class Comparison:
    """Runs that are read as they go on, and the epoch at which they are read out.

    Args:
        runs: two or more, which need not have begun.
        left_out: the names of others, since more could not be distinguished.
    """

    def __init__(self, runs: Sequence[ComparedRun] = (), left_out: Sequence[str] = ()) -> None:
        self.left_out = left_out
        self.runs: list[ComparedRun] = []
        self.settings: dict[str, list[str]] = {}
        """The hyperparameters that differ, with a value for each run."""
        self.cursor: int | None = None
        """The epoch that is read out, None for each one's newest."""
        self.duel: Duel | None = None
        """The predictions of both for the same images, if there are two."""
        self._tails: list[EventTail] = []
        self._compared_after: tuple[int, int] | None = None
        """The numbers of epochs after which `duel` compares them."""
        self._early: list[int] | None = []
        """The moves that were asked for before anything was read; None since then."""
        for one in runs:
            self.add(one)

    def add(self, one: ComparedRun) -> None:
        """Overlay one more run."""
        self.runs.append(one)
        self._tails.append(EventTail(one.run))
        self.settings = differing_settings([one.config for one in self.runs])

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
        """Read the runs' new events; return whether there are any."""
        found = False
        for place, tail in enumerate(self._tails):
            new = []
            while batch := tail.read():
                new += batch
            if new:
                one = self.runs[place]
                self.runs[place] = replace(one, history=reduce(one.history, new))
                found = True
        early, self._early = self._early, None
        for by in early or ():
            self.move(by)
        self.compare_predictions()
        return found

    def move(self, by: int) -> None:
        """Move the epoch that is read out, within those that there are once they are read."""
        if self._early is not None:
            self._early.append(by)
            return
        last = self.longest - 1
        if last >= 0:
            start = last if self.cursor is None else self.cursor
            self.cursor = max(0, min(last, start + by))

    def compare_predictions(self) -> None:
        """Read the predictions of two runs at the epoch that is read out."""
        if len(self.runs) != 2 or not self.classes:
            return
        counts = [len(one.history.epochs) for one in self.runs]
        if self.cursor is not None:
            counts = [min(count, self.cursor + 1) for count in counts]
        after = (counts[0], counts[1])
        if after != self._compared_after:
            one, other = self.runs
            self.duel = duel(one.run, other.run, after, len(self.classes))
            self._compared_after = after


_WITH_NAMES = 56
"""Cells of a chart from which on its legend names the runs; the table does in any case."""


class ComparedCharts(LossAndAccuracy, can_focus=True):
    """Loss and accuracy of all, with a cursor along the epochs."""

    BINDINGS = bindings(
        "compare",
        *epochs("left,h", "right,l", "←→", "All runs at an earlier epoch"),
        key("log", "y", "log", "Log scale", "Losses on a logarithmic scale"),
        key("training", "t", "part", "Training", "The training curves, or the validation curves"),
    )

    EXPLANATION = (
        "The validation curves of the marked runs, each with a letter at its end. Two runs whose "
        "accuracies lie within each other's 95% interval may be equally good."
    )

    @dataclass
    class Moved(Message):
        """The epoch that is read out is to move."""

        by: int

    comparison = Comparison()
    training = False
    highest: float | None = None
    """The loss that the axis ends at when a run has more; None for that of all."""

    def show(self, comparison: Comparison) -> None:
        """Draw runs."""
        self.comparison = comparison
        self.redraw()

    def title(self) -> str:
        """The runs and the curves that are drawn."""
        part = "training" if self.training else "validation"
        scale = ", log scale" if self.log_scale else ""
        return f"{self._runs()}: loss and accuracy in {part}{scale}"

    def _runs(self) -> str:
        """Return the number of runs drawn, of how many, and the one left out."""
        runs, left_out = len(self.comparison.runs), self.comparison.left_out
        if not left_out:
            return count(runs, "run")
        without = f" (without {left_out[0]})" if len(left_out) == 1 else ""
        return f"{runs} of {count(runs + len(left_out), 'run')}{without}"

    def choose(self, x: float) -> None:
        """Ask for the epoch at an x."""
        newest = self.comparison.longest - 1
        cursor = newest if self.comparison.cursor is None else self.comparison.cursor
        self.post_message(self.Moved(max(0, min(newest, round(x))) - cursor))

    def chart(self, kind: Kind, width: int, height: int) -> Chart:
        """Draw one of the charts."""
        part = "train" if self.training else "val"
        named = width >= _WITH_NAMES and len(self.comparison.runs) <= 4
        series = [
            Series(
                one.title if named else "",
                [getattr(epoch, f"{part}_{kind}") for epoch in one.history.epochs],
                place,
            )
            for place, one in enumerate(self.comparison.runs)
        ]
        is_loss = kind == "loss"
        return chart(
            series,
            width,
            height,
            self.terminal,
            log=is_loss and self.log_scale,
            cursor=self.comparison.cursor,
            y_limits=self._limits(series) if is_loss else None,
            percent=not is_loss,
            title="loss" if is_loss else "accuracy",
            empty="none of them has finished an epoch",
        )

    def _limits(self, series: list[Series]) -> tuple[float, float] | None:
        """Limits of the loss axis that leave room for the others beside a diverging run."""
        if self.highest is None or all(max(one.values, default=0) < self.highest for one in series):
            return None
        return 0, self.highest

    def action_move(self, by: int) -> None:
        """Ask for another epoch."""
        self.post_message(self.Moved(by))

    def action_part(self) -> None:
        """Switch between training and validation."""
        self.training = not self.training
        self.redraw()
