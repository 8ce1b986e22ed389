"""Choosing another run from a list."""

from __future__ import annotations

import asyncio

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen

from mnistop.engine.runs.filters import complete, parse
from mnistop.engine.runs.index import Index
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.session.run_list import RunBrowsing
from mnistop.tui.session.run_table import RunTable
from mnistop.tui.terminal.fault_tolerant import FaultTolerant
from mnistop.tui.toolkit.bindings import bindings, key
from mnistop.tui.toolkit.filter_line import FilterLine
from mnistop.tui.toolkit.list_pane import ListPane

_EXAMPLE = "lr>0.1 hidden:128"
_READ_SECONDS = 0.1


class _Choice(RunTable):
    """The runs that can be chosen.

    Args:
        terminal: what the terminal can show.
        browsing: what it shows.
        title: what the choice is for.
    """

    def __init__(self, terminal: Terminal, browsing: RunBrowsing, title: str) -> None:
        super().__init__(terminal, browsing)
        self._title = title

    def title(self) -> str:
        """What the choice is for."""
        return self._title

    def empty(self) -> str:
        """Why there is nothing to choose."""
        if self.waiting or self._browsing.text:
            return super().empty()
        return (
            "There is no other run yet: press 1 for the dashboard, choose another preset and "
            "press r."
        )


class ChooseRunScreen(FaultTolerant, ModalScreen[Run | None]):
    """Asks for a run; Esc chooses none.

    Args:
        terminal: what the terminal can show.
        title: what the choice is for.
        excluded: a run that is not offered, or None.
    """

    BINDINGS = bindings(
        "choose",
        key("none", "escape,q", "none", "None", "Choose none"),
        key("filter", "/", "filter", "Filter", f"Type which runs to show, as {_EXAMPLE}"),
    )

    DEFAULT_CSS = """
    ChooseRunScreen { align: center middle; background: $background 60%; }
    ChooseRunScreen > Vertical {
        width: 90%; max-width: 120; height: 60%; max-height: 24; padding: 0 1;
        background: $surface;
    }
    """

    def __init__(self, terminal: Terminal, title: str, excluded: Run | None) -> None:
        super().__init__()
        self._excluded = excluded
        self._browsing = RunBrowsing()
        self._filter = FilterLine(terminal, _EXAMPLE, parse, complete)
        self._table = _Choice(terminal, self._browsing, title)

    def compose(self) -> ComposeResult:
        """The list, and the filter line above it."""
        yield Vertical(self._filter, self._table)

    def on_mount(self) -> None:
        """Reads what runs there are."""
        self.set_focus(self._table)
        self.run_worker(self._read(), exit_on_error=False)

    async def _read(self) -> None:
        index, is_read = Index(), False
        while not is_read:
            self._table.show(None, "Looking for runs")
            is_read = await asyncio.to_thread(index.look, _READ_SECONDS)
            self._browsing.take([one for one in index.runs if one.run != self._excluded])
        self._table.show(None, "")

    @on(FilterLine.Applied)
    def _on_filter_applied(self, message: FilterLine.Applied) -> None:
        self._browsing.set_filter(message.text)
        self._table.redraw()
        self.set_focus(self._table)

    @on(FilterLine.Left)
    def _on_filter_left(self) -> None:
        self.set_focus(self._table)

    @on(ListPane.Opened)
    def _on_opened(self) -> None:
        if chosen := self._browsing.chosen:
            self.dismiss(chosen.run)

    def action_filter(self) -> None:
        """Goes to the filter line."""
        self.set_focus(self._filter.input)

    def action_none(self) -> None:
        """Leaves without a run."""
        self.dismiss(None)
