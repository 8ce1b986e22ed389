"""The table of a sweep and its conclusion, as lines of text and as strips with a scale.

Groups are one or more. `attacked` is the ε at which accuracy under attack was measured, or None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from operator import attrgetter

from rich.style import Style

from mnistop.engine.analysis.comparison import differing_settings
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
from mnistop.tui.draw.cells import clean
from mnistop.tui.draw.intervals import NARROWEST, Interval, axis_line, interval_line, scale
from mnistop.tui.draw.palette import Palette
from mnistop.tui.text.attack_outcome import SEARCHED_BY
from mnistop.tui.text.table import Column, Piece, Table

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
    groups: Sequence[Group],
    attacked: float | None,
    style: Callable[[int], Style | None] = lambda _: None,
) -> list[Column[int]]:
    """Return the columns that are of use for these groups, from the left, by row."""

    def column(head: str, text: Callable[[Group], str], rank: int) -> Column[int]:
        return Column(head, lambda row: text(groups[row]), rank=rank, style=style)

    shown = [
        Column(name, cells.__getitem__, style=style) for name, cells in settings_of(groups).items()
    ]
    if any(group.done != 1 or len(group.outcomes) > 1 for group in groups):
        shown.append(column("runs", _progress_of, 1))
    with_tests = any(group.measured(unseen_acc) for group in groups)
    if with_tests:
        shown.append(column("test acc at best", _either_acc, 2))
    acc_rank = 4 if with_tests else 2
    shown += [
        column("val acc at best", lambda group: accuracy_of(group, best_acc), acc_rank),
        column("best epoch", _mean(lambda one: one.best_epoch, "{:.0f}".format), 7),
        column("val loss at best", _mean(lambda one: one.best_val_loss, loss), 6),
    ]
    if attacked is not None:
        head = f"at ε {attacked:g}"
        shown.append(column(head, lambda group: accuracy_of(group, attacked_acc), 2))
    if any(group.verdict for group in groups):
        verdicts = column("rate was", lambda group: group.verdict, 3)
        shown.append(replace(verdicts, left=True))
    return shown


def table(
    groups: Sequence[Group],
    attacked: float | None = None,
    clean: Callable[[str], str] = str,
) -> list[str]:
    """Return a header, and a row for each group, as plain lines of any length.

    Args:
        groups: the rows.
        attacked: the ε of the attack.
        clean: prepares a text for the place where it is shown.
    """
    rows = range(len(groups))
    return Table(_columns(groups, attacked), items=rows, clean=clean).lines(rows)


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
    if HYPERPARAMETERS["source"].label in settings:
        words += " But each source has its own images: accuracies on different ones do not compare."
    elif others:
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


_SCALE = 64
"""The most cells of the scale."""


def with_scale(
    groups: Sequence[Group],
    width: int,
    terminal: Terminal,
    attacked: float | None = None,
    near: bool = False,
    before: Sequence[Column[int]] = (),
) -> Table[int]:
    """Return a table of as many columns as there is room for, and intervals on a common scale.

    Args:
        groups: the rows; the best one is strong.
        width: cells of a line.
        terminal: what the terminal can show.
        attacked: the ε of the attack.
        near: whether the scale shows the best ones only.
        before: columns on the left.
    """
    strong = Palette.of(terminal).strong
    found, value = best_of(groups), comparable(groups)
    best = found[0] if found else None
    intervals = [_interval(group, value, group is best) for group in groups]
    axis = scale(intervals, near)

    def draw(row: int | None, width: int) -> Iterator[Piece]:
        if row is None:
            drawn = axis_line(axis, width, terminal)
        else:
            drawn = interval_line(intervals[row], axis, width, terminal)
        return ((segment.text, segment.style) for segment in drawn)

    columns = [
        *before,
        *_columns(groups, attacked, lambda row: strong if groups[row] is best else None),
    ]
    if best:
        columns.append(Column("", width=_SCALE, least=NARROWEST, rank=8, draw=draw))
    rows = range(len(groups))
    return Table(columns, width, rows, partial(clean, terminal=terminal))


def _interval(group: Group, value: Value, is_best: bool) -> Interval | None:
    found, attacked = group.measured(value), group.measured(attacked_acc)
    if found is None:
        return None
    low, high = wilson_interval(found.mean, group.images_of(value))
    if found.spread is not None:
        low, high = max(0.0, found.mean - found.spread), min(1.0, found.mean + found.spread)
    return Interval(low, found.mean, high, attacked.mean if attacked else None, is_best)
