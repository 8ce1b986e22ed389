"""The range test as a curve with its marks, and in sentences on these and on the runs trained at
them."""

from __future__ import annotations

import math
import textwrap

from mnistop.engine.analysis.learning_rate_finder import RangeTest
from mnistop.tui.draw.cells import Strip, clean, line
from mnistop.tui.draw.series import letter
from mnistop.tui.features.rates.model import RateComparison
from mnistop.tui.text.rates import first_shown, range_chart, rate_text, reasons, settings_text
from mnistop.tui.toolkit.bindings import bindings, hidden, key
from mnistop.tui.toolkit.pane import LinesPane, PlottedPane


class RateCurve(PlottedPane, can_focus=True):
    """The loss after the step at each rate."""

    DEFAULT_CSS = "RateCurve { height: 1fr; }"

    BINDINGS = bindings(
        "rates",
        key("lower", "left,h", "move(-1)", "Rate", "Move to a lower rate", "←→"),
        hidden("higher", "right,l", "move(1)", "Higher", "Move to a higher rate"),
        hidden("lower10", "pageup", "move(-10)", "Much lower", "Ten rates lower"),
        hidden("higher10", "pagedown", "move(10)", "Much higher", "Ten rates higher"),
        hidden("lowest", "home", "move(-100000)", "Lowest", "To the lowest rate"),
        hidden("highest", "end", "move(100000)", "Highest", "To the highest rate"),
        key("mark", "n", "mark(1)", "Mark", "To the next of the marked rates", "n p"),
        hidden("mark_before", "p", "mark(-1)", "Mark before", "To the previous marked rate"),
    )

    EXPLANATION = (
        "A fresh model takes one step at each rate, from far too low to far too high. Where its "
        "loss falls, steps of that size help; where it shoots up, they are too large. The marks "
        "are rates for whole runs of thousands of steps, so the rate that is too low for a run "
        "lies further left than the curve alone suggests."
    )

    test: RangeTest | None = None
    rate = 0.0
    """The one at the cursor."""
    status = ""

    def show(self, test: RangeTest | None, status: str = "") -> None:
        """Draws a test.

        Args:
            test: the test, or None before there is one.
            status: what to say then.
        """
        if test is not self.test:
            self.test = test
            self.rate = self._first_look()
        self.status = status
        self.redraw()

    def point_at(self, rate: float) -> None:
        """Reads out a rate, or the one nearest to it that can be."""
        if self.test:
            self.rate = min(self._stops, key=lambda stop: abs(math.log(stop / rate)))
            self.redraw()

    def _first_look(self) -> float:
        if self.test is None:
            return 0.0
        return self.test.good or float(self.test.rates[0])

    @property
    def _stops(self) -> list[float]:
        """All rates that the cursor may stand on, rising: those of the test, and the marks."""
        assert self.test
        shown = self.test.rates[first_shown(self.test) :]
        return sorted({*shown.tolist(), *self.test.marks.values()})

    def title(self) -> str:
        """What is read out."""
        if self.test is None:
            return "Learning-rate range test"
        names = [name for name, rate in self.test.marks.items() if rate == self.rate]
        mark = f", marked {names[0]}" if names else ""
        return f"Learning-rate range test: rate {rate_text(self.rate)}{mark}, {self._read_out()}"

    def _read_out(self) -> str:
        assert self.test
        rates = self.test.rates
        if not rates[0] <= self.rate <= rates[-1]:
            return "beyond the steps of the test"
        nearest = int(abs(rates - self.rate).argmin())
        loss = float(self.test.losses[nearest])
        return f"loss {loss:.3f} after that step" if loss < math.inf else "no finite loss"

    def lines(self, width: int, height: int) -> list[Strip]:
        """The chart, or what will be here."""
        test = self.test
        if test is None:
            return self.say(self.status, width)
        drawn = range_chart(test, width, height, self.terminal, self.rate)
        self.placed((0, 0, drawn))
        return drawn

    def choose(self, x: float) -> None:
        """Reads out the rate that is nearest to one."""
        if self.test:
            self.rate = min(self._stops, key=lambda rate: abs(math.log(rate / x)))
            self.redraw()

    def action_move(self, by: int) -> None:
        """Reads out another rate."""
        if self.test:
            stops = self._stops
            at = stops.index(self.rate)
            self.rate = stops[max(0, min(len(stops) - 1, at + by))]
            self.redraw()
        else:
            self.notify(self.status, markup=False)

    def action_mark(self, by: int) -> None:
        """Goes to the next marked rate, or the one before."""
        if self.test is None:
            self.notify(self.status, markup=False)
            return
        marks = sorted(self.test.marks.values())
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

    three: RateComparison | None = None

    def show(self, three: RateComparison) -> None:
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
