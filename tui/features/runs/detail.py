"""The details of the chosen run that the table has no room for."""

from __future__ import annotations

import time

from mnistop.engine.formatting import duration, epochs_of, loss
from mnistop.engine.runs.entry import RunEntry
from mnistop.tui.draw.cells import Strip
from mnistop.tui.session.compared import in_words
from mnistop.tui.text.run_lines import best_epoch, suspension, test_accuracy, validation_accuracy
from mnistop.tui.toolkit.pane import LinesPane


class RunDetail(LinesPane):
    """A few lines on one run."""

    DEFAULT_CSS = "RunDetail { height: 5; }"

    run: RunEntry | None = None
    problem = ""

    def show(self, run: RunEntry | None, problem: str) -> None:
        """Draw another run, or none.

        Args:
            run: the chosen one.
            problem: a sentence on its damaged log; empty for none.
        """
        self.run, self.problem = run, problem
        self.redraw()

    def title(self) -> str:
        """The run's full name, and the user's."""
        if not self.run:
            return "The chosen run"
        own = self.run.overview.about.name
        return f"{self.run.run.name}, named {own}" if own else self.run.run.name

    def lines(self, width: int, height: int) -> list[Strip]:
        """Problems, note, results, start and settings."""
        if not self.run:
            return []
        seen = self.run.overview
        paragraphs = [
            self.problem,
            suspension(self.run.run) if self.run.is_suspended else "",
            f"Note: {seen.about.note}" if seen.about.note else "",
            f"Failed: {seen.message}" if seen.message else "",
            f"{_results(self.run)}{_when(seen.started)}",
            f"Settings: {in_words(seen.changes)}.",
        ]
        lines = [strip for text in paragraphs if text for strip in self.say(text, width)]
        return lines[:height]


def _results(run: RunEntry) -> str:
    seen = run.overview
    words = f"{epochs_of(seen.epochs, seen.planned)} in {duration(seen.seconds)}"
    if seen.best_train_loss is not None and seen.best_val_loss is not None:
        words += f". Best epoch {best_epoch(run)}:"
        if seen.test_acc is not None and seen.test_images:
            words += f" test {test_accuracy(run)} on {seen.test_images:,} unseen images,"
        words += (
            f" val {validation_accuracy(run)}, loss {loss(seen.best_train_loss)} in "
            f"training, {loss(seen.best_val_loss)} in validation"
        )
    return words + "."


def _when(started: float | None) -> str:
    if started is None:
        return ""
    return time.strftime(" Started %Y-%m-%d %H:%M:%S.", time.localtime(started))
