"""Panes of charts, which know where these stand, so that a click finds what it means."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal, Protocol, runtime_checkable

from textual import events

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Strip, beside
from mnistop.tui.toolkit.pane import LinesPane


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
        """The visible charts, with the column and the line that each begins in."""

    @abstractmethod
    def choose(self, x: float) -> None:
        """Move to the item at an x, or nearest to it."""

    def placed(self, *charts: tuple[int, int, Sequence[Strip]]) -> None:
        """Record where the drawn charts stand.

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


Kind = Literal["loss", "acc"]


class LossAndAccuracy(PlottedPane):
    """Two charts, side by side or, where it is narrow and high, one above the other."""

    GAP: ClassVar = 2
    """Cells between them."""

    log_scale = False
    """Whether losses are drawn on a logarithmic scale."""

    @abstractmethod
    def chart(self, kind: Kind, width: int, height: int) -> Sequence[Strip]:
        """Draw one of them."""

    def sizes(self, width: int, height: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return width and height of both."""
        if width < 70 and height >= 16:
            upper = height // 2
            return (width, upper), (width, height - upper)
        left = (width - self.GAP) // 2
        return (left, height), (width - self.GAP - left, height)

    def lines(self, width: int, height: int) -> list[Strip]:
        """Both charts."""
        first, second = self.sizes(width, height)
        drawn = self.chart("loss", *first), self.chart("acc", *second)
        below = first[0] == width
        second_at = (0, first[1]) if below else (first[0] + self.GAP, 0)
        self.placed((0, 0, drawn[0]), (*second_at, drawn[1]))
        return [*drawn[0], *drawn[1]] if below else beside(drawn, self.GAP)

    def action_log(self) -> None:
        """Switch the logarithmic scale."""
        self.log_scale = not self.log_scale
        self.redraw()
