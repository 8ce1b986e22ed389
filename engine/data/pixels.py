"""The stored values of black and white: derived from type and values, or given by the user."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.config import PixelRange
from mnistop.engine.data.notes import FAINT
from mnistop.engine.errors import DataError, PixelRangeError

_OVERSHOOT = 0.05
"""Resampled images exceed black and white by up to this share of the range."""
_AT_ONCE = 1024
_BYTE = 127, 255
"""Whole numbers whose maximum is in this range use 8 bits, whatever type they are stored in."""
_NORMALISED = {"MNIST": (0.1307, 0.3081), "Fashion-MNIST": (0.2860, 0.3530)}
"""Mean and standard deviation by which fractions of these data sets are usually normalised."""
_CLOSE = 0.002
_FULL = (1023, 4095, 16383, 65535)
"""The maximum values of cameras and scanners with 10, 12, 14 and 16 bits."""


@dataclass(frozen=True)
class Pixels:
    """The stored pixel values of a whole source, and those of black and white."""

    dtype: str = "float32"
    low: float = 0.0
    """The minimum."""
    high: float = 1.0
    """The maximum."""
    black: float = 0.0
    """The value that becomes 0."""
    white: float = 1.0
    """The value that becomes 1."""

    @property
    def is_clipped(self) -> bool:
        """True if there are values beyond black and white."""
        return self.low < self.black or self.high > self.white

    @property
    def clipping(self) -> str:
        """A sentence on the values beyond black and white; empty where there are none."""
        if not self.is_clipped:
            return ""
        return (
            f"Pixels go from {self.low:g} to {self.high:g}, and those beyond {self.black:g} "
            f"(black) and {self.white:g} (white) are clipped."
        )

    def __str__(self) -> str:
        """Return a description as `uint8 from 0 (black) to 255 (white)`."""
        if (self.low, self.high) == (self.black, self.white):
            return f"{self.dtype} from {self.low:g} (black) to {self.high:g} (white)"
        return (
            f"{self.dtype} from {self.low:g} to {self.high:g}, with {self.black:g} for black and "
            f"{self.white:g} for white"
        )


def find_range(
    parts: Sequence[tuple[str, NDArray[Any]]], known: float | None, stated: PixelRange, source: str
) -> Pixels:
    """Find the values of black and white in a source.

    - A range stated by the user is used, whatever lies beyond it.
    - Booleans, and values none of which is above 1, are 0 to 1.
    - Unsigned bytes are 0 to 255, and so are whole numbers of other types whose maximum is from
      128 to 255. For whole numbers up to 1,023, 4,095, 16,383 or 65,535 the maximum is white.
    - Fractions that end within 5% of 1 or of 255 have been resampled and overshoot it.
    - Everything else is rejected, as is a white that leaves most images of a part nearly black.

    Args:
        parts: the name and the images of each part of the source.
        known: the value of white, with black 0, if the source specifies it.
        stated: the range stated by the user.
        source: the source as it was given.

    Raises:
        DataError: some pixels are no finite numbers.
        PixelRangeError: black and white can only be guessed.
    """
    dtypes = {images.dtype for _, images in parts}
    dtype = dtypes.pop() if len(dtypes) == 1 else np.result_type(*(part for _, part in parts))
    low, high = _extremes(parts)
    if stated != "auto":
        if known is not None:
            raise PixelRangeError(
                f"The pixel range of {source} is known: it cannot be set, leave it at auto."
            )
        return Pixels(dtype.name, low, high, *stated)
    if known is not None:
        return Pixels(dtype.name, low, high, 0.0, known)
    white = _white([images for _, images in parts], dtype, low, high)
    if white is None:
        raise PixelRangeError(
            f"The pixels of {source} are {dtype.name} from {low:g} to {high:g}, which leaves open "
            f"what is black and what is white{_usual(low, high)}: state the pixel range, as in "
            f'--pixel-range "{low:g} {high:g}".'
        )
    usual = {name: _usual_brightest(images) for name, images in parts}
    black = [name for name in usual if usual[name] < FAINT * white]
    bright = [name for name in usual if name not in black]
    if black and bright:
        raise PixelRangeError(
            f"The pixels of a usual image go up to {usual[black[0]]:g} in {black[0]}, and to "
            f"{usual[bright[0]]:g} in {bright[0]}: store both alike."
        )
    if black:
        brightest = usual[black[0]]
        raise PixelRangeError(
            f"The pixels of {source} are {dtype.name} from {low:g} to {high:g}, but those of a "
            f"usual image go up to {brightest:g} only, nearly black if {white:g} is white: state "
            f'the pixel range, as in --pixel-range "{low:g} {brightest:g}".'
        )
    return Pixels(dtype.name, low, high, 0.0, white)


def _usual(low: float, high: float) -> str:
    """Return a clause on what pixels are by their minimum and maximum; empty if it is unusual."""
    if (low, high) == (-1, 1):
        return " (often -1 and 1)"
    for name, (mean, deviation) in _NORMALISED.items():
        if abs(low + mean / deviation) < _CLOSE and abs(high - (1 - mean) / deviation) < _CLOSE:
            return f" (these are fractions less the mean {mean} of {name}, over {deviation})"
    return ""


def _extremes(parts: Sequence[tuple[str, NDArray[Any]]]) -> tuple[float, float]:
    extremes = []
    for name, images in parts:
        low, high = float(images.min()), float(images.max())
        if not (math.isfinite(low) and math.isfinite(high)):
            raise DataError(
                f"Some pixels in {name} are not finite numbers (NaN or infinity): "
                f"store all of them as 0 to 255."
            )
        extremes.append((low, high))
    lows, highs = zip(*extremes, strict=True)
    return min(lows), max(highs)


def _white(
    parts: Sequence[NDArray[Any]], dtype: np.dtype[Any], low: float, high: float
) -> float | None:
    """Return the value of white with black 0; None if it can only be guessed."""
    if dtype == np.uint8:
        return 1.0 if high <= 1 else 255.0
    if low >= 0 and high <= 1:
        return 1.0
    if all(_are_whole(images) for images in parts):
        if low >= 0 and _BYTE[0] < high <= _BYTE[1]:
            return float(_BYTE[1])
        return high if low >= 0 and high in _FULL else None
    for white in (1.0, 255.0):
        least = 0 if white == 1 else (1 - _OVERSHOOT) * white
        if low >= -_OVERSHOOT * white and least <= high <= (1 + _OVERSHOOT) * white:
            return white
    return None


def _are_whole(images: NDArray[Any]) -> bool:
    parts = (images[start : start + _AT_ONCE] for start in range(0, len(images), _AT_ONCE))
    return images.dtype.kind in "bui" or all(np.array_equal(part, np.floor(part)) for part in parts)


def _usual_brightest(images: NDArray[Any]) -> float:
    """Return the median of the images' brightest pixels, without images of a single colour."""
    axes = tuple(range(1, images.ndim))
    highest = images.max(axes)
    highest = highest[highest > images.min(axes)]
    return float(np.sort(highest)[len(highest) // 2]) if len(highest) else math.inf


def scale(images: NDArray[np.float32], pixels: Pixels) -> None:
    """Scale images from black…white to 0…1, in place."""
    if pixels.black:
        images -= pixels.black
    images /= pixels.white - pixels.black
    if pixels.is_clipped:
        np.clip(images, 0, 1, out=images)


def contrast(images: NDArray[np.float32]) -> float:
    """Return the share of black to white that the pixels of a typical image span: the median.

    Args:
        images: `(n, height, width)` or `(n, height, width, 3)` in [0, 1].
    """
    spans = np.sort(np.ptp(images, axis=tuple(range(1, images.ndim))))
    return float(spans[len(spans) // 2]) if len(spans) else 0.0
