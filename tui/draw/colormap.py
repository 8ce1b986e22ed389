"""Colour maps: from numbers to colours that a terminal shows as they are, and to blocks of these.

A colour is a whole number 0xRRGGBB. With 256 or 16 colours only such triplets are given that Rich
and Textual downgrade to the intended entry of the terminal's palette.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from rich.color import Color, ColorType
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style

from mnistop.tui.draw.capabilities import TRUE_COLOR, Terminal
from mnistop.tui.draw.cells import PLAIN, Strip
from mnistop.tui.draw.palette import ANSI_RGB

GAMMA = 0.7
"""Exponent that lifts middle values, which dark colours and thin glyphs show too faintly."""

_GRAYS_256 = np.array([0, *range(8, 248, 10), 255])
_GRAYS_16 = np.array([ANSI_RGB[number][0] for number in (0, 8, 7, 15)])

_NEGATIVE = {True: 0xF06E14, False: 0xC85000}
_POSITIVE = {True: 0x56B4E9, False: 0x005AB2}
_NEGATIVE_256 = {
    True: (0x000000, 0x5F0000, 0x870000, 0xAF5F00, 0xD75F00, 0xFF8700),
    False: (0xFFFFFF, 0xFFD7AF, 0xFFAF87, 0xFF875F, 0xD75F00, 0xAF5F00),
}
_POSITIVE_256 = {
    True: (0x000000, 0x00005F, 0x005F87, 0x005FAF, 0x0087D7, 0x5FAFFF),
    False: (0xFFFFFF, 0xAFD7FF, 0x87AFFF, 0x5F87FF, 0x005FD7, 0x005FAF),
}
"""Both arms on a dark and on a light ground, from the colour of zero outwards."""


def pixels(image: NDArray[np.float64], terminal: Terminal) -> NDArray[np.int64]:
    """Return the colours of an image, (h, w) or (h, w, 3) in [0, 1], as `gray` or `rgb`."""
    return gray(image, terminal) if image.ndim == 2 else rgb(image, terminal)


def gray(image: NDArray[np.float64], terminal: Terminal) -> NDArray[np.int64]:
    """Return grays: 256 in true colour, 26 of 256 colours (the gray ramp and its ends), 4 of 16.

    Args:
        image: Values in [0, 1].
        terminal: A terminal of 16 colours or more.

    Returns:
        The colours, in the shape of `image`.
    """
    levels = 255 * image
    if terminal.colors >= TRUE_COLOR:
        shown = np.rint(levels)
    elif terminal.colors >= 256:
        index = np.abs(levels[..., None] - _GRAYS_256).argmin(axis=-1)
        shown = np.rint(index * 10.2)  # Rich's downgrade finds the index again
    else:
        shown = _GRAYS_16[np.abs(levels[..., None] - _GRAYS_16).argmin(axis=-1)]
    return shown.astype(np.int64) * 0x010101


_CUBE_256 = np.array([0, 95, 135, 175, 215, 255])
"""The levels of red, green and blue in the cube of the 256-colour palette."""
_TO_CODE = np.array([0x10000, 0x100, 1])


def rgb(image: NDArray[np.float64], terminal: Terminal) -> NDArray[np.int64]:
    """Return the nearest colours: of the palette's cube and grays with 256, of the ANSI ones of 16.

    Args:
        image: Red, green and blue, shape (h, w, 3), in [0, 1].
        terminal: A terminal of 16 colours or more.

    Returns:
        The colours, shape (h, w).
    """
    levels = 255 * image
    if terminal.colors >= TRUE_COLOR:
        codes: NDArray[np.int64] = np.rint(levels).astype(np.int64) @ _TO_CODE
        return codes
    if terminal.colors < 256:
        distances = ((levels[..., None, :] - np.array(ANSI_RGB)) ** 2).sum(-1)
        codes = (np.array(ANSI_RGB) @ _TO_CODE)[distances.argmin(-1)]
        return codes
    cube = _CUBE_256[np.abs(levels[..., None] - _CUBE_256).argmin(-1)]
    grays = _GRAYS_256[np.abs(levels.mean(-1)[..., None] - _GRAYS_256).argmin(-1)]
    is_gray = ((levels - grays[..., None]) ** 2).sum(-1) <= ((levels - cube) ** 2).sum(-1)
    is_gray |= np.ptp(cube, axis=-1) == 0
    return np.where(is_gray, gray(grays / 255, terminal), cube @ _TO_CODE)


def diverging(values: NDArray[np.float64], terminal: Terminal) -> NDArray[np.int64]:
    """Return colours: blue above zero, orange below, the terminal's ground at zero.

    Args:
        values: Values in [-1, 1].
        terminal: A terminal of 256 colours or more.

    Returns:
        The colours, in the shape of `values`.
    """
    weight = np.abs(values) ** GAMMA
    above = values >= 0
    dark = terminal.dark
    if terminal.colors >= TRUE_COLOR:
        zero = 0 if dark else 255
        goal = np.where(above[..., None], _rgb(_POSITIVE[dark]), _rgb(_NEGATIVE[dark]))
        levels = np.rint(zero + weight[..., None] * (goal - zero)).astype(np.int64)
        codes: NDArray[np.int64] = levels @ _TO_CODE
        return codes
    step = np.rint(5 * weight).astype(np.int64)
    arms = np.array(_POSITIVE_256[dark])[step], np.array(_NEGATIVE_256[dark])[step]
    return np.where(above, *arms)


def luminance(code: int) -> float:
    """Return the relative luminance of a colour in [0, 1], as defined in WCAG 2."""
    channels = _rgb(code) / 255
    linear = np.where(channels > 0.04045, ((channels + 0.055) / 1.055) ** 2.4, channels / 12.92)
    return float(linear @ np.array([0.2126, 0.7152, 0.0722]))


@lru_cache(maxsize=4096)
def color(code: int) -> Color:
    """Return Rich's colour for 0xRRGGBB, as `Color.from_rgb` does, in a fraction of its time."""
    triplet = ColorTriplet(code >> 16, code >> 8 & 255, code & 255)
    return Color(f"#{code:06x}", ColorType.TRUECOLOR, triplet=triplet)


def _rgb(code: int) -> NDArray[np.int64]:
    return np.array([code >> 16, code >> 8 & 255, code & 255])


_NO_PIXEL = 0xFFFFFFFF
"""Stands for the colour of a missing lower pixel."""
_GAP = -1
"""Stands for the colours of a cell between images."""


def blocks(
    colors: NDArray[np.int64], large: bool, count: int = 1, width: int = 0, gap: int = 0
) -> list[Strip]:
    """Draw colours as blocks: two pixels a cell, one above the other, or two cells a pixel.

    Args:
        colors: Those of one image, or of several side by side, each of shape (h, w).
        large: Whether a pixel takes two cells.
        count: Number of images.
        width: Cells that each image gets, at least its own.
        gap: Cells between two images.
    """
    if large:
        codes, segment_of, cells = colors, _large_blocks, 2
    else:
        bottom = np.full_like(colors[::2], _NO_PIXEL)
        bottom[: len(colors) // 2] = colors[1::2]
        codes, segment_of, cells = colors[::2] << 32 | bottom, _half_blocks, 1
    lines, columns = codes.shape
    own = columns // count
    width = max(width, cells * own)
    apart = np.full((lines, count, own + width + gap - cells * own), _GAP)
    apart[:, :, :own] = codes.reshape(lines, count, own)
    row = apart.reshape(lines, count * apart.shape[2])[:, : count * apart.shape[2] - gap]
    return _strips(row, segment_of, count * (width + gap) - gap)


def _strips(
    codes: NDArray[np.int64], segment_of: Callable[[int, int], Segment], width: int
) -> list[Strip]:
    """Draw lines of codes, equal neighbours in one segment.

    Args:
        codes: Shape (lines, columns).
        segment_of: Draws a number of equal neighbours.
        width: Cells of a line.
    """
    if not codes.size:
        return [Strip([], 0)] * len(codes)
    is_first = np.ones(codes.shape, bool)
    is_first[:, 1:] = codes[:, 1:] != codes[:, :-1]
    starts = np.flatnonzero(is_first)
    lengths = np.diff(starts, append=codes.size)
    segments = list(map(segment_of, codes.ravel()[starts].tolist(), lengths.tolist()))
    ends = is_first.sum(1).cumsum().tolist()
    return [Strip(segments[start:end], width) for start, end in zip([0, *ends], ends, strict=False)]


@lru_cache(maxsize=1 << 12)
def _large_blocks(color: int, count: int) -> Segment:
    if color == _GAP:
        return Segment(" " * count, PLAIN)
    return Segment("  " * count, _block_style(None, color))


@lru_cache(maxsize=1 << 13)
def _half_blocks(code: int, count: int) -> Segment:
    """Draw cells of one code: the upper pixel in its upper 32 bits, the lower one in the lower."""
    if code == _GAP:
        return Segment(" " * count, PLAIN)
    top, bottom = code >> 32, code & 0xFFFFFFFF
    if bottom == _NO_PIXEL:
        return Segment("▀" * count, _block_style(top, None))
    if top == bottom:
        return Segment(" " * count, _block_style(None, top))
    return Segment("▀" * count, _block_style(top, bottom))


@lru_cache(maxsize=4096)
def _block_style(front: int | None, ground: int | None) -> Style:
    return Style.from_color(
        None if front is None else color(front), None if ground is None else color(ground)
    )
