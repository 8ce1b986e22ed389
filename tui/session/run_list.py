"""Look through the runs: which pass the filter, in which order, the chosen and the marked."""

from __future__ import annotations

from collections.abc import Sequence

from mnistop.engine.runs.entry import RunEntry
from mnistop.engine.runs.filters import BY_TEST, ORDERS, RunFilter, RunOrder, in_order, parse
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.text.run_lines import state_of

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
        self._filter = RunFilter()
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
        """Take up the runs that there are.

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
        passing = [run for run in self._all.values() if self._filter.passes(run)]
        self.rows = in_order(passing, self.order)
        self.states = frozenset(map(state_of, passing))
        self.has_tests = any(run.overview.test_acc is not None for run in passing)
        if before:
            at = next((i for i, row in enumerate(self.rows) if row.run == before.run), None)
            self.go(self.position if at is None else at)
