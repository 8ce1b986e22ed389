"""The epoch log: a row an epoch, and a column for whatever a recorded run logs besides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from rich.style import Style

from mnistop.engine.formatting import UNKNOWN
from mnistop.engine.runs.recorded import ACCURACIES, LOSSES
from mnistop.tui.draw.cells import Strip, line
from mnistop.tui.session.run_screen import EpochMoved
from mnistop.tui.session.state import State
from mnistop.tui.text.run_lines import UNTRAINED, epoch_name
from mnistop.tui.text.run_table import EPOCHS
from mnistop.tui.text.table import Column
from mnistop.tui.toolkit.bindings import bindings, epochs, key
from mnistop.tui.toolkit.list_pane import ListPane

_COLUMNS: Sequence[Column[Any]] = (
    *EPOCHS,
    Column("lr", lambda epoch: UNKNOWN if epoch.lr is None else f"{epoch.lr:.3g}", 8),
    Column("time", lambda epoch: f"{1000 * epoch.seconds:.0f} ms", 7),
)
"""The columns where there is room for all of them and the star."""
_WIDE_WIDTH = sum(column.needed for column in _COLUMNS)
_NEWEST = 20
"""Epochs in which a column is looked for: not every epoch is evaluated."""
_METRIC_WIDTH = 10
"""Cells of a column of a recorded run's own metric."""


def _narrow(column: Column[Any]) -> Column[Any]:
    """Return a column with a short head, such as `tr.loss`, for where room is short."""
    side, _, what = column.head.rpartition(" ")
    head = f"{side[:2]}.{what}" if side else what
    return replace(column, head=head, width=len(head), gap=1)


class EpochLog(ListPane[int], can_focus=True, inherit_bindings=False):
    """The log of the notebook, with every epoch kept, below the untrained model (-1)."""

    BINDINGS = bindings(
        "log",
        *epochs("up,k", "down,j", "↑↓", "An earlier epoch; charts, matrix and digit follow"),
        key("best", "b", "best", "Best", "To the epoch of the best accuracy"),
    )

    EXPLANATION = (
        "tr. is training, va. validation. An epoch is one pass through all training images; the "
        "best is the one with the highest validation accuracy."
    )

    state = State()

    def show(self, state: State) -> None:
        """Draw the epochs of a run."""
        self.state, self.position = state, state.shown_epoch - state.first_epoch
        self.redraw()

    @property
    def items(self) -> range:
        """The epochs."""
        history = self.state.history
        first = self.state.first_epoch
        return range(first, len(history.epochs)) if history.started else range(0)

    @property
    def marks(self) -> bool:
        """True while an epoch is chosen; the newest is not marked as it comes."""
        return self.state.cursor is not None

    def title(self) -> str:
        """The name of the pane, and the epoch if it is not the newest."""
        if self.state.cursor is None:
            return "Epoch log"
        return f"Log, {epoch_name(self.state.shown_epoch)} (Esc: newest)"

    def empty(self) -> str:
        """Return the reason why there are no rows."""
        return f"A row per epoch: {self.state.hint}"

    def columns(self, width: int) -> list[Column[int]]:
        """Return the columns of numbers, and one for the star at the best."""
        history = self.state.history
        best = history.best.epoch if history.best else None

        def style(epoch: int) -> Style | None:
            return self.palette.best if epoch == best else None

        def text(column: Column[Any], epoch: int) -> str:
            if epoch >= 0:
                return column.text(history.epochs[epoch])
            return column.text(history.started) if column.head[:2] == "va" else ""

        own = self._own_metrics()
        shown: list[Column[Any]] = [*_COLUMNS[:5], *own, *_COLUMNS[5:]]
        if width < _WIDE_WIDTH:
            shown = [_narrow(column) for column in _COLUMNS[:5]] + own
        if self.state.first_epoch == 0 or own:
            newest = history.epochs[-_NEWEST:]
            shown = [
                column
                for column in shown
                if not newest or any(column.text(epoch) != UNKNOWN for epoch in newest)
            ]
        return [
            *(
                replace(
                    column, rank=column.head != "epoch", text=partial(text, column), style=style
                )
                for column in shown
            ),
            Column("", lambda epoch: "★" if epoch == best else "", 1, gap=0, style=style),
        ]

    def row(self, index: int, width: int, chosen: bool) -> Strip:
        """Draw an epoch, or the untrained model, whose name takes two columns."""
        drawn = super().row(index, width, chosen)
        if self.items[index] >= 0:
            return drawn
        name = line([(UNTRAINED, self.palette.cursor if chosen else None)], len(UNTRAINED))
        return Strip.join([name, drawn.crop(len(UNTRAINED))])

    def _own_metrics(self) -> list[Column[Any]]:
        """Return the columns of what a recorded run logs besides loss and accuracy."""
        epochs = self.state.history.epochs

        def text(name: str, epoch: Any) -> str:
            value = epoch.metrics.get(name)
            return UNKNOWN if value is None else f"{value:.4g}"

        names = dict.fromkeys(
            name for epoch in epochs[:1] + epochs[-_NEWEST:] for name in epoch.metrics
        )
        return [
            Column(name[-_METRIC_WIDTH:], partial(text, name), _METRIC_WIDTH)
            for name in names
            if name not in (*LOSSES, *ACCURACIES)
        ]

    def _go(self, position: int) -> None:
        """Ask for the epoch of a row."""
        if self.state.history.epochs:
            self.post_message(EpochMoved(position - self.position))
        else:
            self.notify(f"There is no epoch to go to: {self.state.hint}.", markup=False)

    def action_best(self) -> None:
        """Ask for the best epoch."""
        best = self.state.history.best
        if best and self.state.cursor == best.epoch:
            self.notify(f"This is the best epoch already: {best.epoch}.")
        elif best:
            self._go(best.epoch - self.state.first_epoch)
        else:
            self.notify(f"There is no best epoch yet: {self.state.hint}.", markup=False)
