"""The range test as a curve, its marks in sentences, and sentences on the runs trained there."""

from __future__ import annotations

import math

from mnistop.engine.analysis.learning_rate_finder import RangeTest
from mnistop.tui.draw.cells import PLAIN, Strip, clean, line
from mnistop.tui.draw.series import letter
from mnistop.tui.features.rates.model import RateComparison
from mnistop.tui.text.rates import first_shown, range_chart, rate_text, reasons, settings_text
from mnistop.tui.toolkit.bindings import bindings, hidden, key
from mnistop.tui.toolkit.pane import ContentPane
from mnistop.tui.toolkit.plotted_pane import PlottedPane


class RateCurve(PlottedPane, ContentPane[RangeTest], can_focus=True):
    """The loss after the step at each rate."""

    BINDINGS = bindings(
        "rates",
        key("lower", "left,h", "move(-1)", "Rate", "Move to a lower rate", "←→"),
        hidden("higher", "right,l", "move(1)", "Higher", "Move to a higher rate"),
        hidden("lower10", "pageup", "move(-10)", "Much lower", "Ten rates lower"),
        hidden("higher10", "pagedown", "move(10)", "Much higher", "Ten rates higher"),
        hidden("lowest", "home", "move(-100000)", "Lowest", "To the lowest rate"),
        hidden("highest", "end", "move(100000)", "Highest", "To the highest rate"),
        key("mark", "n", "mark(1)", "Mark", "To the next of the marked rates", "n/p"),
        hidden("mark_before", "p", "mark(-1)", "Mark before", "To the previous marked rate"),
    )

    EXPLANATION = (
        "A fresh model takes one step at each rate, from far too low to far too high. Where its "
        "loss falls, steps of that size help; where it shoots up, they are too large. The marks "
        "are rates for whole runs of thousands of steps, so the rate that is too low for a run "
        "lies further left than the curve alone suggests."
    )

    EMPTY_TITLE = "Learning-rate range test"

    rate = 0.0
    """The one at the cursor."""

    def show(self, content: RangeTest | None, status: str = "") -> None:
        """Draw a test; the cursor of another one stands at its good rate."""
        if content and content is not self.content:
            self.rate = content.good or float(content.rates[0])
        super().show(content, status)

    @property
    def _stops(self) -> list[float]:
        """The rates that the cursor may stand on, rising: those of the test, and the marks."""
        if (test := self.content) is None:
            return []
        return sorted({*test.rates[first_shown(test) :].tolist(), *test.marks.values()})

    def heading(self, content: RangeTest) -> str:
        """The rate at the cursor, and the loss there."""
        names = [name for name, rate in content.marks.items() if rate == self.rate]
        mark = f", marked {names[0]}" if names else ""
        rates = content.rates
        nearest = int(abs(rates - self.rate).argmin())
        step = "that" if rates[nearest] == self.rate else "the nearest"
        loss = float(content.losses[nearest])
        if not rates[0] <= self.rate <= rates[-1]:
            there = "beyond the steps of the test"
        else:
            there = f"loss {loss:.3f} after {step} step" if loss < math.inf else "no finite loss"
        return f"{self.EMPTY_TITLE}: rate {rate_text(self.rate)}{mark}, {there}"

    def draw(self, content: RangeTest, width: int, height: int) -> list[Strip]:
        """The chart."""
        drawn = range_chart(content, width, height, self.terminal, self.rate)
        self.placed((0, 0, drawn))
        return drawn

    def choose(self, x: float) -> None:
        """Go to the rate that is nearest to one."""
        if stops := self._stops:
            self.rate = min(stops, key=lambda stop: abs(math.log(stop / x)))
            self.redraw()

    def action_move(self, by: int) -> None:
        """Go to another rate."""
        if stops := self._stops:
            at = stops.index(self.rate)
            self.rate = stops[max(0, min(len(stops) - 1, at + by))]
            self.redraw()
        else:
            self.notify(self.status, markup=False)

    def action_mark(self, by: int) -> None:
        """Go to the next marked rate, or the one before."""
        if self.content is None:
            self.notify(self.status, markup=False)
            return
        marks = sorted(self.content.marks.values())
        ahead = [rate for rate in marks if (rate - self.rate) * by > 0]
        if ahead:
            self.rate = ahead[0] if by > 0 else ahead[-1]
            self.redraw()
        else:
            self.notify(f"No marked rate is {'higher' if by > 0 else 'lower'}.", markup=False)


_NAME, _RATE = 10, 9
"""Cells of the columns before the reason."""
_REASON = 4
"""Lines that a reason takes at most."""
_LEAST, _FOR_CURVE, _ALL = 4, 11, 999
"""The pane's lines at least, those that all else keeps, and more than any pane has."""


class RateMarks(ContentPane[RangeTest]):
    """A few lines on each mark; as high as they need."""

    EXPLANATION = (
        "Too low: a whole run learns almost nothing. Good: the loss falls fast, well below the "
        "rates where it shoots up. Too high: a trial run at this rate learned nothing."
    )

    settings = ""
    """The settings of the runs, in words."""
    conclusion = ""
    """The rate to train with by the runs at the marks; empty before there are any."""

    def show(self, content: RangeTest | None, status: str = "") -> None:
        """Draw the marks of a test; nothing where there is none."""
        self.display = content is not None
        super().show(content, status)
        self._fit()

    def on_resize(self, event: object) -> None:
        """Adapt the number of lines to the new width."""
        self._fit()
        self._lines = []
        self.redraw()
        self.refresh()

    def _fit(self) -> None:
        needed = 1 + len(self.lines(self.size.width or self.app.size.width, _ALL))
        self.set_height(min(needed, max(_LEAST, self.app.size.height - _FOR_CURVE)))

    def heading(self, content: RangeTest) -> str:
        """The length and the settings of the runs that the marks are for."""
        steps = f"{content.steps:,.0f} steps" if content.steps != 1 else "1 step"
        return f"For whole runs, each of {steps}, with {self.settings}"

    def draw(self, content: RangeTest, width: int, height: int) -> list[Strip]:
        """A row a mark, its reason on as many lines as it takes and there are."""
        rows: list[Strip] = []
        for most in range(_REASON, 0, -1):
            rows = self._rows(content, width, most)
            if len(rows) <= height:
                break
        return rows[:height]

    def _rows(self, test: RangeTest, width: int, most: int) -> list[Strip]:
        strong = self.palette.strong
        rows = self.say(self.conclusion, width, strong)
        for name, reason in reasons(test).items():
            rate = test.marks.get(name)
            shown = clean(rate_text(rate) if rate is not None else "-", self.terminal)
            before = f"{name:<{_NAME}}{shown:<{_RATE}}"
            for part in self.say(reason, max(width - len(before), 20), PLAIN, most):
                head = line([(before, strong)], len(before))
                rows.append(Strip.join([head, part]).adjust_cell_length(width))
                before = " " * len(before)
        return rows


_FOR_CHARTS = 13
"""Lines that the charts, the names of the screens, the progress line and the keys keep."""
_SENTENCE = 3
"""Lines that a sentence takes at most."""


class RateAnswers(ContentPane[RateComparison]):
    """The state, accuracy and a sentence on the curve of each run, and the conclusion."""

    EXPLANATION = (
        "The coach's comments on the measured curves. Two accuracies that lie within each "
        "other's 95% interval may be equally good."
    )

    EMPTY_TITLE = "What the curves show"

    def show(self, content: RateComparison | None, status: str = "") -> None:
        """Draw runs; the pane is as high as their sentences need."""
        super().show(content, status)
        if content:
            needed = 1 + len(self._rows(content, self.app.size.width, _SENTENCE))
            most = self.app.size.height - _FOR_CHARTS
            self.set_height(max(1 + 2 * len(content.runs), min(needed, most)))

    def heading(self, content: RateComparison) -> str:
        """The settings of the runs."""
        so_far = "" if content.is_over else " so far"
        return f"{self.EMPTY_TITLE}{so_far}, with {settings_text(content.tested)}"

    def draw(self, content: RateComparison, width: int, height: int) -> list[Strip]:
        """A line of facts a run, and its sentence below, cut where there is no room for all."""
        rows: list[Strip] = []
        for most in range(_SENTENCE, -1, -1):
            rows = self._rows(content, width, most)
            if len(rows) <= height:
                break
        return rows[:height]

    def _rows(self, runs: RateComparison, width: int, most: int) -> list[Strip]:
        strong = self.palette.strong
        drawn: list[Strip] = []
        for place, (one, found) in enumerate(zip(runs.runs, runs.answers, strict=True)):
            name = clean(f"{letter(place)} {one.title:<15} ", self.terminal)
            facts = clean(runs.result(place), self.terminal)
            drawn.append(line([(name, self.palette.line(place)), (facts, strong)], width))
            words = self.say(found.sentence, max(width - 2, 20), PLAIN, max(most, 1))
            indent = Strip.blank(2, PLAIN)
            drawn += [Strip.join([indent, part]).adjust_cell_length(width) for part in words[:most]]
        return drawn + self.say(runs.conclusion, width, strong)
