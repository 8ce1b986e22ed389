"""The form of a sweep, and the line that says what it makes."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message

from mnistop.engine.config import RunConfig
from mnistop.engine.formatting import count, duration
from mnistop.engine.sweep.effort import duration_of
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import clean, line, shorten
from mnistop.tui.draw.strip import Strip
from mnistop.tui.features.sweep.values import ROWS, SweepValues
from mnistop.tui.toolkit.form_editor import FormEditor
from mnistop.tui.toolkit.lines import LinesPane


class SweepForm(FormEditor):
    """For each hyperparameter the values to try.

    Args:
        base: what the dashboard's form holds.
        cores: how many there are.
        terminal: what the terminal can show.
    """

    EXPLANATION = (
        "A row may hold several values, separated by commas or as a range; every combination is "
        "trained, and rows with several values are marked. Left and right step through the "
        "dashboard's value, a few around it, and all usual ones."
    )

    @dataclass
    class Changed(Message):
        """The form makes other runs than before."""

    def __init__(self, base: RunConfig, cores: int, terminal: Terminal) -> None:
        self.sweep = SweepValues(base, cores)
        super().__init__(ROWS, self.sweep, terminal)

    def changed(self) -> None:
        """Shows the values, and tells that they make other runs."""
        super().changed()
        self.post_message(self.Changed())


class SweepSize(LinesPane):
    """How many runs the form makes, and how long they will take."""

    DEFAULT_CSS = "SweepSize { height: 4; }"

    values: SweepValues | None = None
    pace = 1.0
    is_known = False

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(terminal)

    def show(self, values: SweepValues, pace: float, is_known: bool) -> None:
        """Draws what the form makes now.

        Args:
            values: what it holds.
            pace: how much longer runs take here than `mnistop.engine.sweep.effort` says.
            is_known: whether that was measured.
        """
        self.values, self.pace, self.is_known = values, pace, is_known
        self.redraw()

    def title(self) -> str:
        """What it is about."""
        return "What this makes"

    def lines(self, width: int, height: int) -> list[Strip]:
        """The number of runs and the time, or what is wrong."""
        values = self.values
        if values is None:
            return []
        if values.problems:
            sentence = list(values.problems.values())[-1]
            said = [f"! {sentence}", "Correct this before starting."]
            style = self.palette.bad
        elif len(values.configs) < 2:
            said = ["A single run: give a row several values, or train with several seeds."]
            style = self.palette.muted
        else:
            said, style = self._made(values), self.palette.strong
        return [
            line([(shorten(clean(text, self.terminal), width, self.terminal), style)], width)
            for text in said
        ][:height]

    def _made(self, values: SweepValues) -> list[str]:
        runs, combinations = len(values.configs), values.combinations
        seeds = runs // combinations
        words = f"{runs:,} runs"
        if seeds > 1:
            words += f": {count(combinations, 'combination')} with {seeds} seeds each"
        seconds = duration_of(values.configs, values.jobs, self.pace)
        basis = "" if self.is_known else ", on a typical machine"
        return [
            f"{words}.",
            f"They take roughly {duration(seconds)}{basis}, {values.jobs} at once.",
        ]
