"""Images as text: half blocks where there are colours, an ASCII ramp where there are not.

A cell is about twice as high as wide. So a cell holds two pixels, one above the other (a 28×28
image is 28 cells wide and 14 high), and in the large size a pixel is two cells (56×28).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from rich.style import Style

from mnistop.engine.images import brightness, resize
from mnistop.tui.draw import colormap
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import PLAIN, Strip, beside, strip
from mnistop.tui.draw.colormap import GAMMA

Mode = Literal["auto", "half", "ascii", "large"]
"""Ways to draw: as the terminal allows, half blocks, the ASCII ramp, or two cells a pixel."""

Pixels = NDArray[np.floating[Any]]

RAMP = " .:-=+*#%@"
"""Ten gray levels from the ground to the brightest stroke."""

_SHADES = 40
"""Steps of a small image from nothing to the full colour."""


def mode_words(mode: Mode) -> str:
    """Return a sentence on the way of drawing, for a screen that shows no image now."""
    way = "with characters" if mode == "ascii" else "as the terminal allows"
    return f"Images are now drawn {way}."


def next_mode(mode: Mode, terminal: Terminal) -> Mode:
    """Return the next way of drawing: in ASCII and back, where the terminal shows more."""
    return "ascii" if mode == "auto" and terminal.unicode else "auto"


def size(height: int, width: int, mode: Mode = "auto") -> tuple[int, int]:
    """Return the cells that an image takes, as (width, lines).

    Args:
        height: Rows of pixels.
        width: Columns of pixels.
        mode: The way of drawing.
    """
    return (2 * width, height) if mode == "large" else (width, (height + 1) // 2)


def draw(image: Pixels, terminal: Terminal, mode: Mode = "auto") -> list[Strip]:
    """Draw an image, bright on dark; one in colour by its brightness where there are no colours.

    Args:
        image: Shape (h, w) or (h, w, 3), in [0, 1]; what lies outside is clipped, NaN is 0.
        terminal: The terminal.
        mode: The way of drawing; the ASCII ramp replaces one that the terminal cannot show.

    Returns:
        The lines; their size is that of `size`.
    """
    levels = np.clip(finite(image), 0, 1).astype(np.float32)
    return list(_draw_cached(levels.tobytes(), levels.shape, terminal, mode))


@lru_cache(maxsize=256)
def _draw_cached(
    content: bytes, shape: tuple[int, ...], terminal: Terminal, mode: Mode
) -> tuple[Strip, ...]:
    """Draw as `draw`; a page is drawn again and again while a cursor moves over it."""
    levels = np.frombuffer(content, np.float32).reshape(shape).astype(np.float64)
    return tuple(_draw(levels, terminal, mode))


def _draw(image: NDArray[np.float64], terminal: Terminal, mode: Mode) -> list[Strip]:
    if has_blocks(terminal, mode) and terminal.colors:
        return colormap.blocks(colormap.pixels(image, terminal), mode == "large")
    levels = brightness(image)
    if has_blocks(terminal, mode):
        return _draw_threshold(levels)
    if mode != "large":
        top, bottom = pixel_pairs(levels)
        levels = (top + bottom) / 2
    ranks = np.rint((len(RAMP) - 1) * levels**GAMMA).astype(np.int64)
    return draw_glyphs(ranks, RAMP, (None,) * len(RAMP), mode)


def draw_row(
    images: Pixels,
    pixels: tuple[int, int],
    width: int,
    gap: int,
    terminal: Terminal,
    mode: Mode = "auto",
) -> list[Strip]:
    """Draw images side by side, in few shades; thin strokes of reduced ones stay bright.

    Args:
        images: Shape (n, h, w) or (n, h, w, 3), in [0, 1].
        pixels: Rows and columns of pixels to reduce each to.
        width: Cells that each gets, at least its own.
        gap: Cells between two.
        terminal: The terminal.
        mode: As for `draw`.
    """
    if images.shape[1:3] != pixels:
        axes = tuple(range(1, images.ndim))
        brightest = images.max(axes, keepdims=True)
        images = resize(images, *pixels, axis=1)
        now = images.max(axes, keepdims=True)
        images = images * (brightest / np.maximum(now, np.finfo(np.float32).tiny))
    if not (has_blocks(terminal, mode) and terminal.colors):
        return side_by_side([draw(each, terminal, mode) for each in images], width, gap)
    levels = few_shades(np.clip(finite(np.concatenate(images, axis=1)), 0, 1))
    colors = colormap.pixels(levels, terminal)
    return colormap.blocks(colors, mode == "large", len(images), width, gap)


def has_blocks(terminal: Terminal, mode: Mode) -> bool:
    """Return whether to draw blocks of colour; `half` asks for them below 256 colours, too."""
    if mode == "half":
        return terminal.unicode
    return mode != "ascii" and terminal.images == "half"


def pixel_pairs(image: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the upper and the lower pixel of each cell; a last odd row counts as both."""
    return image[::2], np.concatenate([image[1::2], image[-1:]])[: (len(image) + 1) // 2]


def few_shades(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round values in [-1, 1] too little to be seen.

    Neighbours then share a colour more often, and cached segments are found again.
    """
    return np.rint(values * _SHADES) / _SHADES


def finite(values: Pixels) -> NDArray[np.float64]:
    """Return values with 0 in place of NaN."""
    return np.nan_to_num(np.asarray(values, dtype=np.float64))


def _draw_threshold(image: NDArray[np.float64]) -> list[Strip]:
    """Draw half blocks in the terminal's own two colours."""
    top, bottom = (half > 0.5 for half in pixel_pairs(image))
    if len(image) % 2:
        bottom[-1] = False
    return [
        strip(((" ▄▀█"[2 * up + down], None) for up, down in zip(*row, strict=True)), len(row[0]))
        for row in zip(top.tolist(), bottom.tolist(), strict=True)
    ]


def side_by_side(images: list[list[Strip]], width: int, gap: int) -> list[Strip]:
    """Return drawn images beside each other, each brought to a width, with a gap between two."""
    return beside(
        [[line.adjust_cell_length(width, PLAIN) for line in each] for each in images], gap
    )


def draw_glyphs(
    ranks: NDArray[np.int64], glyphs: str, styles: Sequence[Style | None], mode: Mode
) -> list[Strip]:
    """Draw an image of numbers as glyphs: the number of each pixel is the place of its glyph."""
    times = 2 if mode == "large" else 1
    cells = [(glyph * times, style) for glyph, style in zip(glyphs, styles, strict=True)]
    width = times * ranks.shape[1]
    return [strip((cells[rank] for rank in row), width) for row in ranks.tolist()]


def picture(
    pixels: Pixels,
    width: int,
    height: int,
    terminal: Terminal,
    mode: Mode = "auto",
) -> list[Strip]:
    """Draw an image as large as it fits: by a whole number of cells a pixel, or reduced.

    Args:
        pixels: Shape (h, w) or (h, w, 3), in [0, 1].
        width: Cells to fit in.
        height: Lines to fit in.
        terminal: The terminal.
        mode: As for `draw`.
    """
    shape = pixels.shape[0], pixels.shape[1]
    times = most_times(shape, width, height) if mode == "auto" else 1
    if times > 1:
        pixels, mode = enlarged(pixels, times)
        return draw(pixels, terminal, mode)
    size, mode = reduced(shape, width, height, mode)
    return draw(pixels if size == shape else resize(pixels, *size), terminal, mode)


def most_times(shape: tuple[int, ...], width: int, height: int) -> int:
    """Return how many cells wide a pixel can be at most, 0 where even one is too many.

    Args:
        shape: rows and columns of pixels, and channels if there are any.
        width: cells to fit in.
        height: lines to fit in; a line holds two pixels of one cell.
    """
    rows, columns = shape[:2]
    return min(width // columns, 2 * height // rows)


def enlarged(pixels: Pixels, times: int) -> tuple[Pixels, Mode]:
    """Return an image of which each pixel is some cells wide and half as many lines high.

    Args:
        pixels: Shape (h, w) or (h, w, 3).
        times: Cells, 2 or more.

    Returns:
        The pixels to draw, and the mode to draw them in.
    """
    mode: Mode = "auto" if times % 2 else "large"
    repeats = times if times % 2 else times // 2
    return pixels.repeat(repeats, 0).repeat(repeats, 1), mode


def reduced(
    shape: tuple[int, int], width: int, height: int, mode: Mode
) -> tuple[tuple[int, int], Mode]:
    """Return the rows and columns of pixels that fit, and the mode to draw them in.

    Args:
        shape: Rows and columns of pixels of the image.
        width: Cells to fit in.
        height: Lines to fit in.
        mode: As for `draw`.
    """
    tall, wide = shape
    if mode == "auto" and 2 * wide <= width and tall <= height:
        return shape, "large"
    scale = min(1.0, width / wide, 2 * height / tall)
    if scale == 1:
        return shape, mode
    return (max(2, 2 * round(tall * scale / 2)), max(1, round(wide * scale))), mode
