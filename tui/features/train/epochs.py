"""The epoch log: a row an epoch, and a column for whatever a recorded run logs besides."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from rich.style import Style

from mnistop.engine.formatting import UNKNOWN, percent
from mnistop.engine.runs.recorded import ACCURACIES, LOSSES
from mnistop.tui.session.state import State
from mnistop.tui.session.view import EpochMoved
from mnistop.tui.text.run_lines import UNTRAINED, epoch_name
from mnistop.tui.toolkit.bindings import bindings, epochs, key
from mnistop.tui.toolkit.list_pane import Column, Table, fitting

if TYPE_CHECKING:
    pass


_FIELDS: tuple[tuple[str, Callable[[Any], str], tuple[str, int], tuple[str, int]], ...] = (
    ("epoch", str, ("epoch", 5), ("epoch", 5)),
    ("train_loss", "{:.3f}".format, ("train loss", 12), ("tr.loss", 8)),
    ("val_loss", "{:.3f}".format, ("val loss", 10), ("va.loss", 8)),
    ("train_acc", percent, ("train acc", 11), ("tr.acc", 7)),
    ("val_acc", percent, ("val acc", 9), ("va.acc", 7)),
    ("lr", "{:.3g}".format, ("lr", 10), ("", 0)),
    ("seconds", lambda seconds: f"{1000 * seconds:.0f} ms", ("time", 9), ("", 0)),
)
"""Name in the event, format, and head and cells of the column in a wide and a narrow pane."""
_NEWEST = 20
"""Epochs in which a column is looked for: not every epoch is evaluated."""
_METRIC_WIDTH = 12
"""Cells of a column of a recorded run's own metric."""
_WIDE_WIDTH = sum(cells for *_, (_, cells), _ in _FIELDS) + 2


class EpochLog(Table[int], can_focus=True, inherit_bindings=False):
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
        """Return the columns of numbers that have room, and one for the star at the best."""
        history = self.state.history
        best = history.best.epoch if history.best else None
        star = "★" if self.terminal.unicode else "*"

        def style(epoch: int) -> Style | None:
            return self.palette.best if epoch == best else None

        def text(name: str, form: Callable[[Any], str], untrained: str, epoch: int) -> str:
            event = history.epochs[epoch] if epoch >= 0 else history.started
            value = getattr(event, name, None)
            if value is None:
                return untrained if epoch < 0 else UNKNOWN
            return form(value)

        own = self._own_metrics()
        columns: list[Column[int]] = []
        start = 0
        for name, form, wide, narrow in _FIELDS:
            head, cells = wide if width >= _WIDE_WIDTH else narrow
            untrained = UNTRAINED.ljust(_WIDE_WIDTH)[start : start + cells]
            if cells:
                columns.append(Column(head, cells, partial(text, name, form, untrained), style))
            start += cells
            if name == "val_acc":
                columns += own
        if self.state.first_epoch == 0 or own:
            columns = fitting([each for each in columns if self._has(each)], width - 1, "epoch")
        return [*columns, Column("", 1, lambda epoch: star if epoch == best else "", style)]

    def _own_metrics(self) -> list[Column[int]]:
        """Return the columns of what a recorded run logs besides loss and accuracy."""
        epochs = self.state.history.epochs

        def text(name: str, epoch: int) -> str:
            value = epochs[epoch].metrics.get(name) if epoch >= 0 else None
            return UNKNOWN if value is None else f"{value:.4g}"

        names = dict.fromkeys(
            name for epoch in epochs[:1] + epochs[-_NEWEST:] for name in epoch.metrics
        )
        return [
            Column(name[-_METRIC_WIDTH + 2 :], _METRIC_WIDTH, partial(text, name))
            for name in names
            if name not in (*LOSSES, *ACCURACIES)
        ]

    def _has(self, column: Column[int]) -> bool:
        """Return whether a column of a recorded run has a number in one of its newest epochs."""
        count = len(self.state.history.epochs)
        newest = range(max(0, count - _NEWEST), count)
        return not count or any(column.text(epoch) != UNKNOWN for epoch in newest)

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
