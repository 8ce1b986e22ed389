"""Choosing another run from a list."""

from __future__ import annotations

import contextlib
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.strip import Strip

from engine import runs
from engine.errors import RunError
from engine.runs import Run
from tui.panes.list_pane import ListPane
from tui.render.cells import clean, line, shorten
from tui.render.terminal import Terminal

_MOST = 200
"""Runs that are offered, the newest ones."""


class RunList(ListPane):
    """Runs with what sets each apart from the notebook's.

    Args:
        terminal: what the terminal can show.
        title: what the choice is for.
        excluded: a run that is not offered, or None.
    """

    def __init__(self, terminal: Terminal, title: str, excluded: Run | None) -> None:
        super().__init__(terminal)
        self._title = title
        self._runs: list[tuple[Run, str]] = []
        for run in runs.list_runs()[:_MOST]:
            if run != excluded:
                with contextlib.suppress(RunError):  # damaged: there is nothing to compare
                    changes = run.config().changes().items()
                    settings = ", ".join(f"{name} {text}" for name, text in changes)
                    self._runs.append((run, settings or "the notebook's settings"))

    def chosen(self) -> Run:
        """The run at the cursor."""
        return self._runs[self.position][0]

    @property
    def count(self) -> int:
        """How many runs there are."""
        return len(self._runs)

    def title(self) -> str:
        """What the choice is for."""
        return self._title

    def empty(self) -> str:
        """Why there is nothing to choose."""
        return "There is no other run yet: 1 for the dashboard, another preset there, and r."

    def header(self, width: int) -> Strip:
        """The names of the columns."""
        return line([(f"{'run':<32}  differs by", self.palette.muted)], width)

    def row(self, index: int, width: int, chosen: bool) -> Strip:
        """One run."""
        run, settings = self._runs[index]
        text = f"{run.name:<32}  {clean(settings, self.terminal)}"
        text = shorten(text, width, self.terminal).ljust(width)
        return line([(text, self.palette.cursor if chosen else None)], width)


class ChooseRunScreen(ModalScreen[Run | None]):
    """Asks for a run; Esc chooses none.

    Args:
        terminal: what the terminal can show.
        title: what the choice is for.
        excluded: a run that is not offered, or None.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "none", "None", id="choose.none", tooltip="Choose none"),
    ]

    DEFAULT_CSS = """
    ChooseRunScreen { align: center middle; background: $background 60%; }
    ChooseRunScreen RunList {
        width: 90%; max-width: 100; height: 60%; max-height: 24; padding: 0 1;
        background: $surface;
    }
    """

    def __init__(self, terminal: Terminal, title: str, excluded: Run | None) -> None:
        super().__init__()
        self._list = RunList(terminal, title, excluded)

    def compose(self) -> ComposeResult:
        """The list alone."""
        yield self._list

    @on(ListPane.Opened)
    def _on_opened(self) -> None:
        self.dismiss(self._list.chosen())

    def action_none(self) -> None:
        """Leaves without a run."""
        self.dismiss(None)
