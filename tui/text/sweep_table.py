"""The table of a sweep and its conclusion, as lines of text and as strips with a scale.

Groups are one or more. `attacked` is the ε at which accuracy under attack was measured, or None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from rich.cells import cell_len
from rich.style import Style

from mnistop.engine.analysis.comparison import differing_settings
from mnistop.engine.axis import Axis
from mnistop.engine.config import HYPERPARAMETERS
from mnistop.engine.evaluate import wilson_interval
from mnistop.engine.formatting import accuracy, count, loss, percent
from mnistop.engine.sweep.outcomes import (
    Group,
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
"""The most groups to name that may be as good as the best."""


final_acc: Value = attrgetter("val_acc")
"""Validation accuracy of the newest epoch."""

attacked_acc: Value = attrgetter("attacked")
"""Accuracy under attack."""


def accuracy_of(group: Group, value: Value) -> str:
    """Return an accuracy with its 95% interval, or over seeds with its spread: `89.5% ± 0.8`."""
    found = group.measured(value)
    if found is None:
        return "-"
    if found.spread is None:
        return accuracy(found.mean, group.images_of(value))
    return f"{percent(found.mean)} ± {100 * found.spread:.1f}"


def _either_acc(group: Group) -> str:
    """Return the accuracy on unseen images; without a test that of validation, marked as such."""
    if group.measured(unseen_acc) is None and group.measured(best_acc) is not None:
        return f"val {accuracy_of(group, best_acc)}"
    return accuracy_of(group, unseen_acc)


def _mean(value: Value, text: Callable[[float], str]) -> Callable[[Group], str]:
    """Return a cell with the mean over the seeds, a dash where there is none."""

    def cell(group: Group) -> str:
        found = group.measured(value)
        return text(found.mean) if found else "-"

    return cell


def _progress_of(group: Group) -> str:
    """Return the progress of the runs, as in `2/3`; of a single one its state."""
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
    """The columns of the lowest rank are placed first."""
    is_number: bool = True
    """Whether it is aligned to the right."""

    @property
    def width(self) -> int:
        """Cells that it takes."""
        return max(map(len, (self.head, *self.cells)))

    def padded(self, text: str) -> str:
        """Return the text, as wide as the column."""
        return text.rjust(self.width) if self.is_number else text.ljust(self.width)


def settings_of(groups: Sequence[Group]) -> dict[str, list[str]]:
    """Return the hyperparameters in which the groups differ, with the value of each group."""
    found = differing_settings([group.config for group in groups])
    found.pop("seed", None)
    return found


def group_name(settings: dict[str, list[str]], row: int) -> str:
    """Return the settings that distinguish a group, as in `lr 0.1, hidden 64`."""
    return ", ".join(f"{name} {cells[row]}" for name, cells in settings.items())


def _in_common(groups: Sequence[Group]) -> str:
    """Return a sentence on the settings that all runs share."""
    config, varied = groups[0].config, {*settings_of(groups), "seed"}
    words = [
        f"{HYPERPARAMETERS[name].label} {text}"
        for name, text in config.changes().items()
        if name not in varied
    ]
    same = ", ".join(words)
    return f"Everything else is as in the notebook{f', but {same}' if same else ''}."


def notes(groups: Sequence[Group], attacked: float | None) -> list[str]:
    """Return sentences on the numbers and the common settings."""
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
    return [*found, _in_common(groups)]


def _columns(
    groups: Sequence[Group], attacked: float | None, clean: Callable[[str], str]
) -> list[Column]:
    """Return the columns that are of use for these groups, from the left, with clean texts."""

    def of(head: str, cells: Iterable[str], rank: int = 0, is_number: bool = True) -> Column:
        return Column(clean(head), list(map(clean, cells)), rank, is_number)

    def each(head: str, text: Callable[[Group], str], rank: int) -> Column:
        return of(head, map(text, groups), rank)

    shown = [of(name, cells) for name, cells in settings_of(groups).items()]
    if any(group.done != 1 or len(group.outcomes) > 1 for group in groups):
        shown.append(each("runs", _progress_of, 1))
    with_tests = any(group.measured(unseen_acc) for group in groups)
    if with_tests:
        shown.append(each("test acc at best", _either_acc, 2))
    shown += [
        each("val acc at best", lambda group: accuracy_of(group, best_acc), 4 if with_tests else 2),
        each("best epoch", _mean(lambda one: one.best_epoch, "{:.0f}".format), 7),
        each("val loss at best", _mean(lambda one: one.best_val_loss, loss), 6),
    ]
    if attacked is not None:
        shown.append(each(f"at ε {attacked:g}", lambda group: accuracy_of(group, attacked_acc), 2))
    verdicts = [group.verdict for group in groups]
    return [*shown, of("rate was", verdicts, 3, False)] if any(verdicts) else shown


def _fitting(offered: Sequence[Column], width: int) -> list[Column]:
    """Return the columns that fit, in their order."""
    kept: list[Column] = []
    for column in sorted(offered, key=lambda each: each.rank):
        needed = sum(each.width + 2 for each in kept) + column.width
        if needed <= width or not kept:
            kept.append(column)
    return [column for column in offered if column in kept]


def table(
    groups: Sequence[Group], attacked: float | None = None, clean: Callable[[str], str] = str
) -> list[str]:
    """Return a header, and a row for each group, as plain lines of any length.

    Args:
        groups: the rows.
        attacked: the ε of the attack.
        clean: prepares a text for the place where it is shown.
    """
    shown = _columns(groups, attacked, clean)
    rows = [[column.head, *column.cells] for column in shown]
    return [
        "  ".join(column.padded(text) for column, text in zip(shown, texts, strict=True)).rstrip()
        for texts in zip(*rows, strict=True)
    ]


def conclusion(groups: Sequence[Group], attacked: float | None = None) -> str:
    """Name the best group, and those that may be as good; return nothing before any result."""
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
    """A table laid out for one width."""

    groups: Sequence[Group]
    columns: Sequence[Column]
    intervals: Sequence[Interval | None]
    axis: Axis
    plot: int
    """Cells of the scale; 0 where it does not fit."""
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
            groups: the rows.
            width: cells of a line.
            terminal: what the terminal can show.
            attacked: the ε of the attack.
            near: whether the scale shows the best ones only.
        """
        kept = _fitting(_columns(groups, attacked, lambda text: clean(text, terminal)), width)
        room = width - sum(column.width + len(_GAP) for column in kept)
        found = best_of(groups)
        best = found[0] if found else None
        value = comparable(groups)
        intervals = [_interval(group, value, group is best) for group in groups]
        plot = min(room, _WIDEST) if room >= NARROWEST and found else 0
        return cls(groups, kept, intervals, scale(intervals, near), plot, terminal)

    def header(self, width: int) -> Strip:
        """Draw the heads of the columns, and the percentages of the scale."""
        text = _GAP.join(column.padded(column.head) for column in self.columns)
        muted = Palette.of(self.terminal).muted
        return self._with_plot(text, muted, axis_line(self.axis, self.plot, self.terminal), width)

    def row(self, index: int, width: int, style: Style | None = None) -> Strip:
        """Draw the row of one group.

        Args:
            index: its number.
            width: cells.
            style: of the text; if none is given, the best group is strong.
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
