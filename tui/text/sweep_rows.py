"""The table of a sweep as strips: its columns, and beside them the accuracies on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.style import Style

from mnistop.engine.axis import Axis
from mnistop.engine.evaluate import wilson_interval
from mnistop.engine.sweep.outcomes import Group, Value, best_of, comparable
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Strip, clean, line
from mnistop.tui.draw.intervals import NARROWEST, Interval, axis_line, interval_line, scale
from mnistop.tui.draw.palette import Palette
from mnistop.tui.text.sweep_table import Column, attacked_acc, columns, fitting

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
