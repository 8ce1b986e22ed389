"""Many validation images at once, with true and predicted label below each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from textual.binding import Binding, BindingType
from textual.message import Message

from tui.browsing import Browsing
from tui.panes.browsed import BrowsedPane
from tui.render import image
from tui.render.cells import beside, line, shorten
from tui.render.strip import Strip
from tui.render.terminal import Terminal

_GAP = 2
_MOST = 4
"""Images in a row, and rows: a gallery of 4×4."""
_ENOUGH_GLYPHS = 6
"""Images of their whole size that are shown rather than more of half their size, in ASCII."""


@dataclass(frozen=True)
class _Layout:
    columns: int
    rows: int
    halved: bool
    """Whether images are drawn at half their size."""
    size: tuple[int, int]
    """Cells of one image, as (width, lines)."""

    @property
    def count(self) -> int:
        return self.columns * self.rows


class Gallery(BrowsedPane):
    """The images that pass the filter, a page at a time.

    Args:
        terminal: what the terminal can show.
        browsing: what it shows.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "left,h",
            "move(-1, 0)",
            "Move",
            key_display="←↑↓→",
            id="gallery.left",
            tooltip="The image before",
        ),
        Binding(
            "right,l",
            "move(1, 0)",
            "Right",
            show=False,
            id="gallery.right",
            tooltip="The next image",
        ),
        Binding("up,k", "move(0, -1)", "Up", show=False, id="gallery.up", tooltip="A row up"),
        Binding(
            "down,j", "move(0, 1)", "Down", show=False, id="gallery.down", tooltip="A row down"
        ),
        Binding(
            "pageup", "page(-1)", "Page", show=False, id="gallery.page_up", tooltip="A page back"
        ),
        Binding(
            "pagedown", "page(1)", "Page", show=False, id="gallery.page_down", tooltip="A page on"
        ),
        Binding(
            "home",
            "move(-10000000, 0)",
            "First",
            show=False,
            id="gallery.home",
            tooltip="The first",
        ),
        Binding(
            "end", "move(10000000, 0)", "Last", show=False, id="gallery.end", tooltip="The last"
        ),
        Binding("enter", "open", "Open", id="gallery.open", tooltip="This image large"),
    ]

    EXPLANATION = (
        "Below each image its true class → what it is taken for and how sure the model is of "
        "that; wrong ones have a cross. v draws the images larger or smaller."
    )

    @dataclass
    class Moved(Message):
        """Another image is chosen."""

        position: int

    @dataclass
    class Opened(Message):
        """The chosen image shall be shown large."""

    small: bool | None = None
    """Whether to draw images at half their size; None for what shows the most."""

    def __init__(self, terminal: Terminal, browsing: Browsing) -> None:
        super().__init__(terminal, browsing)
        self._drawn: list[list[Strip]] = []
        self._drawn_of: tuple[object, ...] = ()
        """What the drawn images are of."""

    def title(self) -> str:
        """Which page of how many."""
        browsing = self._browsing
        if browsing.judgement is None or not len(browsing.rows):
            return "Gallery"
        layout = self._layout()
        page, pages = browsing.position // layout.count + 1, -(-len(browsing.rows) // layout.count)
        return (
            f"Gallery of {len(browsing.rows)} of {len(browsing.judgement)}, {browsing.when}, "
            f"{browsing.order.short}, page {page} of {pages}"
        )

    def lines(self, width: int, height: int) -> list[Strip]:
        """The page that the chosen image is on."""
        browsing = self._browsing
        if browsing.empty:
            return self.say(browsing.empty, width)
        layout = self._layout()
        start = browsing.position // layout.count * layout.count
        page = browsing.rows[start : start + layout.count].tolist()
        drawn: list[Strip] = []
        for row, pictures in zip(_by_rows(page, layout), self._pictures(page, layout), strict=True):
            if drawn and (height + 1) // layout.rows > layout.size[1] + 1:
                drawn.append(Strip.blank(width))
            captions = [[self._caption(each, layout.size[0])] for each in row]
            drawn += [*pictures, *beside(captions, _GAP)]
        return drawn

    def _layout(self) -> _Layout:
        layouts = [self._fitting(halved) for halved in (False, True)]
        if self.small is not None:
            return layouts[self.small]
        usual, halved = layouts
        enough = _MOST * _MOST if self.terminal.images == "half" else _ENOUGH_GLYPHS
        return usual if usual.count >= enough or halved.count <= usual.count else halved

    def _fitting(self, halved: bool) -> _Layout:
        part = 2 if halved else 1
        high, wide = (-(-pixels // part) for pixels in self._browsing.shape)
        size = image.size(high, wide, self.terminal, self.mode)
        width, height = self.size.width, self.size.height - 1
        columns = max(1, min(_MOST, (width + _GAP) // (size[0] + _GAP)))
        return _Layout(columns, max(1, min(_MOST, height // (size[1] + 1))), halved, size)

    def _pictures(self, page: list[int], layout: _Layout) -> list[list[Strip]]:
        """The images of a page by rows; they stay while the cursor moves over them."""
        of = (self._browsing.state.run, page, layout, self.mode)
        if of != self._drawn_of:
            self._drawn_of = of
            self._drawn = [self._side_by_side(row, layout) for row in _by_rows(page, layout)]
        return self._drawn

    def _side_by_side(self, row: list[int], layout: _Layout) -> list[Strip]:
        nothing = np.zeros(self._browsing.shape, np.float32)
        images = [self._browsing.image(each) for each in row]
        pixels = np.stack([nothing if each is None else each for each in images])
        pixels = _halved(pixels) if layout.halved else pixels
        return image.gray_row(list(pixels), layout.size[0], _GAP, self.terminal, self.mode)

    def _caption(self, row: int, width: int) -> Strip:
        looked = self._browsing.look(row)
        assert looked
        unicode = self.terminal.unicode
        mark = ("✓" if unicode else "+") if looked.right else ("✗" if unicode else "x")
        sure = f"{float(looked.probabilities[looked.predicted]):.0%}"
        name_width = max(1, (width - len(sure) - 4) // 2)
        true, predicted = (
            shorten(self._browsing.names[index], name_width, self.terminal)
            for index in (looked.label, looked.predicted)
        )
        said = true if looked.right else true + ("→" if unicode else ">") + predicted
        text = f"{mark} {said} {sure}"
        number = f"#{row}"
        if len(text) + 1 + len(number) <= width:
            text += number.rjust(width - len(text))
        style = self.palette.good if looked.right else self.palette.bad
        return line(
            [(text.ljust(width), self.palette.cursor if row == self._browsing.row else style)],
            width,
        )

    def action_move(self, by: int, rows: int) -> None:
        """Chooses another image."""
        self._move(by + rows * self._layout().columns)

    def action_page(self, by: int) -> None:
        """Goes on by a page."""
        self._move(by * self._layout().count)

    def _move(self, by: int) -> None:
        if len(self._browsing.rows):
            self.post_message(self.Moved(self._browsing.position + by))

    def action_open(self) -> None:
        """Asks for the chosen image alone."""
        self.post_message(self.Opened())

    def resize_images(self) -> None:
        """Draws images at half their size, or at their whole size."""
        self.small = not self._layout().halved
        self.redraw()


def _by_rows(page: list[int], layout: _Layout) -> list[list[int]]:
    starts = range(0, len(page), layout.columns)
    return [page[start : start + layout.columns] for start in starts]


def _halved(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Images, `(n, h, w)`, at half their size, their thin strokes kept bright."""
    _, height, width = pixels.shape
    even = np.pad(pixels, ((0, 0), (0, height % 2), (0, width % 2)))
    blocks = even.reshape(len(pixels), -(-height // 2), 2, -(-width // 2), 2)
    mixed: NDArray[np.float32] = (blocks.mean((2, 4)) + blocks.max((2, 4))) / 2
    return mixed
