"""What each of some runs shows about its learning rate."""

from __future__ import annotations

import textwrap

from tui.controllers.three_rates import ThreeRates
from tui.panes.lines import LinesPane
from tui.rate_words import told
from tui.render.cells import clean, line
from tui.render.legend import letter
from tui.render.strip import Strip

_FOR_CHARTS = 13
"""Lines that the charts, the names of the screens, the progress line and the keys keep."""
_SENTENCE = 3
"""Lines that a sentence takes at most."""


class RateAnswers(LinesPane):
    """For each run its state, its accuracy, and a sentence on its curve."""

    EXPLANATION = (
        "The coach's comments on the measured curves. Two accuracies that lie within each "
        "other's 95% interval may be equally good."
    )

    three: ThreeRates | None = None

    def show(self, three: ThreeRates) -> None:
        """Draws runs; the pane is as high as their sentences need."""
        self.three = three
        wanted = 1 + len(self._rows(self.app.size.width))
        height = max(1 + 2 * len(three.runs), min(wanted, self.app.size.height - _FOR_CHARTS))
        if self.styles.height is None or self.styles.height.value != height:
            self.styles.height = height
        self.redraw()

    def title(self) -> str:
        """What the lines are about."""
        over = self.three is not None and self.three.is_over
        return "What the curves show" if over else "What the curves show so far"

    def lines(self, width: int, height: int) -> list[Strip]:
        """A line of facts a run, and its sentence below, cut where there is no room for all."""
        rows = self._rows(width)
        most = _SENTENCE
        while len(rows) > height and most > 1:
            most -= 1
            rows = self._rows(width, most)
        return rows[:height]

    def _rows(self, width: int, most: int = _SENTENCE) -> list[Strip]:
        drawn: list[Strip] = []
        for place, (head, found) in enumerate(self._facts()):
            style = self.palette.line(place)
            name = f"{letter(place)} {head} "
            drawn.append(line([(name, style), (found[0], self.palette.strong)], width))
            words = textwrap.wrap(
                found[1],
                max(width - 2, 20),
                max_lines=most,
                placeholder=" …" if self.terminal.unicode else " ~",
            )
            drawn += [line([(f"  {part}", None)], width) for part in words]
        return drawn

    def _facts(self) -> list[tuple[str, tuple[str, str]]]:
        """Of each run its title, how far it is and how good, and the sentence on its curve."""
        if self.three is None:
            return []
        three = self.three
        return [
            (
                clean(f"{one.title:<15}", self.terminal),
                (
                    clean(told(three.state(place), found), self.terminal),
                    clean(found.sentence, self.terminal),
                ),
            )
            for place, (one, found) in enumerate(zip(three.runs, three.answers, strict=True))
        ]
