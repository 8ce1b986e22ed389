"""Images in another size, softly: no pixel is left out when they shrink."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


def resample(image: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """An image in another size, by a triangle filter as wide as a new pixel, or an old one.

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
    """How much each old pixel counts for each new one along a side, `(new, old)`."""
    scale = old / new
    centres = (np.arange(new) + 0.5) * scale - 0.5
    distance = np.abs(centres[:, None] - np.arange(old))
    weights = np.maximum(0.0, 1 - distance / max(scale, 1.0))
    normalised: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return normalised
