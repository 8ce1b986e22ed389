"""The facts about the data: where they come from, their shape and range, how they are split."""

from __future__ import annotations

from mnistop.engine.analysis.samples import Samples
from mnistop.tui.draw.strip import Strip
from mnistop.tui.toolkit.lines import LinesPane


def _unseen(images: int) -> str:
    if not images:
        return "none unseen to test on"
    return f"{images:,} unseen to test on"


class DataFacts(LinesPane):
    """A few sentences."""

    EXPLANATION = (
        "Where the images come from, how many there are, and how they are split. Those that are "
        "neither trained on nor validated with test the trained model: they alone say how good it "
        "is, since the validation images choose its best epoch."
    )

    samples: Samples | None = None
    notice = ""
    changed = ""

    def show(self, samples: Samples | None, notice: str = "", changed: str = "") -> None:
        """Says the facts.

        Args:
            samples: of which data, or None to show only the notice.
            notice: what is being waited for or went wrong.
            changed: how they differ from those that the run in sight was trained on.
        """
        if (samples, notice, changed) != (self.samples, self.notice, self.changed):
            self.samples, self.notice, self.changed = samples, notice, changed
            self.redraw()

    def title(self) -> str:
        """The source."""
        return f"Data: {self.samples.description.source}" if self.samples else "Data"

    def lines(self, width: int, height: int) -> list[Strip]:
        """The facts, those that matter most first."""
        if self.samples is None:
            return self.say(self.notice, width)
        return self.say(self._sentences(), width)[:height]

    def needed(self, width: int) -> int:
        """Return the lines that all of it takes, with the title.

        Args:
            width: cells that the pane has.
        """
        return 1 + len(self.say(self._sentences() if self.samples else self.notice, width))

    def _sentences(self) -> str:
        assert self.samples
        facts = self.samples.description
        rows, columns = facts.image_shape
        times = "×" if self.terminal.unicode else "x"
        train, val = sum(self.samples.counts.training), sum(self.samples.counts.validation)
        return (
            f"{self.changed}{facts.count:,} images of {rows}{times}{columns}, as rows "
            f"({facts.count}, {rows * columns}): {train:,} to train on, {val:,} to validate with, "
            f"{_unseen(facts.unseen)}. "
            f"{''.join(f'{note} ' for note in self.samples.notes)}"
            f"Pixels are {facts.pixels}, scaled to 0 to 1: mean {facts.mean:.3f}, "
            f"std {facts.std:.3f}. Source: {facts.provenance}."
        )
