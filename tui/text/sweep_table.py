"""The table of a sweep and its conclusion, as lines of text and as strips with a scale."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len
from rich.style import Style

from mnistop.engine.analysis.comparison import differing_settings
from mnistop.engine.axis import Axis
from mnistop.engine.config import HYPERPARAMETERS
from mnistop.engine.evaluate import wilson_interval
from mnistop.engine.formatting import accuracy, count, loss, percent
from mnistop.engine.sweep.outcomes import (
    Group,
    Outcome,
    Value,
    best_acc,
    best_of,
    comparable,
    highest,
    unseen_acc,
)
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Strip, clean, line
from mnistop.tui.draw.intervals import NARROWEST, Interval, axis_line, interval_line, scale
from mnistop.tui.draw.palette import Palette
from mnistop.tui.text.attack_outcome import SEARCHED_BY

_MOST_NAMED = 4
"""Of those that may be as good as the best."""


def final_acc(one: Outcome) -> float | None:
    """Validation accuracy of the newest epoch."""
    return one.val_acc


def attacked_acc(one: Outcome) -> float | None:
    """Accuracy under attack."""
    return one.attacked


def accuracy_of(group: Group, value: Value) -> str:
    """An accuracy with its 95% interval, or over seeds with its spread, as in `89.5% ± 0.8`."""
    found = group.measured(value)
    if found is None:
        return "-"
    if found.spread is None:
        return accuracy(found.mean, group.images_of(value))
    return f"{percent(found.mean)} ± {100 * found.spread:.1f}"


def either_acc(group: Group) -> str:
    """The accuracy on unseen images; without a test that of validation, marked as such."""
    if group.measured(unseen_acc) is None and group.measured(best_acc) is not None:
        return f"val {accuracy_of(group, best_acc)}"
    return accuracy_of(group, unseen_acc)


def best_loss(group: Group) -> str:
    """The mean validation loss of the best epochs."""
    found = group.measured(lambda one: one.best_val_loss)
    return loss(found.mean) if found else "-"


def best_epoch(group: Group) -> str:
    """The best epoch, over seeds their mean."""
    found = group.measured(lambda one: one.best_epoch)
    return f"{found.mean:.0f}" if found else "-"


def progress_of(group: Group) -> str:
    """Return how far the runs are: `2/3`, or of one its state."""
    if len(group.outcomes) > 1:
        return f"{group.done}/{len(group.outcomes)}"
    one = group.outcomes[0]
    return f"epoch {one.epochs}" if one.state == "running" else one.state


@dataclass(frozen=True)
class Column:
    """A column of the table."""

    head: str
    cells: list[str]
    rank: int = 0
    """The columns of the lowest rank have room first."""
    is_number: bool = True
    """True if it is aligned to the right."""

    @property
    def width(self) -> int:
        """Cells that it takes."""
        return max(map(len, (self.head, *self.cells)))

    def padded(self, text: str) -> str:
        """The text, as wide as the column."""
        return text.rjust(self.width) if self.is_number else text.ljust(self.width)

    def cleaned(self, clean: Callable[[str], str]) -> Column:
        """The column as the terminal can show it."""
        return replace(self, head=clean(self.head), cells=list(map(clean, self.cells)))


def settings_of(groups: Sequence[Group]) -> dict[str, list[str]]:
    """The hyperparameters in which the groups differ, with each one's value."""
    found = differing_settings([group.config for group in groups])
    found.pop("seed", None)
    return found


def group_name(settings: dict[str, list[str]], row: int) -> str:
    """Return what sets a group apart, as in `lr 0.1, hidden 64`."""
    return ", ".join(f"{name} {cells[row]}" for name, cells in settings.items())


def in_common(groups: Sequence[Group]) -> str:
    """Return what all runs change of the notebook's, as a sentence."""
    config, varied = groups[0].config, {*settings_of(groups), "seed"}
    words = [
        f"{HYPERPARAMETERS[name].label} {text}"
        for name, text in config.changes().items()
        if name not in varied
    ]
    same = ", ".join(words)
    return f"Everything else is as in the notebook{f', but {same}' if same else ''}."


def notes(groups: Sequence[Group], attacked: float | None) -> list[str]:
    """Explain the numbers, and what all runs have in common.

    Args:
        groups: at least one.
        attacked: the ε at which accuracy under attack was measured, None if it was not.
    """
    found = []
    if attacked is not None:
        found.append(
            f"At ε {attacked:g} every validation image is attacked with the smallest perturbation "
            f"that {SEARCHED_BY} finds."
        )
    if any(group.measured(unseen_acc) for group in groups):
        found.append(
            "Test accuracies are on images that no run has seen: the validation accuracy at the "
            "best epoch is the highest of many on the same images, which flatters it."
        )
    measured = [group.measured(best_acc) for group in groups]
    if any(each and each.spread is not None for each in measured):
        found.append("± is the standard deviation over the seeds.")
    return [*found, in_common(groups)]


def columns(groups: Sequence[Group], attacked: float | None) -> list[Column]:
    """The columns that have something to say, in the order in which they stand.

    Args:
        groups: at least one.
        attacked: the ε at which accuracy under attack was measured, None if it was not.
    """

    def of(head: str, text: Callable[[Group], str], rank: int) -> Column:
        return Column(head, [text(group) for group in groups], rank)

    shown = [Column(name, cells) for name, cells in settings_of(groups).items()]
    if any(group.done != 1 or len(group.outcomes) > 1 for group in groups):
        shown.append(of("runs", progress_of, 1))
    with_tests = any(group.measured(unseen_acc) for group in groups)
    if with_tests:
        shown.append(of("test acc at best", either_acc, 2))
    shown += [
        of("val acc at best", lambda group: accuracy_of(group, best_acc), 4 if with_tests else 2),
        of("best epoch", best_epoch, 7),
        of("val loss at best", best_loss, 6),
    ]
    if attacked is not None:
        shown.append(of(f"at ε {attacked:g}", lambda group: accuracy_of(group, attacked_acc), 2))
    verdicts = [group.verdict for group in groups]
    return [*shown, Column("rate was", verdicts, 3, is_number=False)] if any(verdicts) else shown


def fitting(offered: Sequence[Column], width: int) -> list[Column]:
    """Those columns that there is room for.

    Args:
        offered: in the order in which they stand.
        width: cells of a line.
    """
    kept: list[Column] = []
    for column in sorted(offered, key=lambda each: each.rank):
        needed = sum(each.width + 2 for each in kept) + column.width
        if needed <= width or not kept:
            kept.append(column)
    return [column for column in offered if column in kept]


def table(
    groups: Sequence[Group], attacked: float | None = None, clean: Callable[[str], str] = str
) -> list[str]:
    """A header, and a row for each group, as plain lines as long as it takes.

    Args:
        groups: at least one.
        attacked: the ε at which accuracy under attack was measured, None if it was not.
        clean: makes a text fit for where it goes.
    """
    shown = [column.cleaned(clean) for column in columns(groups, attacked)]
    rows = [[column.head, *column.cells] for column in shown]
    return [
        "  ".join(column.padded(text) for column, text in zip(shown, texts, strict=True)).rstrip()
        for texts in zip(*rows, strict=True)
    ]


def conclusion(groups: Sequence[Group], attacked: float | None = None) -> str:
    """Name the best, and those that may be as good, in some sentences; empty before any result.

    Args:
        groups: at least one.
        attacked: the ε at which accuracy under attack was measured, None if it was not.
    """
    found = best_of(groups)
    settings = {HYPERPARAMETERS[name].label: cells for name, cells in settings_of(groups).items()}
    if not found or not settings:
        return ""
    names = {id(group): group_name(settings, row) for row, group in enumerate(groups)}
    best, others = found
    so_far = "" if all(group.done == len(group.outcomes) for group in groups) else " so far"
    value = comparable(groups)
    kind, where = ("unseen", " on unseen images") if value is unseen_acc else ("validation", "")
    words = f"Best{so_far}: {names[id(best)]}, {accuracy_of(best, value)}{where} at its best epoch."
    if others:
        listed = "; ".join(names[id(group)] for group in others[:_MOST_NAMED])
        if len(others) > _MOST_NAMED:
            listed += f"; and {len(others) - _MOST_NAMED} more"
        words += (
            f" Within its 95% interval, and so perhaps as good: {listed}. "
            f"{count(best.images_of(value), f'{kind} image')} cannot tell them apart."
        )
    else:
        words += " No other lies within its 95% interval."
    robust = highest(groups, attacked_acc)
    if attacked is None or robust is None:
        return words
    return (
        f"Hardest to fool: {names[id(robust)]}, {accuracy_of(robust, attacked_acc)} at "
        f"ε {attacked:g}. {words}"
    )


_GAP = "  "
_WIDEST = 64


@dataclass(frozen=True)
class SweepRows:
    """A table that is laid out for one width."""

    groups: Sequence[Group]
    columns: Sequence[Column]
    intervals: Sequence[Interval | None]
    axis: Axis
    plot: int
    """Cells of the scale; 0 where it has no room."""
    terminal: Terminal

    @classmethod
    def fit(
        cls,
        groups: Sequence[Group],
        width: int,
        terminal: Terminal,
        attacked: float | None = None,
        near: bool = False,
    ) -> SweepRows:
        """Lay out a table.

        Args:
            groups: at least one.
            width: cells of a line.
            terminal: what will show it.
            attacked: the ε at which accuracy under attack was measured, None if it was not.
            near: whether the scale shows the best ones only.
        """
        offered = [
            column.cleaned(lambda text: clean(text, terminal))
            for column in columns(groups, attacked)
        ]
        kept = fitting(offered, width)
        room = width - sum(column.width + len(_GAP) for column in kept)
        found = best_of(groups)
        best = found[0] if found else None
        value = comparable(groups)
        intervals = [_interval(group, value, group is best) for group in groups]
        plot = min(room, _WIDEST) if room >= NARROWEST and found else 0
        return cls(groups, kept, intervals, scale(intervals, near), plot, terminal)

    def header(self, width: int) -> Strip:
        """The heads of the columns, and the percentages of the scale."""
        palette = Palette.of(self.terminal)
        text = _GAP.join(column.padded(column.head) for column in self.columns)
        return self._with_plot(
            text, palette.muted, axis_line(self.axis, self.plot, self.terminal), width
        )

    def row(self, index: int, width: int, style: Style | None = None) -> Strip:
        """One group.

        Args:
            index: which.
            width: cells.
            style: of the text; that of the best is strong if none is given.
        """
        interval = self.intervals[index]
        if style is None and interval and interval.strong:
            style = Palette.of(self.terminal).strong
        text = _GAP.join(column.padded(column.cells[index]) for column in self.columns)
        drawn = interval_line(interval, self.axis, self.plot, self.terminal)
        return self._with_plot(text, style, drawn, width)

    def _with_plot(self, text: str, style: Style | None, plot: Strip, width: int) -> Strip:
        if not self.plot:
            return line([(text, style)], width)
        beside = line([(text + _GAP, style)], cell_len(text + _GAP))
        return Strip.join([beside, plot]).adjust_cell_length(width)


def _interval(group: Group, value: Value, is_best: bool) -> Interval | None:
    found, attacked = group.measured(value), group.measured(attacked_acc)
    if found is None:
        return None
    low, high = wilson_interval(found.mean, group.images_of(value))
    if found.spread is not None:
        low, high = max(0.0, found.mean - found.spread), min(1.0, found.mean + found.spread)
    return Interval(low, found.mean, high, attacked.mean if attacked else None, is_best)
