"""What the model sees of a drawing, and what it says to it."""

from __future__ import annotations

from mnistop.engine.analysis.network import Classified
from mnistop.engine.data.pad import Image
from mnistop.tui.draw import bars, image
from mnistop.tui.draw.strip import Strip
from mnistop.tui.draw.thumbnails import picture
from mnistop.tui.toolkit.pane import LinesPane


class Seen(LinesPane):
    """The image that the model gets: the drawing, or the drawing in the place MNIST gives it."""

    seen: Image | None = None
    centred = True
    mode: image.Mode = "auto"

    def show(self, seen: Image, centred: bool) -> None:
        """Draws what the model sees.

        Args:
            seen: `(height, width)` in [0, 1].
            centred: whether it was scaled and centred.
        """
        self.seen, self.centred = seen, centred
        self.redraw()

    def title(self) -> str:
        """What has been done to the drawing."""
        return f"What the model sees: {'centred as MNIST' if self.centred else 'as drawn'}"

    def lines(self, width: int, height: int) -> list[Strip]:
        """The image, as large as it fits."""
        if self.seen is None or height < 1:
            return []
        return picture(self.seen, width, height, self.terminal, self.mode)


class Verdict(LinesPane):
    """The probabilities of the classes."""

    answer: Classified | None = None
    names: tuple[str, ...] = ()
    weights = ""
    status = ""

    def show(
        self, answer: Classified | None, names: tuple[str, ...], weights: str, status: str
    ) -> None:
        """Draws what the model says.

        Args:
            answer: the probabilities, or None to show only the status.
            names: of the classes.
            weights: whose weights these are, or are to be, as in `epoch 5`.
            status: what is being waited for or went wrong.
        """
        self.answer, self.names, self.weights, self.status = answer, names, weights, status
        self.redraw()

    def title(self) -> str:
        """What the model takes the drawing for, and whose weights these are."""
        if self.answer is None:
            return ", ".join(filter(None, ("What the model predicts", self.weights)))
        best = int(self.answer.probabilities.argmax())
        share = self.answer.probabilities[best]
        return f"{self.names[best]} {share:.0%}, {self.weights}"

    def lines(self, width: int, height: int) -> list[Strip]:
        """A bar for each class, the most probable ones where there are many."""
        if self.answer is None:
            return self.say(self.status, width)
        probabilities = self.answer.probabilities
        return bars.probabilities(
            probabilities.tolist(),
            self.names,
            self.terminal,
            width,
            predicted=int(probabilities.argmax()),
            height=height,
        )
