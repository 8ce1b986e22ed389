"""The curve of a range test, with its marks and a cursor along the learning rates."""

from __future__ import annotations

import math

from mnistop.engine.analysis.learning_rate_finder import RangeTest
from mnistop.tui.draw.strip import Strip
from mnistop.tui.text.rates import first_shown, range_chart, rate_text
from mnistop.tui.toolkit.bindings import bindings, hidden, key
from mnistop.tui.toolkit.pane import PlottedPane


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
