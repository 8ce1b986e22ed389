"""Where the panes of the data screen are."""

from __future__ import annotations

from textual.geometry import Size

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.data.findings import Findings
from mnistop.tui.features.data.flattening import Flattening
from mnistop.tui.features.data.model import DataCheck
from mnistop.tui.features.data.panes import DataFacts, Labels, SampleGrid
from mnistop.tui.toolkit.pane_host import Mode, Pane, PaneHost

_MOST_FACTS = 7
"""Lines that the facts take at most."""


class DataPanes(PaneHost):
    """Images, one of them flattened, findings and labels, with the facts above them.

    Args:
        terminal: what the terminal can show.
        check: has the findings.
    """

    WIDE = Size(110, 32)

    DEFAULT_CSS = """
    DataPanes > .panes > * { height: 1fr; }
    DataPanes.wide > .panes { layout: grid; grid-size: 2; grid-gutter: 0 2; }
    DataPanes.wide DataFacts { column-span: 2; }
    DataPanes.wide SampleGrid { row-span: 3; }
    """

    def __init__(self, terminal: Terminal, check: DataCheck) -> None:
        self.facts = DataFacts(terminal)
        self.grid = SampleGrid(terminal)
        self.flattening = Flattening(terminal)
        self.findings = Findings(terminal, check)
        self.labels = Labels(terminal)
        panes = {
            "Images": self.grid,
            "Flattening": self.flattening,
            "Findings": self.findings,
            "Labels": self.labels,
        }
        super().__init__(
            terminal, [Pane(name, pane, pane) for name, pane in panes.items()], above=[self.facts]
        )

    @property
    def mode(self) -> Mode:
        """The arrangement of the panes: one of them while there is nothing to show in any."""
        return super().mode if self.facts.content else "small"

    def fit(self) -> None:
        """Show what fits the terminal."""
        super().fit()
        is_wide, samples = self.mode == "wide", self.facts.content
        self.facts.display = samples is not None and (
            is_wide or self.active.widget is self.labels or bool(samples.notes)
        )
        self.grid.enlarged = self.zoomed
        width, height = self.app.size
        facts = self.facts.needed(width, _MOST_FACTS)
        classes = len(samples.counts.training) if samples else 10
        findings = min(self.findings.needed(width // 2 - 1), height // 4)
        self._body.styles.grid_rows = f"{facts} 1fr {findings} {min(classes + 2, height // 3)}"
        self.facts.styles.height = "1fr" if is_wide else facts
