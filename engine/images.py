"""Images: resized, in gray, in colours for positive and negative, and as PNG (ISO/IEC 15948)."""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

_AT_ONCE = 1024
"""Images resized at once: float64 takes eight times the memory of bytes."""


def resize(image: NDArray[Any], height: int, width: int, axis: int = 0) -> NDArray[np.float32]:
    """Resize an image by a triangle filter as wide as a new pixel, or an old one.

    That is bilinear interpolation with anti-aliasing, as Pillow's `BILINEAR`.

    Args:
        image: `(h, w)` or `(h, w, 3)`, in any range, which is preserved; not empty.
        height: rows of the result, 1 or more.
        width: columns of the result, 1 or more.
        axis: that of the rows, which the columns follow; 1 for several images, `(n, h, w)` or
            `(n, h, w, 3)`.

    Returns:
        The image of the new size.
    """
    sides = axis, axis + 1
    rows, columns = image.shape[axis : axis + 2]
    moved = np.moveaxis(image, sides, (-2, -1))
    resampled = _weights(rows, height) @ moved @ _weights(columns, width).T
    resized: NDArray[np.float32] = np.moveaxis(resampled, (-2, -1), sides).astype(np.float32)
    return resized


def resize_all(images: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """Resize stored images `(n, h, w)` or `(n, h, w, 3)`, see `resize`.

    Bytes remain bytes unless they are only 0 and 1; other numbers become float32.
    """
    are_bytes = images.dtype == np.uint8 and images.max() > 1
    shape = len(images), height, width, *images.shape[3:]
    made = np.empty(shape, np.uint8 if are_bytes else np.float32)
    for at in range(0, len(images), _AT_ONCE):
        resized = resize(images[at : at + _AT_ONCE], height, width, axis=1)
        made[at : at + _AT_ONCE] = np.rint(resized) if are_bytes else resized
    return made


@lru_cache(maxsize=32)
def _weights(old: int, new: int) -> NDArray[np.float64]:
    """Return the weight of each old pixel in each new one along a side, `(new, old)`."""
    scale = old / new
    centres = (np.arange(new) + 0.5) * scale - 0.5
    distance = np.abs(centres[:, None] - np.arange(old))
    weights = np.maximum(0.0, 1 - distance / max(scale, 1.0))
    normalised: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return normalised


CHANNELS = ("red", "green", "blue")
"""The channels of images in colour, in order."""

_LUMA = np.array([0.299, 0.587, 0.114])


def brightness(image: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return the brightness of an image's pixels, `(height, width)`.

    That of red, green and blue is their weighted sum by ITU-R BT.601, section 2.5.1, which also
    Pillow and torchvision use for gray versions of images.

    Args:
        image: `(height, width)` or `(height, width, 3)`, in any range, which is preserved.
    """
    return np.asarray(image if image.ndim == 2 else image @ _LUMA, np.float64)


def to_png(image: NDArray[np.floating[Any]]) -> bytes:
    """Return an image as the content of a PNG file, 8 bits per pixel and colour.

    Args:
        image: gray `(height, width)` or red, green and blue `(height, width, 3)`, clipped to
            [0, 1].
    """
    pixels = np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8)
    height, width = pixels.shape[:2]
    kind = 0 if pixels.ndim == 2 else 2
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(rows))
        + _chunk(b"IEND", b"")
    )


_POSITIVE, _NEGATIVE = np.array([0, 114, 178]) / 255, np.array([205, 88, 0]) / 255
"""The ends of the diverging scale, safe for colour-blind eyes."""


def diverging(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return values in diverging colours: white for 0, blue for 1, orange-red for -1.

    Values of three channels are gray for 0, and each channel is brighter or darker than that.

    Args:
        values: `(height, width)` or `(height, width, 3)`, clipped to [-1, 1].

    Returns:
        Red, green and blue, `(height, width, 3)` in [0, 1].
    """
    if values.ndim == 3:
        return np.asarray((1 + np.clip(values, -1, 1)) / 2, np.float32)
    size = np.clip(np.abs(values), 0, 1)[..., None]
    ends = np.where(values[..., None] > 0, _POSITIVE, _NEGATIVE)
    return np.asarray(1 - size * (1 - ends), np.float32)


def _chunk(kind: bytes, content: bytes) -> bytes:
    checked = kind + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))
