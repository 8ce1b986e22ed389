"""What the data are in words, and how many images each class has."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style

from mnistop.engine.analysis.samples import Samples
from mnistop.tui.draw import bars
from mnistop.tui.draw.cells import beside, line
from mnistop.tui.draw.strip import Strip
from mnistop.tui.toolkit.bindings import bindings, hidden
from mnistop.tui.toolkit.pane import LinesPane


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
    status = ""
    changed = ""

    def show(self, samples: Samples | None, status: str = "", changed: str = "") -> None:
        """Says the facts.

        Args:
            samples: of which data, or None to show only the status.
            status: what is being waited for or went wrong.
            changed: how they differ from those that the run in sight was trained on.
        """
        if (samples, status, changed) != (self.samples, self.status, self.changed):
            self.samples, self.status, self.changed = samples, status, changed
            self.redraw()

    def title(self) -> str:
        """The source."""
        return f"Data: {self.samples.description.source}" if self.samples else "Data"

    def lines(self, width: int, height: int) -> list[Strip]:
        """The facts, those that matter most first."""
        if self.samples is None:
            return self.say(self.status, width)
        return self.say(self._sentences(), width)[:height]

    def needed(self, width: int) -> int:
        """Return the lines that all of it takes, with the title.

        Args:
            width: cells that the pane has.
        """
        return 1 + len(self.say(self._sentences() if self.samples else self.status, width))

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


class Labels(LinesPane, can_focus=True):
    """The histogram of the labels, training and validation side by side on one scale."""

    BINDINGS = bindings(
        "data",
        hidden("classes_up", "up,k", "scroll_by(-1)", "Scroll", "To the classes above"),
        hidden("classes_down", "down,j", "scroll_by(1)", "Scroll", "To the classes below"),
    )

    EXPLANATION = (
        "How many images of each class there are. A class with few images is learned last; the "
        "validation images should be distributed like the rest."
    )

    samples: Samples | None = None
    status = ""
    top = 0
    """The first class that is shown."""

    def show(self, samples: Samples | None, status: str = "") -> None:
        """Draws the counts.

        Args:
            samples: of which data, or None to show only the status.
            status: what is being waited for or went wrong.
        """
        if (samples, status) != (self.samples, self.status):
            self.samples, self.status = samples, status
            self.redraw()

    def title(self) -> str:
        """How many classes there are."""
        if self.samples is None:
            return "Labels"
        classes = len(self.samples.counts.training)
        room = max(self.size.height - 2, 1)
        if classes <= room:
            return f"Labels of {classes} classes"
        last = min(self.top + room, classes)
        arrows = "↑↓" if self.terminal.unicode else "up/down"
        return f"Labels of classes {self.top + 1} to {last} of {classes}, {arrows} for more"

    def lines(self, width: int, height: int) -> list[Strip]:
        """Two histograms on one scale."""
        samples = self.samples
        if samples is None:
            return self.say(self.status, width)
        classes = len(samples.counts.training)
        self.top = max(0, min(self.top, classes - (height - 1)))
        rows = slice(self.top, self.top + max(height - 1, 0))
        names = samples.description.class_names[rows]
        most = max(*samples.counts.training, *samples.counts.validation)
        room = (width - 2) // 2
        return beside(
            [
                self._histogram(what, counts, rows, names, most, room, style)
                for what, counts, style in (
                    ("training", samples.counts.training, self.palette.train),
                    ("validation", samples.counts.validation, self.palette.val),
                )
            ]
        )

    def _histogram(
        self,
        what: str,
        counts: Sequence[int],
        rows: slice,
        names: Sequence[str],
        most: int,
        width: int,
        style: Style,
    ) -> list[Strip]:
        heading = line([(f"{what}: {sum(counts):,} images", style)], width)
        return [heading, *bars.counts(counts[rows], names, self.terminal, width, most, style)]

    def action_scroll_by(self, by: int) -> None:
        """Shows other classes."""
        if self.samples and len(self.samples.counts.training) > self.size.height - 2:
            self.top = max(0, self.top + by)
            self.redraw()
        else:
            self.notify("All classes are in sight." if self.samples else self.status, markup=False)
