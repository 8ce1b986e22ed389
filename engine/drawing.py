"""Images drawn by hand, and centred as MNIST's digits are.

pad = Pad.empty(28, 28).stroke((4, 14), (23, 14), thickness=2)
image = centred(pad.image)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.images import resize

Image = NDArray[np.float32]
Point = tuple[float, float]
"""Row and column; whole numbers are the centres of pixels."""

THICKNESSES = (1.0, 1.5, 2.0, 2.5, 3.0)
"""Pen widths to choose from, in pixels; most strokes of MNIST are 2 to 3."""

_SOFT = 0.5
"""The width of a stroke's soft edge, in pixels."""

_FRAME, _BOX = 28, 20


@dataclass(frozen=True, eq=False)
class Pad:
    """A drawing and its previous states."""

    image: Image
    """`(height, width)` in [0, 1], bright on dark as in MNIST."""
    before: Pad | None = None
    """The pad before the last action."""

    @classmethod
    def empty(cls, height: int, width: int) -> Pad:
        """Return a pad without a stroke."""
        return cls(np.zeros((height, width), np.float32))

    @property
    def is_empty(self) -> bool:
        """True if nothing is drawn."""
        return not self.image.any()

    def stroke(self, start: Point, end: Point, thickness: float, erase: bool = False) -> Pad:
        """Return the pad with a straight stroke from one point to another, with soft edges.

        Args:
            start: the first point; the same as `end` for a dot.
            end: the last point.
            thickness: in pixels.
            erase: whether to erase instead.
        """
        ink = np.clip(
            thickness / 2 + _SOFT - _distances(self.image.shape, start, end), 0, 1
        ).astype(np.float32)
        image = np.minimum(self.image, 1 - ink) if erase else np.maximum(self.image, ink)
        return Pad(image, self)

    def cleared(self) -> Pad:
        """Return an empty pad; this, too, can be undone."""
        return Pad(np.zeros_like(self.image), self)

    def undone(self) -> Pad:
        """Return the pad before the last action."""
        return self.before or self


def _distances(shape: tuple[int, ...], start: Point, end: Point) -> NDArray[np.float64]:
    """Return the distance of each pixel's centre to the line between two points."""
    rows, columns = np.indices(shape)
    down, right = end[0] - start[0], end[1] - start[1]
    squared = down**2 + right**2
    along = (rows - start[0]) * down + (columns - start[1]) * right
    share = np.clip(along / squared, 0, 1) if squared else np.zeros(shape)
    distances: NDArray[np.float64]
    distances = np.hypot(rows - start[0] - share * down, columns - start[1] - share * right)
    return distances


def centred(image: Image) -> Image:
    """Return a drawing in the size and position of MNIST's digits.

    It is scaled, with its aspect ratio, so that its longer side has 20 of 28 pixels, and moved by
    whole pixels so that its centre of mass is in the middle of the frame (Y. LeCun, C. Cortes and
    C. Burges, "The MNIST database of handwritten digits", http://yann.lecun.com/exdb/mnist/; the
    middle is row and column 14, as the images themselves show). It never leaves the frame.

    Args:
        image: `(height, width)` in [0, 1].

    Returns:
        `(height, width)` in [0, 1]; the same image if nothing is drawn.
    """
    if not image.any():
        return image
    top, bottom = _ends(image.max(axis=1))
    left, right = _ends(image.max(axis=0))
    scale = min(
        _box(image.shape[0]) / (bottom - top),
        _box(image.shape[1]) / (right - left),
    )
    digit = resize(
        image[top:bottom, left:right],
        max(1, round(scale * (bottom - top))),
        max(1, round(scale * (right - left))),
    )
    placed = np.zeros_like(image)
    mass = digit.sum()
    row, column = (
        _start(weights / mass, side)
        for weights, side in zip((digit.sum(1), digit.sum(0)), image.shape, strict=True)
    )
    placed[row : row + digit.shape[0], column : column + digit.shape[1]] = digit
    return np.clip(placed, 0, 1)


def _box(side: int) -> int:
    return max(1, round(side * _BOX / _FRAME))


def _ends(most: Image) -> tuple[int, int]:
    places = np.flatnonzero(most)
    return int(places[0]), int(places[-1]) + 1


def _start(weights: NDArray[np.float32], side: int) -> int:
    """Return the digit's offset along a side that puts its centre of mass in the middle."""
    centre = float(weights @ np.arange(len(weights)))
    return max(0, min(side - len(weights), round(side / 2 - centre)))
