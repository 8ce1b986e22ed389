"""A page of images of one size, as large as they can be side by side and below each other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from mnistop.tui.draw import image
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.thumbnails import reduced

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
        """Which image of the page covers a cell."""
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
    shape: tuple[int, int],
    total: int,
    terminal: Terminal,
    mode: image.Mode = "auto",
    whole: bool = False,
    least: int = LEAST,
    square: bool = False,
) -> Tiles:
    """A page of 16 images, reduced where they would not fit otherwise, or of as many as fit.

    Args:
        width: cells that there are.
        height: lines that there are.
        shape: rows and columns of pixels of an image.
        total: how many images there are.
        terminal: what the terminal can show.
        mode: how images are drawn.
        whole: whether no image may be reduced.
        least: pixels of the longer side below which a page rather has fewer images.
        square: whether 4 × 4 is liked better than what shows them largest, where they are large
            enough.
    """
    least = max(shape) if whole else min(least, max(shape))
    if square and total >= PAGE:
        tiles = _page(width, height, shape, PAGE, SQUARE, terminal, mode)
        if max(tiles.pixels) >= max(least, min(_ENOUGH, max(shape))):
            return tiles
    for wanted in range(min(PAGE, total), 0, -1):
        pages = [
            _page(width, height, shape, wanted, columns, terminal, mode)
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
    """So many images in so many columns; without pixels where there is no room for them."""
    rows = -(-wanted // columns)
    cells, lines = (width + 1) // columns - 1, height // rows - 1
    if cells < _LEAST_CAPTION or lines < 1:
        return Tiles(wanted, columns, rows, 0, 0, (0, 0), mode)
    pixels, mode = reduced(shape, cells, lines, mode)
    wide, high = image.size(*pixels, terminal, mode)
    width = max(wide, min(cells, _CAPTION_WIDTH))
    return Tiles(wanted, columns, rows, width, high + 1, pixels, mode)
