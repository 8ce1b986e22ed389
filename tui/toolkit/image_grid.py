"""Images of one size, a page at a time, as large as they can be side by side."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from textual import events
from textual.message import Message

from mnistop.tui.draw import image
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Strip, beside
from mnistop.tui.draw.image import reduced
from mnistop.tui.toolkit.pane import LinesPane

PAGE = 16
"""Images of a page, where there is room."""

SQUARE = 4
"""Images across and down of a page that is square."""

LEAST = 10
"""Pixels of the longer side below which a page rather has fewer images."""
LEAST_GLYPHS = 12
"""The same for digits that are drawn with characters."""
_ENOUGH = 14
"""Pixels of the longer side from which on a square page is no smaller than it has to be."""
_LEAST_CAPTION, _CAPTION_WIDTH = 9, 15


@dataclass(frozen=True)
class Tiles:
    """A page of images, each with a caption above it."""

    count: int
    """Images of a page; 0 where not one fits."""
    columns: int
    rows: int
    width: int
    """Cells of one image or its caption, whichever is wider."""
    height: int
    """Lines of one image and its caption."""
    pixels: tuple[int, int]
    """Rows and columns of pixels that an image is drawn with."""
    mode: image.Mode

    @property
    def lines(self) -> int:
        """Lines of the page."""
        return self.rows * self.height

    def place(self, x: int, y: int) -> int | None:
        """Return the image of the page that covers a cell."""
        column, row = x // (self.width + 1), y // max(self.height, 1)
        inside = 0 <= column < self.columns and 0 <= row < self.rows
        place = row * self.columns + column
        return place if inside and place < self.count else None

    @property
    def size(self) -> int:
        """Cells that the longer side of an image would take across."""
        return max(self.pixels) * (2 if self.mode == "large" else 1)


@lru_cache(maxsize=64)
def fit(
    width: int,
    height: int,
    shape: tuple[int, ...],
    total: int,
    terminal: Terminal,
    mode: image.Mode = "auto",
    whole: bool = False,
    least: int = LEAST,
    square: bool = False,
) -> Tiles:
    """Lay out a page of 16 images, reduced if need be, or of as many as fit.

    Args:
        width: cells that there are.
        height: lines that there are.
        shape: rows and columns of pixels of an image, and channels if there are any.
        total: how many images there are.
        terminal: what the terminal can show.
        mode: how images are drawn.
        whole: whether no image may be reduced.
        least: pixels of the longer side below which a page rather has fewer images.
        square: whether 4 × 4 is liked better than what shows them largest, where they are large
            enough.
    """
    sides = shape[0], shape[1]
    least = max(sides) if whole else min(least, max(sides))
    if square and total >= PAGE:
        tiles = _page(width, height, sides, PAGE, SQUARE, terminal, mode)
        if max(tiles.pixels) >= max(least, min(_ENOUGH, max(sides))):
            return tiles
    for wanted in range(min(PAGE, total), 0, -1):
        pages = [
            _page(width, height, sides, wanted, columns, terminal, mode)
            for columns in range(1, wanted + 1)
        ]
        tiles = max(pages, key=lambda page: (page.size, -abs(page.columns - page.rows)))
        if max(tiles.pixels) >= least:
            return tiles
    return Tiles(0, 0, 0, 0, 0, (0, 0), mode)


def _page(
    width: int,
    height: int,
    shape: tuple[int, int],
    wanted: int,
    columns: int,
    terminal: Terminal,
    mode: image.Mode,
) -> Tiles:
    """Lay out images in columns; without pixels where they do not fit."""
    rows = -(-wanted // columns)
    cells, lines = (width + 1) // columns - 1, height // rows - 1
    if cells < _LEAST_CAPTION or lines < 1:
        return Tiles(wanted, columns, rows, 0, 0, (0, 0), mode)
    pixels, mode = reduced(shape, cells, lines, mode)
    wide, high = image.size(*pixels, mode)
    width = max(wide, min(cells, _CAPTION_WIDTH))
    return Tiles(wanted, columns, rows, width, high + 1, pixels, mode)


class ImageGrid(LinesPane, can_focus=True):
    """Images with a caption each, and a cursor on one of them; known by their positions.

    Args:
        terminal: what the terminal can show.
        id: the widget's id.
    """

    GAP = 1
    """Cells between two images."""
    NO_ROOM = "There is no room for an image here: enlarge the terminal."
    CAPTIONS_BELOW = False
    CLAMPS = False
    """Whether a move beyond the ends goes to them, and not nowhere."""

    @dataclass
    class Moved(Message):
        """A request to choose another image."""

        position: int

    class Opened(Message):
        """The chosen image is to be shown large."""

    mode: image.Mode = "auto"

    def __init__(self, terminal: Terminal, *, id: str | None = None) -> None:
        super().__init__(terminal, id=id)
        self._drawn: list[list[Strip]] = []
        self._drawn_of: object = None
        """What the drawn images are of; None to draw them again."""

    @property
    @abstractmethod
    def total(self) -> int:
        """The number of images."""

    @property
    @abstractmethod
    def position(self) -> int:
        """The position of the chosen image."""

    @property
    @abstractmethod
    def why_empty(self) -> str:
        """The reason why there are no images."""

    @property
    @abstractmethod
    def source(self) -> object:
        """A value that differs where the images of the same positions do."""

    @property
    @abstractmethod
    def tiles(self) -> Tiles:
        """The layout of the images in the pane."""

    def square_page(self, shape: tuple[int, ...], total: int, whole: bool = False) -> Tiles:
        """Return a page of 4 × 4 images below the title, or of as many as fit; as `fit`."""
        width, height = self.size
        least = LEAST if self.terminal.images == "half" else LEAST_GLYPHS
        room = (width, height - 1, shape, total, self.terminal, self.mode)
        return fit(*room, whole, least, square=True)

    @abstractmethod
    def pictures(self, row: Sequence[int], tiles: Tiles) -> list[Strip]:
        """Draw the images at some positions side by side."""

    @abstractmethod
    def caption(self, position: int, width: int) -> Strip:
        """Return the line with an image."""

    @property
    def page(self) -> Sequence[int]:
        """The positions of the page with the cursor."""
        count = max(self.tiles.count, 1)
        first = self.position // count * count
        return range(first, min(first + count, self.total))

    def lines(self, width: int, height: int) -> list[Strip]:
        """Draw the page with the cursor."""
        if not self.total:
            return self.say(self.why_empty, width)
        tiles, page = self.tiles, self.page
        if not tiles.count:
            return self.say(self.NO_ROOM, width)
        rows = [page[at : at + tiles.columns] for at in range(0, len(page), tiles.columns)]
        of = (self.source, page, tiles)
        if self._drawn_of != of:  # they stay while the cursor moves over them
            self._drawn_of = of
            self._drawn = [self.pictures(row, tiles) for row in rows]
        drawn: list[Strip] = []
        for row, images in zip(rows, self._drawn, strict=True):
            captions = beside([[self.caption(each, tiles.width)] for each in row], self.GAP)
            drawn += [Strip.blank(width)] * (self._blank_lines(tiles) if drawn else 0)
            drawn += [*images, *captions] if self.CAPTIONS_BELOW else [*captions, *images]
        return drawn

    def _blank_lines(self, tiles: Tiles) -> int:
        """Return the lines between two rows: one if captions are below the images and it fits."""
        has_room = tiles.rows > 1 and self.size.height // tiles.rows > tiles.height
        return int(self.CAPTIONS_BELOW and has_room)

    def go(self, position: int) -> None:
        """Ask for the image at a position, or the nearest that there is."""
        if not self.total:
            self.notify(self.why_empty, markup=False)
            return
        position = max(0, min(self.total - 1, position))
        if position != self.position:
            self.post_message(self.Moved(position))

    def action_move(self, right: int, down: int) -> None:
        """Move the cursor, on to the next page where this one ends."""
        position = self.position + right + down * max(self.tiles.columns, 1)
        if self.CLAMPS or not self.total or 0 <= position < self.total:
            self.go(position)

    def action_page(self, by: int) -> None:
        """Go to another page, to the same place in it."""
        self.go(self.position + by * max(self.tiles.count, 1))

    def action_end(self, position: int) -> None:
        """Go to the first image (0) or the last (-1)."""
        self.go(position % max(self.total, 1))

    def action_open(self) -> None:
        """Ask for the chosen image large."""
        if self.total:
            self.post_message(self.Opened())
        else:
            self.notify(self.why_empty, markup=False)

    def on_click(self, event: events.Click) -> None:
        """Choose the image that was clicked; a second click opens it."""
        tiles = self.tiles
        if not (self.total and tiles.count):
            return
        row, inside = divmod(event.y - 1, tiles.height + self._blank_lines(tiles))
        place = tiles.place(event.x, row * tiles.height) if inside < tiles.height else None
        if place is not None and place < len(self.page):
            position = self.page[place]
            if event.chain == 2 or position == self.position:
                self.action_open()
            else:
                self.go(position)
