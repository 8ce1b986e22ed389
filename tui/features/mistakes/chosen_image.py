"""The chosen image large, what the model says to it, and how that changed over the epochs."""

from __future__ import annotations

from mnistop.engine.formatting import loss, percent, with_sign
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import line, shorten
from mnistop.tui.draw.palette import Palette
from mnistop.tui.draw.strip import Strip
from mnistop.tui.features.mistakes.browsed import BrowsedPane
from mnistop.tui.features.mistakes.model import Looked
from mnistop.tui.text.portrait import has_room, portrait
from mnistop.tui.text.trail import trail

_TRAIL = 5
"""Lines that the story of an image takes."""
_SHORT_TRAIL = 2
"""Lines of it where more would leave the image or the bars no room."""


class ChosenImage(BrowsedPane):
    """One validation image.

    Args:
        terminal: what the terminal can show.
        browsing: what it shows.
    """

    EXPLANATION = (
        "The bars are the probabilities of the classes. The strip below has a cell for every "
        "epoch, filled where the prediction was correct. Below it are the predictions, correct "
        "ones in brackets: 9×3 [4]×20 is three epochs of 9, then twenty of 4, the true class."
    )

    def title(self) -> str:
        """Which image."""
        row = self._browsing.row
        if row is None:
            return "Image"
        unlisted = "" if self._browsing.listed else ", no longer in the list"
        return f"Image {row}, {self._browsing.when}{unlisted}"

    def lines(self, width: int, height: int) -> list[Strip]:
        """The image, its bars and its story."""
        looked = self._browsing.look(self._browsing.row)
        if looked is None:
            return self.say("", width)
        names, epoch = self._browsing.names, self._browsing.state.shown_epoch
        story = trail(looked.trail, looked.label, names, self.terminal, width, _TRAIL, epoch)
        fits = [
            has_room(looked.image, len(names), self.terminal, width, height - lines - 1, self.mode)
            for lines in (len(story), _SHORT_TRAIL)
        ]
        if fits == [False, True] or height - len(story) - 2 < min(10, len(names)):
            story = story[:_SHORT_TRAIL]
        drawn = portrait(
            looked.image,
            looked.probabilities,
            names,
            self.terminal,
            width,
            height - len(story) - 1,
            looked.label,
            self.mode,
        )
        drawn = [said(looked, names, self.terminal, width), *drawn]
        gap = height - len(drawn) - len(story)
        if gap > 0:
            drawn.append(Strip.blank(width))
            story = trail(
                looked.trail, looked.label, names, self.terminal, width, height - len(drawn), epoch
            )
        return [*drawn, *story]


def said(looked: Looked, names: tuple[str, ...], terminal: Terminal, width: int) -> Strip:
    """One line: what an image is and what it is taken for, with a sign and a colour."""
    marks = ("✓", "✗") if terminal.unicode else ("right:", "WRONG:")
    mark = marks[not looked.right]
    true, predicted = (
        shorten(names[index], 12, terminal) for index in (looked.label, looked.predicted)
    )
    sure = percent(float(looked.probabilities[looked.predicted]))
    text = (
        f"{mark} {true}, {sure} sure"
        if looked.right
        else f"{mark} {true} taken for {predicted}, {sure} sure"
    )
    more = f"  loss {loss(looked.loss)}, margin {with_sign(looked.margin)}"
    palette = Palette.of(terminal)
    style = palette.good if looked.right else palette.bad
    room = len(more) <= width - len(text)
    return line(
        [
            (shorten(text, width, terminal), style + palette.strong),
            (more if room else "", palette.muted),
        ],
        width,
    )
