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
"""How to draw: as the terminal allows, half blocks, the ASCII ramp, or two cells a pixel."""

Pixels = NDArray[np.floating[Any]]

RAMP = " .:-=+*#%@"
"""Ten gray levels from the ground to the brightest stroke."""

NEGATIVE = " .-~="
POSITIVE = " '+*#"
"""The glyphs of values below and above zero, by rising magnitude."""

_STEPS = len(POSITIVE) - 1
_SHADES = 40
"""In steps of so many a small image goes from nothing to the full colour."""


def mode_words(mode: Mode) -> str:
    """Say how images are drawn from now on, where there is none to show it."""
    way = "by glyphs" if mode == "ascii" else "in the terminal's own way"
    return f"Images are drawn {way} from now on."


def next_mode(mode: Mode, terminal: Terminal) -> Mode:
    """The way of drawing that a person comes to from another; one only where there is no other."""
    return "ascii" if mode == "auto" and terminal.unicode else "auto"


def size(height: int, width: int, terminal: Terminal, mode: Mode = "auto") -> tuple[int, int]:
    """The cells that an image takes, as (width, lines).

    Args:
        height: Rows of pixels.
        width: Columns of pixels.
        terminal: The terminal.
        mode: How the image is drawn.
    """
    return (2 * width, height) if mode == "large" else (width, (height + 1) // 2)


def gray(image: Pixels, terminal: Terminal, mode: Mode = "auto") -> list[Strip]:
    """Draw a gray image, bright on dark.

    Args:
        image: Shape (h, w), in [0, 1]; what lies outside is clipped, NaN is 0.
        terminal: The terminal.
        mode: How to draw; what the terminal cannot show falls back to the ASCII ramp.

    Returns:
        The lines; their size is that of `size`.
    """
    levels = np.clip(_finite(image), 0, 1).astype(np.float32)
    return list(_gray(levels.tobytes(), levels.shape[1], terminal, mode))


@lru_cache(maxsize=256)
def _gray(content: bytes, width: int, terminal: Terminal, mode: Mode) -> tuple[Strip, ...]:
    """As `gray`; a page of images is drawn again and again while a cursor goes over it."""
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

    Without half blocks two families of glyphs tell the signs apart; see `legend`.

    Args:
        values: Shape (h, w), any unit; NaN is 0.
        scale: The magnitude that gets the full colour, as ε or the largest weight; > 0.
        terminal: The terminal.
        mode: How to draw.

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
    images: Sequence[Pixels], width: int, gap: int, terminal: Terminal, mode: Mode = "auto"
) -> list[Strip]:
    """Draw small gray images side by side, in few shades: pages of them are leafed through.

    Args:
        images: Each of shape (h, w), in [0, 1].
        width: Cells that each gets, at least its own.
        gap: Cells between two.
        terminal: The terminal.
        mode: As for `gray`.
    """
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
    """One line that explains `diverging`: the colours or glyphs from -scale to +scale.

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
    """Whether to draw by blocks of colour; half blocks may be asked for below 256 colours."""
    if mode == "half":
        return terminal.unicode
    return mode != "ascii" and terminal.images == "half"


def _pairs(image: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The upper and the lower pixel of each cell; a last odd row counts as both."""
    return image[::2], np.concatenate([image[1::2], image[-1:]])[: (len(image) + 1) // 2]


def _signed(values: Pixels, scale: float) -> NDArray[np.float64]:
    """Values by the scale, in [-1, 1]."""
    return np.clip(_finite(values) / scale, -1, 1) if scale > 0 else 0 * _finite(values)


def _few_shades(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values in [-1, 1], rounded so that an eye does not see it.

    Two neighbours then have one colour more often, and what is drawn has been drawn before.
    """
    return np.rint(values * _SHADES) / _SHADES


def _finite(values: Pixels) -> NDArray[np.float64]:
    return np.nan_to_num(np.asarray(values, dtype=np.float64))


def _draw_threshold(image: NDArray[np.float64]) -> list[Strip]:
    """Half blocks in the terminal's own two colours."""
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
    pixels: NDArray[np.float32],
    width: int,
    height: int,
    terminal: Terminal,
    mode: Mode = "auto",
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
    return gray(pixels if size == shape else resize(pixels, *size), terminal, mode)


def pictures(
    images: NDArray[np.float32],
    pixels: tuple[int, int],
    width: int,
    gap: int,
    terminal: Terminal,
    mode: Mode = "auto",
) -> list[Strip]:
    """Gray images side by side; where they are reduced, their thin strokes stay bright.

    Args:
        images: `(n, h, w)` in [0, 1].
        pixels: rows and columns of pixels to draw each with.
        width: cells that there are for each.
        gap: cells between two.
        terminal: what the terminal can show.
        mode: how images are drawn.
    """
    drawn = images
    if images.shape[1:] != pixels:
        drawn = resize(images, *pixels)
        brightest, now = (each.max((1, 2), keepdims=True) for each in (images, drawn))
        drawn *= brightest / np.maximum(now, np.finfo(np.float32).tiny)
    return gray_row(list(drawn), width, gap, terminal, mode)


def reduced(
    shape: tuple[int, int], width: int, height: int, mode: Mode
) -> tuple[tuple[int, int], Mode]:
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
