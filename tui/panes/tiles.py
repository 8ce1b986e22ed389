"""How many images of one size fit side by side and below each other."""

from __future__ import annotations

from dataclasses import dataclass

from tui.render import image
from tui.render.terminal import Terminal

PAGE = 16
"""Images of a page, where there is room."""

CAPTION_WIDTH = 15


@dataclass(frozen=True)
class Tiles:
    """A page of images, each with a caption above it."""

    columns: int
    rows: int
    width: int
    """Cells of one image or its caption, whichever is wider."""
    height: int
    """Lines of one image and its caption."""
    mode: image.Mode

    @property
    def count(self) -> int:
        """Images of a page; 0 where not one fits."""
        return min(self.columns * self.rows, PAGE)

    @property
    def lines(self) -> int:
        """Lines of the page."""
        return self.rows * self.height


def fit(
    width: int,
    height: int,
    shape: tuple[int, int],
    total: int,
    terminal: Terminal,
    mode: image.Mode = "auto",
) -> Tiles:
    """A page as square as it can be, of large images where a whole page of them fits.

    Args:
        width: cells that there are.
        height: lines that there are.
        shape: rows and columns of pixels of an image.
        total: how many images there are.
        terminal: what the terminal can show.
        mode: how images are drawn.
    """
    wanted = min(PAGE, total)
    if mode == "auto":
        large = _fit(width, height, shape, wanted, terminal, "large")
        if large.count >= wanted:
            return large
    return _fit(width, height, shape, wanted, terminal, mode)


def _fit(
    width: int,
    height: int,
    shape: tuple[int, int],
    wanted: int,
    terminal: Terminal,
    mode: image.Mode,
) -> Tiles:
    cells, lines = image.size(*shape, terminal, mode)
    cells, lines = max(cells, CAPTION_WIDTH), lines + 1
    columns, rows = max(width + 1, 0) // (cells + 1), max(height, 0) // lines
    if columns and rows and wanted:
        rows = min(rows, max(-(-wanted // columns), min(4, rows)))
        columns = min(columns, -(-wanted // rows))
        rows = min(rows, -(-wanted // columns))
    return Tiles(columns, rows, cells, lines, mode)
