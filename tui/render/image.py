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
from textual.strip import Strip

from tui.render import colormap
from tui.render.cells import PLAIN, strip
from tui.render.colormap import GAMMA, color
from tui.render.palette import Palette
from tui.render.terminal import Terminal

Mode = Literal["auto", "half", "ascii", "large"]
"""How to draw: as the terminal allows, half blocks, the ASCII ramp, or two cells a pixel."""

Pixels = NDArray[np.floating[Any]]

RAMP = " .:-=+*#%@"
"""Ten gray levels from the ground to the brightest stroke."""

NEGATIVE = " .-~="
POSITIVE = " '+*#"
"""The glyphs of values below and above zero, by rising magnitude."""

_STEPS = len(POSITIVE) - 1


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
        return _draw_blocks(colormap.gray(levels, terminal), mode)
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
    signed = np.clip(_finite(values) / scale, -1, 1) if scale > 0 else 0 * _finite(values)
    if _blocks(terminal, mode) and terminal.colors >= 256:
        return _draw_blocks(colormap.diverging(signed, terminal), mode)
    if mode != "large":
        top, bottom = _pairs(signed)
        signed = np.where(np.abs(top) >= np.abs(bottom), top, bottom)
    weight = np.abs(signed) ** GAMMA
    return _draw_signs(np.rint(np.sign(signed) * weight * _STEPS).astype(np.int64), terminal, mode)


def legend(scale: float, terminal: Terminal, mode: Mode = "auto") -> list[Strip]:
    """One line that explains `diverging`: the colours or glyphs from -scale to +scale.

    Args:
        scale: As given to `diverging`.
        terminal: The terminal.
        mode: As given to `diverging`.
    """
    if _blocks(terminal, mode) and terminal.colors >= 256:
        shades = colormap.diverging(np.linspace(-1, 1, 11)[None, :], terminal)
        bar = _draw_blocks(shades, "large")[0]
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


def _finite(values: Pixels) -> NDArray[np.float64]:
    return np.nan_to_num(np.asarray(values, dtype=np.float64))


@lru_cache(maxsize=4096)
def _block_style(front: int | None, ground: int | None) -> Style:
    return Style(
        color=None if front is None else color(front),
        bgcolor=None if ground is None else color(ground),
    )


def _draw_threshold(image: NDArray[np.float64]) -> list[Strip]:
    """Half blocks in the terminal's own two colours."""
    top, bottom = (half > 0.5 for half in _pairs(image))
    if len(image) % 2:
        bottom[-1] = False
    return [
        strip(((" ▄▀█"[2 * up + down], None) for up, down in zip(*row, strict=True)), len(row[0]))
        for row in zip(top.tolist(), bottom.tolist(), strict=True)
    ]


def _draw_blocks(colors: NDArray[np.int64], mode: Mode) -> list[Strip]:
    rows = colors.tolist()
    width = colors.shape[1]
    if mode == "large":
        return [
            strip((("  ", _block_style(None, code)) for code in row), 2 * width) for row in rows
        ]
    lines = [
        strip(map(_half_block, top, bottom), width)
        for top, bottom in zip(rows[::2], rows[1::2], strict=False)
    ]
    if len(rows) % 2:
        lines.append(strip((("▀", _block_style(code, None)) for code in rows[-1]), width))
    return lines


def _half_block(top: int, bottom: int) -> tuple[str, Style]:
    return (" ", _block_style(None, top)) if top == bottom else ("▀", _block_style(top, bottom))


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
