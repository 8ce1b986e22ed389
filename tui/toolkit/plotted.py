"""Panes with charts, on which a click goes to what stands at its column."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from textual import events

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.strip import Strip
from mnistop.tui.toolkit.lines import LinesPane


@runtime_checkable
class Plotted(Protocol):
    """A chart, whose module the first frame does without."""

    def x_at(self, column: int, line: int) -> float | None:
        """Return the x of a cell, None where the cell lies beside the curves."""


class PlottedPane(LinesPane):
    """A pane that knows where its charts stand.

    Args:
        terminal: what the terminal can show.
        id: the widget's id.
    """

    def __init__(self, terminal: Terminal, *, id: str | None = None) -> None:
        super().__init__(terminal, id=id)
        self._charts: list[tuple[int, int, Plotted]] = []
        """The charts in sight, with the column and the line that each begins in."""

    @abstractmethod
    def choose(self, x: float) -> None:
        """Go to what stands at an x, or nearest to it."""

    def placed(self, *charts: tuple[int, int, Sequence[Strip]]) -> None:
        """Note where the charts that are drawn stand.

        Args:
            charts: of each its first column and line below the title, and what is drawn; what
                is no chart is left out.
        """
        self._charts = [
            (left, top, drawn) for left, top, drawn in charts if isinstance(drawn, Plotted)
        ]

    def on_click(self, event: events.Click) -> None:
        """Go to the x that was clicked."""
        for left, top, chart in self._charts:
            x = chart.x_at(event.x - left, event.y - 1 - top)
            if x is not None:
                self.choose(x)
                return
