"""One image that is right and one that is wrong, each with its probabilities."""

from __future__ import annotations

from mnistop.tui.draw.cells import beside
from mnistop.tui.draw.strip import Strip
from mnistop.tui.features.mistakes.browsed import BrowsedPane
from mnistop.tui.features.mistakes.chosen_image import said
from mnistop.tui.features.mistakes.model import Looked
from mnistop.tui.text.portrait import portrait
from mnistop.tui.text.trail import trail

_GAP = 2
_STORY = 6
"""Lines that the story of an image takes."""


class Pair(BrowsedPane):
    """The chosen image beside another one of its class that is the other way round.

    Args:
        terminal: what the terminal can show.
        browsing: what it shows.
    """

    EXPLANATION = (
        "How confident the model is when it is right and when it is wrong: the chosen image "
        "beside one of its class with the opposite outcome. n and p choose other pairs."
    )

    def title(self) -> str:
        """Which two."""
        right, wrong = self._browsing.pair()
        numbers = " and ".join(f"image {row}" for row in (right, wrong) if row is not None)
        return f"Right and wrong: {numbers}" if numbers else "Right and wrong"

    def lines(self, width: int, height: int) -> list[Strip]:
        """The two side by side."""
        if self._browsing.empty and self._browsing.row is None:
            return self.say(self._browsing.empty, width)
        half = (width - _GAP) // 2
        rows = self._browsing.pair()
        missing = ("No image is right here.", "No image is wrong here.")
        blocks = [
            self._block(self._browsing.look(row), half, height, nothing)
            for row, nothing in zip(rows, missing, strict=True)
        ]
        return beside(blocks, _GAP)

    def _block(self, looked: Looked | None, width: int, height: int, nothing: str) -> list[Strip]:
        if looked is None:
            return [strip.adjust_cell_length(width) for strip in self.say(nothing, width)]
        names = self._browsing.names
        drawn = portrait(
            looked.image,
            looked.probabilities,
            names,
            self.terminal,
            width,
            height - 1,
            looked.label,
            self.mode,
        )
        drawn = [said(looked, names, self.terminal, width), *drawn]
        if height - len(drawn) > _STORY:
            epoch = self._browsing.state.shown_epoch
            story = trail(looked.trail, looked.label, names, self.terminal, width, _STORY, epoch)
            drawn += [Strip.blank(width), *story]
        return [strip.adjust_cell_length(width) for strip in drawn]
