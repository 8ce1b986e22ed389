"""An image with what the model says to it, as large as there is room for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tui.render import bars, image
from tui.render.cells import beside
from tui.render.strip import Strip
from tui.render.terminal import Terminal

_GAP = 2
_LEAST_BARS = 17
_MOST_BARS = 44
_FEWEST = 4
"""Bars that are of use below an image."""

Floats = NDArray[np.float32]


def portrait(
    picture: Floats | None,
    probabilities: Floats,
    names: Sequence[str],
    terminal: Terminal,
    width: int,
    height: int,
    label: int,
    mode: image.Mode = "auto",
) -> list[Strip]:
    """Draws an image and the probabilities, beside it or below.

    Args:
        picture: `(height, width)` in [0, 1]; None to draw the bars alone, as where it does not
            fit.
        probabilities: `(classes,)`.
        names: of the classes.
        terminal: the terminal.
        width: cells to fit in.
        height: lines to fit in.
        label: the true class.
        mode: how the image is drawn; `auto` draws large where there is room.

    Returns:
        Lines of one width.
    """
    predicted = int(probabilities.argmax())

    def drawn_bars(room: int, lines: int) -> list[Strip]:
        return bars.probabilities(
            probabilities.tolist(),
            names,
            terminal,
            min(room, _MOST_BARS),
            label,
            predicted,
            lines,
        )

    if picture is None or not picture.size:
        return drawn_bars(width, height)
    wanted = min(len(probabilities), 10)
    rows, columns = picture.shape
    ways: list[tuple[image.Mode, int]] = [("large", wanted)] * (mode == "auto")
    for kind, fewest in [*ways, (mode, _FEWEST)]:
        wide, high = image.size(rows, columns, terminal, kind)
        if wide > width or high > height:
            continue
        room = width - wide - _GAP
        if room >= _LEAST_BARS:
            drawn = image.gray(picture, terminal, kind)
            return beside([drawn, drawn_bars(room, high)], _GAP)
        if height - high - 1 >= fewest:
            drawn = image.gray(picture, terminal, kind)
            below = drawn_bars(width, height - high - 1)
            return [
                strip.adjust_cell_length(width) for strip in (*drawn, Strip.blank(width), *below)
            ]
    return drawn_bars(width, height)
