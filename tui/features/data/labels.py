"""How many images of each class there are to train on and to validate with."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style

from mnistop.engine.analysis.samples import Samples
from mnistop.tui.draw import bars
from mnistop.tui.draw.cells import beside, line
from mnistop.tui.draw.strip import Strip
from mnistop.tui.toolkit.bindings import bindings, hidden
from mnistop.tui.toolkit.lines import LinesPane


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
    notice = ""
    top = 0
    """The first class that is shown."""

    def show(self, samples: Samples | None, notice: str = "") -> None:
        """Draws the counts.

        Args:
            samples: of which data, or None to show only the notice.
            notice: what is being waited for or went wrong.
        """
        if (samples, notice) != (self.samples, self.notice):
            self.samples, self.notice = samples, notice
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
            return self.say(self.notice, width)
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
            self.notify("All classes are in sight." if self.samples else self.notice, markup=False)
