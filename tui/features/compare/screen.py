"""Runs laid over each other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from textual import on
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from mnistop.engine.runs.entry import RunEntry
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.compare.panes import ComparedTable, DuelImage, DuelList, MatrixDifference
from mnistop.tui.session.compared import ComparedCharts, ComparedRun, Comparison
from mnistop.tui.session.view import ViewScreen, write_report
from mnistop.tui.toolkit.bindings import bindings, declared, hidden, key
from mnistop.tui.toolkit.dialogs import Section
from mnistop.tui.toolkit.list_pane import ListPane

_LOOK_SECONDS = 0.5
_WITH_IMAGE = 116
"""Columns from which on the chosen image is shown beside the list."""


class CompareScreen(ViewScreen):
    """The curves of some runs and the settings in which they differ; of two, image by image.

    Args:
        terminal: what the terminal can show.
    """

    NAME = "runs"

    BINDINGS = bindings(
        "compare",
        key(
            "images",
            "x",
            "images",
            "Image by image",
            "Two runs image by image: matrices, and who is right; back",
        ),
        hidden("write", "w", "write", "Write", "Write a report of this comparison in this folder"),
    )

    DEFAULT_CSS = """
    CompareScreen {
        & #compare-body, & #compare-duel { height: 1fr; }
        & MatrixDifference { width: 48; margin-right: 1; }
        & DuelList { width: 1fr; max-width: 38; }
        & DuelImage { width: 1fr; margin-left: 1; }
    }
    """

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(terminal)
        self._comparison = Comparison()
        self._charts = ComparedCharts(terminal)
        self._table = ComparedTable(terminal)
        self._matrix = MatrixDifference(terminal)
        self._list = DuelList(terminal)
        self._image = DuelImage(terminal)
        self._body = Vertical(self._charts, self._table, id="compare-body")
        self._duel = Horizontal(self._matrix, self._list, self._image, id="compare-duel")

    def panes(self) -> Iterable[Widget]:
        """The charts with the table, or two on the same images."""
        yield self._body
        yield self._duel

    def on_mount(self) -> None:
        """Start with the charts."""
        self._show_images(False)

    def on_resize(self) -> None:
        """Hide the image if there is no room for it."""
        self._image.display = self.app.size.width >= _WITH_IMAGE

    def enter(self, about: tuple[Sequence[RunEntry], Sequence[str]]) -> None:
        """Receive two or more runs to draw, and the names of those left out.

        Raises:
            RunError: the configuration of one cannot be read.
        """
        runs, left_out = about
        self._comparison = Comparison([ComparedRun.of(one) for one in runs], left_out)
        if self.is_mounted:
            self._show_images(False)

    def on_screen_resume(self) -> None:
        """Follow the runs until another screen is shown."""
        self.keep_going(self._follow, "compare")

    async def _follow(self) -> None:
        while self.is_current:
            if await asyncio.to_thread(self._comparison.read):
                self.changed()
            await asyncio.sleep(_LOOK_SECONDS)

    def redraw(self) -> None:
        """Update the visible panes."""
        comparison = self._comparison
        if self._body.display:
            self._charts.show(comparison)
            self._table.show(comparison)
        else:
            self._matrix.show(comparison)
            self._list.show(comparison)
            row = self._list.chosen
            self._image.show(None if row is None else (comparison.runs[0], row))

    def hint(self) -> str:
        """Return what can be done next."""
        both = ", x compares two image by image" if len(self._comparison.runs) == 2 else ""
        words = f"Left and right choose the epoch{both}, Esc goes back"
        if not self._body.display:
            words = "Up and down choose an image, x or Esc goes back to the curves"
        return words

    def _show_images(self, images: bool) -> None:
        self._body.display, self._duel.display = not images, images
        self.set_focus(self._list if images else self._charts)
        self.changed()

    def action_images(self) -> None:
        """Go to the predictions of two runs for the same images, or back."""
        self._show_images(self._body.display)

    def action_write(self) -> None:
        """Write a report of the runs."""
        runs = [one.run for one in self._comparison.runs]
        write_report(self, runs)

    @on(ComparedCharts.Moved)
    def _on_moved(self, message: ComparedCharts.Moved) -> None:
        self._comparison.move(message.by)
        self._comparison.compare_predictions()
        self.changed()

    @on(ListPane.Moved)
    def _on_image_moved(self) -> None:
        self.changed()

    def action_back(self) -> None:
        """Return from the images to the curves, from an epoch to the newest, then to the list."""
        if not self._body.display:
            self._show_images(False)
        elif self._comparison.cursor is not None:
            self._comparison.cursor = None
            self._comparison.compare_predictions()
            self.changed()
        else:
            super().action_back()

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Return the reason why an action is impossible now."""
        if action == "images" and len(self._comparison.runs) != 2:
            return "Only two runs can be compared image by image: Esc, then mark just two."
        return super().why_not(action, parameters)

    def sections(self) -> Sequence[Section]:
        """Return each pane's purpose and keys, for the help."""
        return [
            Section("Comparison", ComparedCharts.EXPLANATION, declared(ComparedCharts)),
            Section("Two runs", MatrixDifference.EXPLANATION, declared(type(self))),
        ]
