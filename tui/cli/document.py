"""Images with captions, as many side by side as there is room for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistop.tui.cli.output import Output
from mnistop.tui.draw.cells import beside, line, shorten
from mnistop.tui.draw.image import gray
from mnistop.tui.draw.strip import Strip

_GAP = 2
_MOST_ABREAST = 5


@dataclass(frozen=True)
class Picture:
    """An image and the lines below it."""

    image: NDArray[np.floating]
    """`(height, width)` in [0, 1]."""
    caption: tuple[str, ...]


def draw_gallery(out: Output, pictures: Sequence[Picture]) -> None:
    """Prints the pictures in rows, with an empty line between two rows."""
    blocks = [_block(picture, out) for picture in pictures]
    width = max(block[0].cell_length for block in blocks)
    abreast = min(max(1, (out.width + _GAP) // (width + _GAP)), _MOST_ABREAST)
    for start in range(0, len(blocks), abreast):
        if start:
            out.say()
        row = [
            [strip.adjust_cell_length(width) for strip in block]
            for block in blocks[start : start + abreast]
        ]
        out.draw(beside(row, _GAP))


def _block(picture: Picture, out: Output) -> list[Strip]:
    drawing = gray(picture.image, out.terminal)
    width = max(drawing[0].cell_length, *(len(text) for text in picture.caption))
    width = min(width, out.width)
    captions = [
        line([(shorten(text, width, out.terminal), None)], width) for text in picture.caption
    ]
    return [strip.adjust_cell_length(width) for strip in drawing] + captions
