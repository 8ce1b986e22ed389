"""Signed values as images: weights and perturbations, of one channel or of three."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment

from mnistop.engine.images import CHANNELS, brightness
from mnistop.tui.draw import colormap
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import PLAIN, Strip
from mnistop.tui.draw.colormap import GAMMA
from mnistop.tui.draw.image import (
    Mode,
    Pixels,
    draw_glyphs,
    few_shades,
    finite,
    has_blocks,
    pixel_pairs,
    side_by_side,
)
from mnistop.tui.draw.palette import Palette

NEGATIVE = " .-~="
POSITIVE = " '+*#"
"""The glyphs of values below and above zero, by rising magnitude."""

_STEPS = len(POSITIVE) - 1

View = Literal["color", "red", "green", "blue", "magnitude"]

VIEWS: dict[View, str] = {
    "color": "in colour",
    "red": "red",
    "green": "green",
    "blue": "blue",
    "magnitude": "largest channel",
}
"""The ways to draw values of three channels, and their names."""


def view_name(view: View, terminal: Terminal, mode: Mode) -> str:
    """Return the name of a way to draw values of three channels, as the terminal shows it."""
    return "brightness" if view == "color" and not _is_colored(terminal, mode) else VIEWS[view]


def next_view(view: View) -> View:
    """Return the next way to draw values of three channels, round and round."""
    views = list(VIEWS)
    return views[(views.index(view) + 1) % len(views)]


def _plane(values: NDArray[np.float64], view: View) -> NDArray[np.float64]:
    """Return one value a pixel: of a channel, of the brightness, or the largest magnitude."""
    match view:
        case "color":
            return brightness(values)
        case "magnitude":
            largest: NDArray[np.float64] = np.abs(values).max(-1)
            return largest
    channel: NDArray[np.float64] = values[..., CHANNELS.index(view)]
    return channel


def diverging(
    values: Pixels,
    scale: float,
    terminal: Terminal,
    mode: Mode = "auto",
    view: View = "color",
) -> list[Strip]:
    """Draw signed values: blue above zero, orange below, the ground's colour at zero.

    Without half blocks two sets of glyphs distinguish the signs; see `legend`. Values of three
    channels are drawn in colour, with gray for zero, or in another view.

    Args:
        values: Shape (h, w) or (h, w, 3), any unit; NaN is 0.
        scale: The magnitude that gets the full colour, as ε or the largest weight; > 0.
        terminal: The terminal.
        mode: The way of drawing.
        view: What is drawn of three channels; in colour, their brightness where there are no
            colours.

    Returns:
        The lines; their size is that of `mnistop.tui.draw.image.size`.
    """
    signed = _signed(values, scale)
    if _is_colored(terminal, mode):
        return colormap.blocks(_colors(signed, terminal, view), mode == "large")
    if signed.ndim == 3:
        signed = _plane(signed, view)
    if mode != "large":
        top, bottom = pixel_pairs(signed)
        signed = np.where(np.abs(top) >= np.abs(bottom), top, bottom)
    weight = np.abs(signed) ** GAMMA
    return _draw_signs(np.rint(np.sign(signed) * weight * _STEPS).astype(np.int64), terminal, mode)


def diverging_row(
    images: Sequence[Pixels],
    scale: float,
    width: int,
    gap: int,
    terminal: Terminal,
    mode: Mode = "auto",
    view: View = "color",
) -> list[Strip]:
    """Draw small images of signed values side by side, in few shades.

    Args:
        images: Each of shape (h, w) or (h, w, 3).
        scale: As for `diverging`, one for all.
        width: Cells that each gets, at least its own.
        gap: Cells between two.
        terminal: The terminal.
        mode: As for `diverging`.
        view: As for `diverging`.
    """
    if not _is_colored(terminal, mode):
        drawn = [diverging(each, scale, terminal, mode, view) for each in images]
        return side_by_side(drawn, width, gap)
    signed = few_shades(_signed(np.concatenate(images, axis=1), scale))
    colors = _colors(signed, terminal, view)
    return colormap.blocks(colors, mode == "large", len(images), width, gap)


def legend(
    scale: float, terminal: Terminal, mode: Mode = "auto", view: View | None = None
) -> list[Strip]:
    """Draw one line that explains `diverging`: the colours or glyphs from -scale to +scale.

    Args:
        scale: As given to `diverging`.
        terminal: The terminal.
        mode: As given to `diverging`.
        view: As given to `diverging`; None for values of one channel.
    """
    if _is_colored(terminal, mode):
        shades = np.linspace(-1, 1, 11)[None, :]
        if view == "color":
            shades = np.stack([shades] * 3, axis=-1)
        bar = colormap.blocks(_colors(shades, terminal, "color"), True)[0]
    else:
        bar = _draw_signs(np.arange(-_STEPS, _STEPS + 1)[None, :], terminal, "large")[0]
    text, name = f"{scale:.3g}", f", {view_name(view, terminal, mode)}" if view else ""
    ends = [Strip([Segment(end, PLAIN)], len(end)) for end in (f"-{text} ", f" +{text}{name}")]
    return [Strip.join([ends[0], bar, ends[1]])]


def _is_colored(terminal: Terminal, mode: Mode) -> bool:
    return has_blocks(terminal, mode) and terminal.colors >= 256


def _colors(signed: NDArray[np.float64], terminal: Terminal, view: View) -> NDArray[np.int64]:
    """Return the colours of values in [-1, 1]: gray for zero in colour, else as `diverging`."""
    if signed.ndim == 3 and view == "color":
        return colormap.rgb((1 + signed) / 2, terminal)
    return colormap.diverging(_plane(signed, view) if signed.ndim == 3 else signed, terminal)


def _signed(values: Pixels, scale: float) -> NDArray[np.float64]:
    """Return values divided by the scale, in [-1, 1]."""
    return np.clip(finite(values) / scale, -1, 1) if scale > 0 else 0 * finite(values)


def _draw_signs(ranks: NDArray[np.int64], terminal: Terminal, mode: Mode) -> list[Strip]:
    """Draw ranks from -_STEPS to _STEPS."""
    palette = Palette.of(terminal)
    styles = [palette.negative] * _STEPS + [None] + [palette.positive] * _STEPS
    return draw_glyphs(ranks + _STEPS, NEGATIVE[:0:-1] + POSITIVE, styles, mode)
