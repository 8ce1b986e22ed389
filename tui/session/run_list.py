"""The model of the list of runs: filter, order, the chosen and the marked runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from rich.style import Style

from mnistop.engine.runs.entry import RunEntry
from mnistop.engine.runs.filters import BY_TEST, ORDERS, RunOrder, parse
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.draw.cells import clean
from mnistop.tui.draw.series import letter
from mnistop.tui.text.run_table import DIFFERENCES, RESULTS, fitted, state_of
from mnistop.tui.text.table import Column, Table
from mnistop.tui.toolkit.list_pane import ListPane
from mnistop.tui.toolkit.pane import OfModel

MOST_MARKED = 8


class RunListModel:
    """The runs that pass a filter, in order; the chosen one stays so as others come and go."""

    def __init__(self) -> None:
        self.text = ""
        """The filter as it was typed."""
        self.rows: Sequence[RunEntry] = ()
        """The runs that pass, in order."""
        self.has_tests = False
        """True if one of them was tested on unseen images."""
        self.states: frozenset[str] = frozenset()
        """The states of these, as they are written."""
        self.total = 0
        """The number of all runs."""
        self.position = 0
        """The place of the chosen run in `rows`, or its last one."""
        self.marked: list[Run] = []
        """For comparison, in the order of marking."""
        self._all: dict[Run, RunEntry] = {}
        self._filter = parse("")
        self._order = 0

    @property
    def order(self) -> RunOrder:
        """The order of `rows`."""
        return ORDERS[self._order]

    @property
    def chosen(self) -> RunEntry | None:
        """The run at the cursor."""
        return self.rows[self.position] if self.position < len(self.rows) else None

    @property
    def all(self) -> Sequence[RunEntry]:
        """All runs, newest first."""
        return tuple(self._all.values())

    def listed(self, run: Run) -> RunEntry | None:
        """Return the list entry of a run; None if it is gone."""
        return self._all.get(run)

    def take(self, runs: Sequence[RunEntry]) -> None:
        """Receive the runs that exist.

        Args:
            runs: newest first.
        """
        self._all = {listed.run: listed for listed in runs}
        self.total = len(runs)
        self.marked = [run for run in self.marked if run in self._all]
        self._select()

    def set_filter(self, text: str) -> None:
        """Show the runs that pass a filter, the first of them chosen.

        Raises:
            FilterError: the filter makes no sense; nothing has changed.
        """
        self._filter = parse(text)
        self.text = text
        self._select()
        self.position = 0

    def next_order(self) -> None:
        """Sort by something else; not by tests where there are none."""
        self._order = (self._order + 1) % len(ORDERS)
        if self.order is BY_TEST and not self.has_tests:
            self._order += 1
        self._select()

    def go(self, position: int) -> None:
        """Choose the run at a position, within the rows."""
        self.position = max(0, min(len(self.rows) - 1, position))

    def mark(self) -> bool:
        """Mark the chosen run or take its mark away; return whether there was room for it."""
        if not (chosen := self.chosen):
            return True
        if chosen.run in self.marked:
            self.marked.remove(chosen.run)
        elif len(self.marked) >= MOST_MARKED:
            return False
        else:
            self.marked.append(chosen.run)
        return True

    def _select(self) -> None:
        before = self.chosen
        passing = [run for run in self._all.values() if self._filter(run)]
        self.rows = sorted(passing, key=self.order.key)
        self.states = frozenset(map(state_of, passing))
        self.has_tests = any(run.overview.test_acc is not None for run in passing)
        if before:
            at = next((i for i, row in enumerate(self.rows) if row.run == before.run), None)
            self.go(self.position if at is None else at)


SIGNS = {
    "starting": "…",
    "running": "▶",
    "paused": "‖",
    "finished": "✓",
    "stopped": "■",
    "failed": "✗",
    "interrupted": "✗",
    "suspended": "‖",
}
"""A sign for each state."""
_NAMES = (13, 24)
"""Cells that the names may take."""
_LEAST_DIFFERENCES = 14


class RunTable(OfModel[RunListModel], ListPane[RunEntry]):
    """The list of the runs screen."""

    EXPLANATION = (
        "Each row is a run: its state, its name, what differs from the notebook's settings, "
        "finished epochs, and its results at its best epoch: accuracy on images that it has "
        "not seen (test) and on the validation images (val), both with the 95% interval, and "
        "validation loss; then the time of training, and what it takes on the disk. The "
        "validation accuracy flatters, being the highest of all epochs on the same images; the "
        "unseen images had no part in that choice. The test accuracy of a run that another program "
        "recorded is that of its final weights. "
        "Two runs whose intervals overlap much may be equally good. Letters mark what will be "
        "compared; the dashboard's run is bold."
    )

    shown: Run | None = None
    """The run on the dashboard."""
    waiting = ""
    """A note while the runs are still being read; empty when they are there."""

    def show(self, shown: Run | None, waiting: str) -> None:
        """Draw what is browsed now."""
        self.shown, self.waiting = shown, waiting
        self.redraw()

    @property
    def position(self) -> int:
        """The row at the cursor."""
        return self._model.position

    @position.setter
    def position(self, position: int) -> None:
        self._model.go(position)

    @property
    def items(self) -> Sequence[RunEntry]:
        """The runs that pass the filter, in order."""
        return self._model.rows

    @property
    def order(self) -> str:
        """The head of the column that the order goes by."""
        return self._model.order.column

    def title(self) -> str:
        """The number of runs that pass, of how many, and the order."""
        model = self._model
        if not model.total:
            return "Runs"
        of = f" of {model.total:,}" if model.text else ""
        return f"Runs: {self.count:,}{of}, {model.order.short}"

    def empty(self) -> str:
        """Return the reason why the list is empty."""
        if self._model.text and self._model.total:
            return (
                f'None of the {self._model.total:,} runs matches "{self._model.text}". '
                "Press / and Enter on an empty line for all."
            )
        if self.waiting:
            return self.waiting
        return (
            "There are no runs yet. Every run is kept and listed here: press 1 for the "
            "dashboard, then r to train."
        )

    def columns(self, width: int) -> list[Column[RunEntry]]:
        """Return mark, state, name, the numbers, and what differs."""
        order = self.order
        is_by_result = any(column.head == order for column in RESULTS)

        def on_dashboard(run: RunEntry) -> Style | None:
            return self.palette.strong if run.run == self.shown else None

        def state(run: RunEntry) -> str:
            words = state_of(run)
            return f"{SIGNS[words]} {words}"

        def rank(column: Column[RunEntry]) -> int:
            return 0 if column.head == order else column.rank + len(RESULTS) * is_by_result

        return [
            Column("", self._mark, 2, style=lambda _: self.palette.best),
            Column(
                "state",
                state,
                2 + max(map(len, self._model.states)),
                left=True,
                gap=1,
                style=self._state_style,
            ),
            Column(
                "name",
                lambda run: run.title,
                max(_NAMES[0], min(_NAMES[1], width // 7)),
                left=True,
                gap=1,
                is_name=True,
                style=on_dashboard,
            ),
            *(replace(column, rank=rank(column), style=on_dashboard) for column in RESULTS),
            Column(
                "differs by",
                RunEntry.differences,
                width,
                DIFFERENCES,
                least=max(_LEAST_DIFFERENCES, width // 6),
                left=True,
                style=lambda run: None if run.overview.changes else self.palette.muted,
            ),
        ]

    def fit(self, width: int) -> Table[RunEntry]:
        """Return the columns that fit, with one accuracy or both."""
        clean_text = partial(clean, terminal=self.terminal)
        return fitted(self.columns(width), self._model.has_tests, width, clean=clean_text)

    def _mark(self, run: RunEntry) -> str:
        marked = self._model.marked
        return letter(marked.index(run.run)) if run.run in marked else ""

    def _state_style(self, run: RunEntry) -> Style | None:
        if run.state in ("failed", "interrupted"):
            return self.palette.bad
        return self.palette.val + self.palette.strong if run.is_live else self.palette.muted
