"""The coach: one true thing on the run that is shown, and what to do about it."""

import textwrap

from rich.style import Style

from engine.coach.advice import Advice
from tui.panes.lines import LinesPane
from tui.render.cells import clean, line
from tui.render.strip import Strip
from tui.render.terminal import Terminal

_LEAST, _MOST = 2, 10
"""Lines below the title."""
_NOTHING = Advice("waiting", "")


class Coach(LinesPane):
    """What the coach says of the newest epoch, on as many lines as there are.

    Args:
        terminal: what the terminal can show.
        titled: whether a title line stands above; else the text itself says whose it is.
        id: the widget's id.
    """

    def __init__(self, terminal: Terminal, titled: bool, *, id: str | None = None) -> None:
        super().__init__(terminal, id=id)
        self._titled = titled
        self._advice = _NOTHING
        self._epoch = -1

    def show(self, advice: Advice, epoch: int) -> None:
        """Draws what the coach says.

        Args:
            advice: on the run.
            epoch: the newest one, which it is about; -1 before the first.
        """
        self._advice, self._epoch = advice, epoch
        self._take_room()
        self.redraw()

    def on_resize(self) -> None:
        """Takes the lines that it needs in its new width."""
        self._take_room()

    def _take_room(self) -> None:
        """Leaves those lines below a title that it does not need to the form above."""
        if self._titled and self.size.width:
            needed = 1 + max(_LEAST, len(self.lines(self.size.width, _MOST)))
            if self.styles.height is None or self.styles.height.value != needed:
                self.styles.height = needed

    def title(self) -> str:
        """Whose words these are, and about when."""
        return f"Coach at epoch {self._epoch}" if self._epoch >= 0 else "Coach"

    def lines(self, width: int, height: int) -> list[Strip]:
        """The sentence, and the remedy so that it stands out."""
        advice = self._advice
        if not advice.sentence:
            return []
        when = f" at {self._epoch}" if self._epoch >= 0 else ""
        opening = "" if self._titled else f"Coach{when}: "
        parts = [
            (clean(opening, self.terminal), self.palette.muted),
            (clean(advice.sentence, self.terminal), None),
            (clean(f" {advice.remedy}".rstrip(), self.terminal), self.palette.strong),
        ]
        return _wrapped(parts, width, height, "…" if self.terminal.unicode else "~")

    def _draw(self) -> list[Strip]:
        if self._titled:
            return super()._draw()
        width, height = self.size
        drawn = self.lines(width, height)
        return [strip.adjust_cell_length(width) for strip in drawn]


def _wrapped(
    parts: list[tuple[str, Style | None]], width: int, height: int, mark: str
) -> list[Strip]:
    """Styled clean text in lines of at most `width` cells; what does not fit is cut off."""
    text = "".join(part for part, _ in parts)
    styles = [style for part, style in parts for _ in part]
    drawn: list[Strip] = []
    end = 0
    lines = textwrap.wrap(text, max(width, 1))
    for number, words in enumerate(lines[:height], start=1):
        start = text.index(words, end)
        end = start + len(words)
        if number == height < len(lines):
            words = words[: width - 2] + mark
        cells = zip(words, styles[start : start + len(words)], strict=True)
        drawn.append(line(cells, width))
    return drawn
