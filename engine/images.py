"""Gray images in another size, and as PNG files (ISO/IEC 15948)."""

import struct
import zlib
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray


def resize(image: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Resize an image by a triangle filter as wide as a new pixel, or an old one.

    That is bilinear interpolation with anti-aliasing, as Pillow's `BILINEAR`.

    Args:
        image: `(h, w)`, or `(n, h, w)` for several, in any range, which stays the same; not empty.
        height: rows wanted, 1 or more.
        width: columns wanted, 1 or more.

    Returns:
        `(height, width)`, or `(n, height, width)`.
    """
    rows, columns = image.shape[-2:]
    resampled = _weights(rows, height) @ image @ _weights(columns, width).T
    return resampled.astype(np.float32)


@lru_cache(maxsize=32)
def _weights(old: int, new: int) -> NDArray[np.float64]:
    """The weight of each old pixel in each new one along a side, `(new, old)`."""
    scale = old / new
    centres = (np.arange(new) + 0.5) * scale - 0.5
    distance = np.abs(centres[:, None] - np.arange(old))
    weights = np.maximum(0.0, 1 - distance / max(scale, 1.0))
    normalised: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return normalised


def to_png(image: NDArray[np.floating[Any]]) -> bytes:
    """A gray image as the content of a PNG file, 8 bits a pixel.

    Args:
        image: `(height, width)` in [0, 1]; what lies outside is clipped.
    """
    pixels = np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8)
    height, width = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(rows))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    checked = kind + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))
