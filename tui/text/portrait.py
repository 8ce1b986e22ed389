"""An image with what the model says to it, as large as there is room for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mnistop.tui.draw import bars, image
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Strip, beside

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
    """Draw an image and the probabilities, beside it or below.

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

    kind = _kind(picture, len(probabilities), terminal, width, height, mode)
    if picture is None or kind is None:
        return drawn_bars(width, height)
    drawn = image.gray(picture, terminal, kind)
    rows, columns = picture.shape
    wide, high = image.size(rows, columns, terminal, kind)
    room = width - wide - _GAP
    if room >= _LEAST_BARS:
        return beside([drawn, drawn_bars(room, high)], _GAP)
    below = drawn_bars(width, height - high - 1)
    return [strip.adjust_cell_length(width) for strip in (*drawn, Strip.blank(width), *below)]


def has_room(
    picture: Floats | None,
    classes: int,
    terminal: Terminal,
    width: int,
    height: int,
    mode: image.Mode = "auto",
) -> bool:
    """Return whether a portrait of this size shows the image, and not the bars alone.

    Args:
        picture: as for `portrait`, as all others.
        classes: how many there are.
        terminal: the terminal.
        width: cells to fit in.
        height: lines to fit in.
        mode: how the image is drawn.
    """
    return _kind(picture, classes, terminal, width, height, mode) is not None


def _kind(
    picture: Floats | None,
    classes: int,
    terminal: Terminal,
    width: int,
    height: int,
    mode: image.Mode,
) -> image.Mode | None:
    """Return the mode in which the image fits with its bars beside it or below; None for none."""
    if picture is None or not picture.size:
        return None
    ways: list[tuple[image.Mode, int]] = [("large", min(classes, 10))] * (mode == "auto")
    rows, columns = picture.shape
    for kind, fewest in [*ways, (mode, _FEWEST)]:
        wide, high = image.size(rows, columns, terminal, kind)
        if wide > width or high > height:
            continue
        if width - wide - _GAP >= _LEAST_BARS or height - high - 1 >= fewest:
            return kind
    return None
