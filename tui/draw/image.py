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
from rich.segment import Segment
from rich.style import Style

from mnistop.engine.images import resize
from mnistop.tui.draw import colormap
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import PLAIN, Strip, beside, strip
from mnistop.tui.draw.colormap import GAMMA
from mnistop.tui.draw.palette import Palette

Mode = Literal["auto", "half", "ascii", "large"]
"""Ways to draw: as the terminal allows, half blocks, the ASCII ramp, or two cells a pixel."""

Pixels = NDArray[np.floating[Any]]

RAMP = " .:-=+*#%@"
"""Ten gray levels from the ground to the brightest stroke."""

NEGATIVE = " .-~="
POSITIVE = " '+*#"
"""The glyphs of values below and above zero, by rising magnitude."""

_STEPS = len(POSITIVE) - 1
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


def gray(image: Pixels, terminal: Terminal, mode: Mode = "auto") -> list[Strip]:
    """Draw a gray image, bright on dark.

    Args:
        image: Shape (h, w), in [0, 1]; what lies outside is clipped, NaN is 0.
        terminal: The terminal.
        mode: The way of drawing; the ASCII ramp replaces one that the terminal cannot show.

    Returns:
        The lines; their size is that of `size`.
    """
    levels = np.clip(_finite(image), 0, 1).astype(np.float32)
    return list(_gray(levels.tobytes(), levels.shape[1], terminal, mode))


@lru_cache(maxsize=256)
def _gray(content: bytes, width: int, terminal: Terminal, mode: Mode) -> tuple[Strip, ...]:
    """Draw as `gray`; a page is drawn again and again while a cursor moves over it."""
    levels = np.frombuffer(content, np.float32).reshape(-1, width).astype(np.float64)
    return tuple(_draw_gray(levels, terminal, mode))


def _draw_gray(levels: NDArray[np.float64], terminal: Terminal, mode: Mode) -> list[Strip]:
    if _blocks(terminal, mode):
        if terminal.colors == 0:
            return _draw_threshold(levels)
        return colormap.blocks(colormap.gray(levels, terminal), mode == "large")
    if mode != "large":
        top, bottom = _pairs(levels)
        levels = (top + bottom) / 2
    ranks = np.rint((len(RAMP) - 1) * levels**GAMMA).astype(np.int64)
    return _draw_glyphs(ranks, RAMP, (None,) * len(RAMP), mode)


def diverging(values: Pixels, scale: float, terminal: Terminal, mode: Mode = "auto") -> list[Strip]:
    """Draw signed values: blue above zero, orange below, the ground's colour at zero.

    Without half blocks two sets of glyphs distinguish the signs; see `legend`.

    Args:
        values: Shape (h, w), any unit; NaN is 0.
        scale: The magnitude that gets the full colour, as ε or the largest weight; > 0.
        terminal: The terminal.
        mode: The way of drawing.

    Returns:
        The lines; their size is that of `size`.
    """
    signed = _signed(values, scale)
    if _blocks(terminal, mode) and terminal.colors >= 256:
        return colormap.blocks(colormap.diverging(signed, terminal), mode == "large")
    if mode != "large":
        top, bottom = _pairs(signed)
        signed = np.where(np.abs(top) >= np.abs(bottom), top, bottom)
    weight = np.abs(signed) ** GAMMA
    return _draw_signs(np.rint(np.sign(signed) * weight * _STEPS).astype(np.int64), terminal, mode)


def gray_row(
    images: Pixels,
    pixels: tuple[int, int],
    width: int,
    gap: int,
    terminal: Terminal,
    mode: Mode = "auto",
) -> list[Strip]:
    """Draw gray images side by side, in few shades; thin strokes of reduced ones stay bright.

    Args:
        images: Shape (n, h, w), in [0, 1].
        pixels: Rows and columns of pixels to reduce each to.
        width: Cells that each gets, at least its own.
        gap: Cells between two.
        terminal: The terminal.
        mode: As for `gray`.
    """
    if images.shape[1:] != pixels:
        brightest = images.max((1, 2), keepdims=True)
        images = resize(images, *pixels)
        now = images.max((1, 2), keepdims=True)
        images = images * (brightest / np.maximum(now, np.finfo(np.float32).tiny))
    if not (_blocks(terminal, mode) and terminal.colors):
        return _beside([gray(each, terminal, mode) for each in images], width, gap)
    levels = _few_shades(np.clip(_finite(np.concatenate(images, axis=1)), 0, 1))
    colors = colormap.gray(levels, terminal)
    return colormap.blocks(colors, mode == "large", len(images), width, gap)


def diverging_row(
    images: Sequence[Pixels],
    scale: float,
    width: int,
    gap: int,
    terminal: Terminal,
    mode: Mode = "auto",
) -> list[Strip]:
    """Draw small images of signed values side by side, in few shades.

    Args:
        images: Each of shape (h, w).
        scale: As for `diverging`, one for all.
        width: Cells that each gets, at least its own.
        gap: Cells between two.
        terminal: The terminal.
        mode: As for `diverging`.
    """
    if not (_blocks(terminal, mode) and terminal.colors >= 256):
        return _beside([diverging(each, scale, terminal, mode) for each in images], width, gap)
    signed = _few_shades(_signed(np.concatenate(images, axis=1), scale))
    colors = colormap.diverging(signed, terminal)
    return colormap.blocks(colors, mode == "large", len(images), width, gap)


def legend(scale: float, terminal: Terminal, mode: Mode = "auto") -> list[Strip]:
    """Draw one line that explains `diverging`: the colours or glyphs from -scale to +scale.

    Args:
        scale: As given to `diverging`.
        terminal: The terminal.
        mode: As given to `diverging`.
    """
    if _blocks(terminal, mode) and terminal.colors >= 256:
        shades = colormap.diverging(np.linspace(-1, 1, 11)[None, :], terminal)
        bar = colormap.blocks(shades, True)[0]
    else:
        bar = _draw_signs(np.arange(-_STEPS, _STEPS + 1)[None, :], terminal, "large")[0]
    text = f"{scale:.3g}"
    ends = [Strip([Segment(end, PLAIN)], len(end)) for end in (f"-{text} ", f" +{text}")]
    return [Strip.join([ends[0], bar, ends[1]])]


def _blocks(terminal: Terminal, mode: Mode) -> bool:
    """Return whether to draw blocks of colour; `half` asks for them below 256 colours, too."""
    if mode == "half":
        return terminal.unicode
    return mode != "ascii" and terminal.images == "half"


def _pairs(image: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the upper and the lower pixel of each cell; a last odd row counts as both."""
    return image[::2], np.concatenate([image[1::2], image[-1:]])[: (len(image) + 1) // 2]


def _signed(values: Pixels, scale: float) -> NDArray[np.float64]:
    """Return values divided by the scale, in [-1, 1]."""
    return np.clip(_finite(values) / scale, -1, 1) if scale > 0 else 0 * _finite(values)


def _few_shades(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round values in [-1, 1] too little to be seen.

    Neighbours then share a colour more often, and cached segments are found again.
    """
    return np.rint(values * _SHADES) / _SHADES


def _finite(values: Pixels) -> NDArray[np.float64]:
    return np.nan_to_num(np.asarray(values, dtype=np.float64))


def _draw_threshold(image: NDArray[np.float64]) -> list[Strip]:
    """Draw half blocks in the terminal's own two colours."""
    top, bottom = (half > 0.5 for half in _pairs(image))
    if len(image) % 2:
        bottom[-1] = False
    return [
        strip(((" ▄▀█"[2 * up + down], None) for up, down in zip(*row, strict=True)), len(row[0]))
        for row in zip(top.tolist(), bottom.tolist(), strict=True)
    ]


def _beside(images: list[list[Strip]], width: int, gap: int) -> list[Strip]:
    return beside(
        [[line.adjust_cell_length(width, PLAIN) for line in each] for each in images], gap
    )


def _draw_signs(ranks: NDArray[np.int64], terminal: Terminal, mode: Mode) -> list[Strip]:
    """Draw ranks from -_STEPS to _STEPS."""
    palette = Palette.of(terminal)
    styles = [palette.negative] * _STEPS + [None] + [palette.positive] * _STEPS
    return _draw_glyphs(ranks + _STEPS, NEGATIVE[:0:-1] + POSITIVE, styles, mode)


def _draw_glyphs(
    ranks: NDArray[np.int64], glyphs: str, styles: Sequence[Style | None], mode: Mode
) -> list[Strip]:
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
    """Draw a gray image as large as it fits: by a whole number of cells a pixel, or reduced.

    Args:
        pixels: Shape (h, w), in [0, 1].
        width: Cells to fit in.
        height: Lines to fit in.
        terminal: The terminal.
        mode: As for `gray`.
    """
    shape = pixels.shape[0], pixels.shape[1]
    times = most_times(shape, width, height) if mode == "auto" else 1
    if times > 1:
        pixels, mode = enlarged(pixels, times)
        return gray(pixels, terminal, mode)
    size, mode = reduced(shape, width, height, mode)
    return gray(pixels if size == shape else resize(pixels, *size), terminal, mode)


def most_times(shape: tuple[int, ...], width: int, height: int) -> int:
    """Return how many cells wide a pixel can be at most, 0 where even one is too many.

    Args:
        shape: rows and columns of pixels.
        width: cells to fit in.
        height: lines to fit in; a line holds two pixels of one cell.
    """
    rows, columns = shape
    return min(width // columns, 2 * height // rows)


def enlarged(pixels: Pixels, times: int) -> tuple[Pixels, Mode]:
    """Return an image of which each pixel is some cells wide and half as many lines high.

    Args:
        pixels: Shape (h, w).
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
        mode: As for `gray`.
    """
    tall, wide = shape
    if mode == "auto" and 2 * wide <= width and tall <= height:
        return shape, "large"
    scale = min(1.0, width / wide, 2 * height / tall)
    if scale == 1:
        return shape, mode
    return (max(2, 2 * round(tall * scale / 2)), max(1, round(wide * scale))), mode
