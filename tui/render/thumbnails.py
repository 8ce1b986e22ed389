"""Pages of small images: as many as fit, each as large as it can be then."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.resample import resample
from tui.render import image
from tui.render.strip import Strip
from tui.render.terminal import Terminal

SIDE = 4
"""Images of a page across and down, where there is room."""

_LEAST = {"half": 14, "ascii": 18}
"""Pixels of the longer side below which a digit cannot be told any more."""

_CAPTION_WIDTH = 9


@dataclass(frozen=True)
class Thumbnails:
    """How the images of a page share a rectangle; each has a line for a caption above it."""

    columns: int
    rows: int
    width: int
    """Cells of one image and its caption."""
    height: int
    """Lines of one image and its caption."""

    @property
    def count(self) -> int:
        """Images of a page."""
        return self.columns * self.rows

    @classmethod
    def fit(
        cls,
        width: int,
        height: int,
        shape: tuple[int, int],
        terminal: Terminal,
        mode: image.Mode = "auto",
    ) -> Thumbnails:
        """Up to 4 × 4 images, reduced where they would not fit otherwise.

        Args:
            width: cells that there are.
            height: lines that there are.
            shape: rows and columns of pixels of an image.
            terminal: what the terminal can show.
            mode: how images are drawn.
        """
        tall, wide = shape
        least = _LEAST["ascii" if mode == "ascii" else terminal.images]
        smallest = min(1.0, least / max(shape))
        columns = _times(width + 1, max(round(wide * smallest), _CAPTION_WIDTH) + 1)
        rows = _times(height, (round(tall * smallest) + 1) // 2 + 1)
        cells = max((width + 1) // columns - 1, 1)
        lines = max(height // rows, 2)
        pixels, mode = reduced(shape, cells, lines - 1, mode)
        drawn, high = image.size(*pixels, terminal, mode)
        return cls(columns, rows, min(cells, max(drawn, _CAPTION_WIDTH)), high + 1)

    def place(self, x: int, y: int) -> int | None:
        """Which image of the page covers a cell."""
        column, row = x // (self.width + 1), y // self.height
        inside = 0 <= column < self.columns and 0 <= row < self.rows
        return row * self.columns + column if inside else None


def picture(
    pixels: NDArray[np.float32],
    width: int,
    height: int,
    terminal: Terminal,
    mode: image.Mode = "auto",
) -> list[Strip]:
    """A gray image as large as it can be drawn, reduced where it would not fit otherwise.

    Args:
        pixels: `(h, w)` in [0, 1].
        width: cells that there are.
        height: lines that there are.
        terminal: what the terminal can show.
        mode: how images are drawn.
    """
    shape = pixels.shape[0], pixels.shape[1]
    size, mode = reduced(shape, width, height, mode)
    return image.gray(pixels if size == shape else resample(pixels, *size), terminal, mode)


def pictures(
    images: NDArray[np.float32],
    width: int,
    height: int,
    gap: int,
    terminal: Terminal,
    mode: image.Mode = "auto",
) -> list[Strip]:
    """Gray images side by side, each as large as it can be drawn.

    Args:
        images: `(n, h, w)` in [0, 1].
        width: cells that there are for each.
        height: lines that there are.
        gap: cells between two.
        terminal: what the terminal can show.
        mode: how images are drawn.
    """
    shape = images.shape[1], images.shape[2]
    size, mode = reduced(shape, width, height, mode)
    drawn = images if size == shape else resample(images, *size)
    return image.gray_row(list(drawn), width, gap, terminal, mode)


def reduced(
    shape: tuple[int, int], width: int, height: int, mode: image.Mode
) -> tuple[tuple[int, int], image.Mode]:
    """The rows and columns of pixels that an image is drawn with where it has to fit, and how.

    Args:
        shape: rows and columns of pixels that it has.
        width: cells that there are.
        height: lines that there are.
        mode: how images are drawn.
    """
    tall, wide = shape
    if mode == "auto" and 2 * wide <= width and tall <= height:
        return shape, "large"
    scale = min(1.0, width / wide, 2 * height / tall)
    if scale == 1:
        return shape, mode
    return (max(2, 2 * round(tall * scale / 2)), max(1, round(wide * scale))), mode


def _times(room: int, size: int) -> int:
    return max(1, min(SIDE, room // size))
