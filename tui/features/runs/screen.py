"""The runs screen: all runs listed, sorted, filtered and compared."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Sequence

from textual import on
from textual.widget import Widget

from mnistop.engine.errors import RunError
from mnistop.engine.formatting import count
from mnistop.engine.runs.entry import RunEntry
from mnistop.engine.runs.filters import complete, parse
from mnistop.engine.runs.index import Index
from mnistop.engine.runs.lookup import why_closed
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.runs.chosen_run import NONE_LISTED, NONE_MARKED, RunActions, RunDetail
from mnistop.tui.session.run_list import MOST_MARKED, RunTable
from mnistop.tui.session.run_screen import ScreenWanted
from mnistop.tui.text.run_lines import overload_warning
from mnistop.tui.text.run_table import table
from mnistop.tui.toolkit.background import write_text
from mnistop.tui.toolkit.bindings import bindings, declared, hidden, key
from mnistop.tui.toolkit.dialogs import Section
from mnistop.tui.toolkit.inputs import FilterInput, FilterLine
from mnistop.tui.toolkit.list_pane import ListPane

_EXAMPLE = "lr>0.1 val_acc>0.9 hidden:128 state:stopped"
_FILTER = (
    "Conditions that must all hold: any hyperparameter with > >= < <= or : and a value, as "
    "lr>0.1, optimizer:adam or hidden:256,128; test_acc, val_acc, val_loss and train_loss (of the "
    "best epoch), last_acc and last_loss (of the newest, in validation), best, trained (epochs) "
    "and seconds; state: with live, finished, stopped, failed and so on; name:, note:, sweep: and "
    "source: with a part of it."
)
_READ_SECONDS = 0.3
"""The time after which the runs read so far are shown."""
_PAUSE_SECONDS = 1.0
_READS_OF_ALL = 10
"""All runs, not only the live ones, are read in each tenth round."""
_TYPED = (
    *("filter", "order", "mark", "unmark", "compare", "resume", "stop", "sweep", "side_by_side"),
    *("delete", "delete_marked", "name", "note", "copy", "write", "write_list"),
)
"""Actions whose keys are typed into the filter line while it has the focus."""


class RunsScreen(RunActions):
    """A live table of all runs.

    Args:
        terminal: what the terminal can show.
    """

    NAME = "runs"

    BINDINGS = bindings(
        "runs",
        key("mark", "space", "mark", "Mark", "Mark for comparison, or not"),
        key("compare", "c", "compare", "Compare", "Marked runs, or this one and the dashboard's"),
        key("sweep", "C", "side_by_side", "Sweeps", "This run's sweep side by side, or the newest"),
        key("new_sweep", "S", "sweep", "New sweep", "Train every combination of some values"),
        key("filter", "/", "filter", "Filter", f"Type which runs to show, as {_EXAMPLE}"),
        key("order", "o", "order", "Order", "By age, accuracy, loss, time, size, name or settings"),
        key("copy", "y", "copy(False)", "Copy", "Copy this run's name, if the terminal allows it"),
        hidden("unmark", "u", "unmark", "Unmark", "Remove all marks"),
        hidden("write_list", "W", "write_list", "Write list", "Write the listed runs to a file"),
    )

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(terminal)
        self._index: Index | None = None

        self._filter = FilterLine(terminal, _EXAMPLE, parse, complete)
        self._table = RunTable(terminal, self.model)
        self._detail = RunDetail(terminal)

        self._why_none = ""
        """The reason why none may be read; empty if there are none."""

    def enter(self, about: str) -> None:
        """List the runs that pass a filter.

        Args:
            about: as `mnistop.engine.runs.filters.parse` reads it.
        """
        self.model.set_filter(about)

    def panes(self) -> Iterable[Widget]:
        """The filter line, the table, and the details of the chosen run."""
        yield self._filter
        yield self._table
        yield self._detail

    def on_mount(self) -> None:
        """Start in the table."""
        self.set_focus(self._table)

    # Reading

    @property
    def is_reading(self) -> bool:
        """True while runs are read that there is room for in the table."""
        index = self._index
        return not index or bool(index.unread and len(index.runs) < self._table.size.height)

    def on_screen_resume(self) -> None:
        """Read the runs again and again until another screen is shown."""
        self.wake.set()
        self.keep_going(self._read, "runs")

    async def _read(self) -> None:
        index = self._index or Index()
        rounds = 0
        while self.is_current:
            if rounds % _READS_OF_ALL == 0 or self.wake.is_set():
                self.wake.clear()
                while not await asyncio.to_thread(index.look, _READ_SECONDS):
                    self._take(index)
            else:
                await asyncio.to_thread(index.look_at_live)
            self._why_none = "" if index.runs else await asyncio.to_thread(_why_none)
            self._take(index)
            rounds += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.wake.wait(), _PAUSE_SECONDS)

    def _take(self, index: Index) -> None:
        self._index = index
        before = self.model.rows
        self.model.take(index.runs)
        self.changed(urgent=len(before) != len(self.model.rows))

    def redraw(self) -> None:
        """Draw all panes."""
        self._filter.show(self.model.text)
        is_read = self._index and not self._index.unread
        waiting = self._why_none if is_read else "Looking for runs"
        self._table.show(self.state.run, waiting)
        chosen = self.chosen
        problems = self._index.problems if self._index else {}
        self._detail.show(chosen, problems.get(chosen.run, "") if chosen else "")
        self.refresh_bindings()

    def hint(self) -> str:
        """Return what can be done next, or what is being waited for."""
        index, marked = self._index, len(self.model.marked)
        if index and index.unread:
            return f"Reading {index.unread:,} more runs; the newest are shown already"
        if marked > 1:
            return f"{marked} runs are marked: c compares them, u removes the marks"
        if marked:
            return "1 run is marked: mark another one with Space, and c compares them"
        if index and index.problems:
            problem = next(iter(index.problems.values()))
            more = f" ({len(index.problems) - 1} more like it)" if len(index.problems) > 1 else ""
            return f"{problem}{more}"
        if index and (warning := overload_warning(index.runs)):
            return warning
        chosen = self.chosen
        if chosen and chosen.run.sweep:
            return "C shows this run's sweep side by side; Enter opens the run on the dashboard"
        if chosen:
            return "Enter opens the run; Space marks runs to compare; y copies its name"
        return ""

    # Keys

    @on(ListPane.Moved)
    def _on_moved(self, message: ListPane.Moved) -> None:
        self.model.go(message.position)
        self.changed()

    @on(ListPane.Opened)
    def _on_opened(self) -> None:
        if chosen := self.chosen:
            self.post_message(self.OpenWanted(chosen.run))

    def action_filter(self) -> None:
        """Go to the filter line."""
        self.set_focus(self._filter.input)

    @on(FilterLine.Applied)
    def _on_filter_applied(self, message: FilterLine.Applied) -> None:
        self.model.set_filter(message.text)
        self.set_focus(self._table)
        self.changed()

    @on(FilterLine.Left)
    def _on_filter_left(self) -> None:
        self.set_focus(self._table)

    def action_order(self) -> None:
        """Sort by something else."""
        self.model.next_order()
        self.changed()

    def action_mark(self) -> None:
        """Mark the chosen run and go to the next one."""
        if self.model.mark():
            self.model.go(self.model.position + 1)
        else:
            self.notify(f"{MOST_MARKED} runs are marked already: more could not be distinguished.")
        self.changed()

    def action_unmark(self) -> None:
        """Remove all marks."""
        self.model.marked.clear()
        self.changed()

    def action_compare(self) -> None:
        """Compare the curves of runs."""
        if len(runs := self._to_compare()) > 1:
            self.post_message(ScreenWanted("compare", (runs, ())))

    def _to_compare(self) -> list[RunEntry]:
        """The marked runs; else the dashboard's and the chosen one."""
        chosen = self.chosen
        runs = list(self.model.marked)
        if len(runs) < 2:
            if not runs and self.state.run:
                runs.append(self.state.run)
            if chosen and chosen.run not in runs:
                runs.append(chosen.run)
        return [listed for run in runs if (listed := self.model.listed(run))]

    def action_side_by_side(self) -> None:
        """Show the chosen run's sweep, else the newest."""
        chosen = self.chosen
        name = chosen.run.sweep if chosen else ""
        found = Sweep(chosen.run.path.with_name(name)) if chosen and name else None
        self.post_message(ScreenWanted("sweep", found))

    def action_sweep(self) -> None:
        """Ask for the values of a new sweep, and start it."""
        known = [
            (run.config(), run.overview.seconds)
            for run in self.model.all
            if run.state == "finished"
        ]
        self.post_message(self.NewSweepWanted(known, self.attempts))

    def action_write_list(self) -> None:
        """Write the listed runs to a file."""
        rows = self.model.rows
        what = f"{count(len(rows), 'run')} written to"
        write_text(self, "mnistop-runs.txt", "\n".join(table(rows)), what)

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Return the reason why an action is impossible now."""
        if self._filter.input.has_focus and action in _TYPED:
            return "What is typed goes into the filter: Enter applies it, Esc cancels."
        match action:
            case "mark" | "order" | "write_list" if self.chosen is None:
                return NONE_LISTED
            case "unmark" if not self.model.marked:
                return NONE_MARKED
            case "compare" if len(self._to_compare()) < 2:
                return "A comparison needs two runs: Space marks the one at the cursor."
        return super().why_not(action, parameters)

    def sections(self) -> Sequence[Section]:
        """The sections of the help: the panes and their keys."""
        return [
            Section("Runs", RunTable.EXPLANATION, declared(type(self))),
            Section("The filter of runs", _FILTER, declared(FilterInput)),
        ]


def _why_none() -> str:
    try:
        return why_closed()
    except RunError as error:
        return str(error)
