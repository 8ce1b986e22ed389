"""What each of some runs shows about its learning rate."""

from __future__ import annotations

import textwrap

from mnistop.tui.draw.cells import clean, line
from mnistop.tui.draw.legend import letter
from mnistop.tui.draw.strip import Strip
from mnistop.tui.features.rates.model import ThreeRates
from mnistop.tui.text.rates import settings_text
from mnistop.tui.toolkit.lines import LinesPane

_FOR_CHARTS = 13
"""Lines that the charts, the names of the screens, the progress line and the keys keep."""
_SENTENCE = 3
"""Lines that a sentence takes at most."""


class RateAnswers(LinesPane):
    """For each run its state, its accuracy and a sentence on its curve, and the conclusion."""

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
        if self.three is None:
            return "What the curves show"
        so_far = "" if self.three.is_over else " so far"
        return f"What the curves show{so_far}, with {settings_text(self.three.tested)}"

    def lines(self, width: int, height: int) -> list[Strip]:
        """A line of facts a run, and its sentence below, cut where there is no room for all."""
        rows = self._rows(width)
        most = _SENTENCE
        while len(rows) > height and most > 0:
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
                max_lines=max(most, 1),
                placeholder=" …" if self.terminal.unicode else " ~",
            )
            drawn += [line([(f"  {part}", None)], width) for part in words[:most]]
        conclusion = clean(self.three.conclusion, self.terminal) if self.three else ""
        words = textwrap.wrap(conclusion, max(width, 20))
        return drawn + [line([(part, self.palette.strong)], width) for part in words]

    def _facts(self) -> list[tuple[str, tuple[str, str]]]:
        """Of each run its title, how far it is and how good, and the sentence on its curve."""
        if self.three is None:
            return []
        three = self.three
        return [
            (
                clean(f"{one.title:<15}", self.terminal),
                (
                    clean(three.told(place), self.terminal),
                    clean(found.sentence, self.terminal),
                ),
            )
            for place, (one, found) in enumerate(zip(three.runs, three.answers, strict=True))
        ]
