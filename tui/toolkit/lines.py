"""A pane with a title and ready-made lines below it."""

from abc import abstractmethod
from collections.abc import Sequence

from rich.cells import cell_len

from mnistop.tui.draw.cells import line, plain, shorten
from mnistop.tui.draw.strip import Strip
from mnistop.tui.toolkit.drawn import DrawnWidget


class LinesPane(DrawnWidget):
    """A title line and the lines below it, drawn by the subclass for the size there is.

    Args:
        terminal: what the terminal can show.
        id: the widget's id.
    """

    @abstractmethod
    def title(self) -> str:
        """What the pane shows, in a few words."""

    @abstractmethod
    def lines(self, width: int, height: int) -> Sequence[Strip]:
        """The lines below the title, at most `height` of at most `width` cells."""

    def text(self) -> str:
        """All that the pane shows, as plain text."""
        return plain(self._draw()).rstrip()

    def _draw(self) -> list[Strip]:
        width, height = self.size
        drawn = [self._title_line(width), *self.lines(width, height - 1)]
        return self._based((drawn + [Strip.blank(0)] * (height - len(drawn)))[:height])

    def redraw_title(self) -> None:
        """Draws the title anew, which alone is different."""
        if self.size == self._drawn_for:
            self._replace(
                lambda: [*self._based([self._title_line(self.size.width)]), *self._lines[1:]]
            )

    def _title_line(self, width: int) -> Strip:
        rule = ("━" if self.has_focus else "─") if self.terminal.unicode else "-"
        style = self.palette.strong if self.has_focus else self.palette.muted
        mark = (">" if not self.terminal.unicode else "▸") if self.has_focus else rule
        text = shorten(f"{rule}{mark} {self.title()} ", width, self.terminal)
        return line([(text + rule * (width - cell_len(text)), style)], width)

    def watch_has_focus(self, has_focus: bool) -> None:
        """Shows in the title whether the keys go here."""
        self.redraw_title()
