"""Gray images in the size that there is room for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.images import resize
from mnistop.tui.draw import image
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Strip


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
    return image.gray(pixels if size == shape else resize(pixels, *size), terminal, mode)


def pictures(
    images: NDArray[np.float32],
    pixels: tuple[int, int],
    width: int,
    gap: int,
    terminal: Terminal,
    mode: image.Mode = "auto",
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
