"""Gray images as PNG files (ISO/IEC 15948), with the standard library alone."""

import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
