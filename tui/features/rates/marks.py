"""The marks of a range test, each with its rate and its reason."""

from __future__ import annotations

import textwrap

from mnistop.engine.analysis.rates.range_test import RangeTest
from mnistop.tui.draw.cells import clean, line
from mnistop.tui.draw.strip import Strip
from mnistop.tui.text.rates import rate_text, reasons
from mnistop.tui.toolkit.lines import LinesPane

_NAME, _RATE = 10, 9
"""Cells of the columns before the reason."""
_REASON = 4
"""Lines that a reason takes at most."""
_LEAST, _FOR_CURVE = 4, 11
"""The pane's lines at least, and those that all else keeps."""


class RateMarks(LinesPane):
    """A few lines on each mark; as high as they need."""

    EXPLANATION = (
        "Too low: a whole run learns almost nothing. Good: the loss falls fast, well below the "
        "rates where it shoots up. Too high: a trial run at this rate learned nothing."
    )

    test: RangeTest | None = None
    settings = ""
    conclusion = ""

    def show(self, test: RangeTest | None, settings: str = "", conclusion: str = "") -> None:
        """Draws the marks of a test.

        Args:
            test: the test, or None for nothing.
            settings: what it is of, in words.
            conclusion: which rate to train with by what runs at the marks have shown, if any have.
        """
        self.test, self.settings, self.conclusion = test, settings, conclusion
        self.display = test is not None
        self._fit()
        self.redraw()

    def on_resize(self, event: object) -> None:
        """Takes the lines that the sentences need at this width."""
        self._fit()
        self._lines = []
        self.redraw()
        self.refresh()

    def _fit(self) -> None:
        wanted = 1 + len(self._rows(self.size.width or self.app.size.width))
        height = min(wanted, max(_LEAST, self.app.size.height - _FOR_CURVE))
        if self.styles.height is None or self.styles.height.value != height:
            self.styles.height = height

    def title(self) -> str:
        """How long the runs are that the marks are for, and what settings they have."""
        assert self.test
        steps = f"{self.test.steps:,.0f} steps" if self.test.steps != 1 else "1 step"
        return f"For whole runs, each of {steps}, with {self.settings}"

    def lines(self, width: int, height: int) -> list[Strip]:
        """A row a mark, its reason on as many lines as it takes and there are."""
        rows, most = self._rows(width), _REASON
        while len(rows) > height and most > 1:
            most -= 1
            rows = self._rows(width, most)
        return rows[:height]

    def _rows(self, width: int, most: int = _REASON) -> list[Strip]:
        if self.test is None:
            return []
        conclusion = clean(self.conclusion, self.terminal)
        strong = self.palette.strong
        rows = [line([(part, strong)], width) for part in textwrap.wrap(conclusion, max(width, 20))]
        for name, reason in reasons(self.test).items():
            rate = self.test.marks.get(name)
            shown = clean(rate_text(rate) if rate is not None else "-", self.terminal)
            before = f"{name:<{_NAME}}{shown:<{_RATE}}"
            words = textwrap.wrap(
                clean(reason, self.terminal),
                max(width - len(before), 20),
                max_lines=most,
                placeholder=" …" if self.terminal.unicode else " ~",
            )
            for number, part in enumerate(words):
                head = before if number == 0 else " " * len(before)
                rows.append(line([(head, strong), (part, None)], width))
        return rows
