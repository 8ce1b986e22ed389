"""The coach below the form, and buttons for the mouse."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.strip import Strip as TextualStrip

from mnistop.engine.analysis.coach import Advice
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Strip, clean, flow, line, unbroken
from mnistop.tui.draw.palette import Palette
from mnistop.tui.terminal.faults import FaultTolerantWidget
from mnistop.tui.toolkit.pane import LinesPane, textual_strip


class Controls(FaultTolerantWidget):
    """One line of words to click on.

    Args:
        terminal: what the terminal can show.
    """

    _WORDS: ClassVar[dict[str, str]] = {
        "train": "[r] Train",
        "pause": "[Space] Pause",
        "stop": "[s] Stop",
    }

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(id="controls")
        self._palette = Palette.of(terminal)
        self._possible: frozenset[str] = frozenset()

    def show(self, possible: frozenset[str]) -> None:
        """Draw what is possible as such.

        Args:
            possible: some of `train`, `pause` and `stop`.
        """
        if possible != self._possible:
            self._possible = possible
            self.refresh()

    def render_line(self, y: int) -> TextualStrip:
        """The line for Textual's compositor."""
        pieces = []
        for action, word in self._WORDS.items():
            possible = action in self._possible
            pieces.append((word, self._palette.strong if possible else self._palette.muted))
            pieces.append((" ", self._palette.muted))
        return textual_strip(line(pieces, self.size.width), self.rich_style)

    async def on_click(self, event: events.Click) -> None:
        """Act on what was clicked."""
        end = 0
        for action, word in self._WORDS.items():
            end += len(word) + 1
            if event.x < end:
                if action in self._possible:
                    await self.run_action(f"screen.{action}")
                return


_LEAST, _MOST = 2, 10
"""Lines below the title."""
_NOTHING = Advice("waiting", "")


class Coach(LinesPane):
    """The coach's advice on the shown epoch, on as many lines as there are.

    Args:
        terminal: what the terminal can show.
        titled: whether a title line stands above; else the text begins with the title.
        id: the widget's id.
    """

    def __init__(self, terminal: Terminal, titled: bool, *, id: str | None = None) -> None:
        super().__init__(terminal, id=id)
        self._titled = titled
        self._advice = _NOTHING
        self._epoch = ""

    def show(self, advice: Advice, epoch: str) -> None:
        """Draw advice.

        Args:
            advice: on the run.
            epoch: the shown epoch, as in `epoch 5`; empty before there is a model.
        """
        self._advice, self._epoch = advice, epoch
        self.on_resize()
        self.redraw()

    def on_resize(self) -> None:
        """Leave the spare lines of a short title to the form above."""
        if self._titled and self.size.width:
            self.set_height(1 + max(_LEAST, len(self.lines(self.size.width, _MOST))))

    def title(self) -> str:
        """The coach, and the epoch that the advice is on."""
        return f"Coach, {self._epoch}" if self._epoch else "Coach"

    def lines(self, width: int, height: int) -> list[Strip]:
        """The sentence, and the remedy so that it stands out."""
        advice = self._advice
        if not advice.sentence:
            return []
        sentence = clean(advice.sentence, self.terminal)
        remedy = clean(f" {advice.remedy}".rstrip(), self.terminal)
        parts = [
            (self._opening(len(sentence + remedy), width * height), self.palette.muted),
            (sentence, None),
            (remedy, self.palette.strong),
        ]
        rows = flow(unbroken(parts), width, " ")
        drawn = [line(row, width) for row in rows[:height]]
        if 0 < height < len(rows):
            cells = min(sum(cell_len(text) for text, _ in rows[height - 1]), width - 2)
            mark = line([("…" if self.terminal.unicode else "~", None)], width - cells)
            drawn[-1] = Strip.join([drawn[-1].crop(0, cells), mark])
        return drawn

    def _opening(self, length: int, room: int) -> str:
        """Return the words before the text where it has no title, few where room is short."""
        if self._titled:
            return ""
        opening = f"{self.title()}: "
        return opening if len(opening) + length <= room or not self._epoch else f"{self._epoch}: "

    def _draw(self) -> list[Strip]:
        if self._titled:
            return super()._draw()
        width, height = self.size
        drawn = self.lines(width, height)
        return [strip.adjust_cell_length(width) for strip in drawn]
