"""Transparent images, put on the ground on which what they show is seen."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

_LIGHT = 0.75
"""The share of white from which on what transparent images show is light."""
_AT_ONCE = 1024


@dataclass(frozen=True)
class Ground:
    """The ground that transparent images are put on."""

    shade: Literal["white", "black", "none"]
    """None if opacity is the same all over each image, and so means nothing."""
    images: int
    """Those that are not opaque everywhere."""


def put_on_ground(images: NDArray[Any], opacity: NDArray[Any], opaque: float) -> Ground:
    """Put transparent images on white or black, in place.

    All get the same ground: black if on average what they show is so light that it would be lost
    on white. Opacity that is the same all over each image, such as 0, is not used.

    Args:
        images: `(n, height, width)` or `(n, height, width, 3)`, from 0 for black to `opaque` for
            white.
        opacity: `(n, height, width)`, from 0 to `opaque`.
        opaque: the value of full opacity and of white.
    """
    rows = np.flatnonzero(opacity.min((1, 2)) < opaque)
    batches = [rows[at : at + _AT_ONCE] for at in range(0, len(rows), _AT_ONCE)]
    if not any(np.ptp(opacity[some], axis=(1, 2)).any() for some in batches):
        return Ground("none", len(rows))
    shown = whole = 0.0
    for some in batches:
        gray = images[some].astype(np.float32)
        gray = gray if gray.ndim == 3 else gray.mean(-1)
        shown += float((gray * opacity[some]).sum(dtype=np.float64))
        whole += float(opacity[some].sum(dtype=np.float64))
    is_light = shown > _LIGHT * opaque * whole
    ground = np.float32(0 if is_light else opaque)
    for some in batches:
        share = opacity[some].astype(np.float32) / opaque
        share = share if images.ndim == 3 else share[..., None]
        mixed = ground + (images[some] - ground) * share
        images[some] = np.rint(mixed) if images.dtype.kind in "ui" else mixed
    return Ground("black" if is_light else "white", len(rows))
