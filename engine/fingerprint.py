"""The identity of the data of a run: taken when it starts, compared before it goes on.

Contents count, not files: data that were copied, touched, compressed in another way or stored with
another type of number are the same. Images of the source beyond those used do not matter, unless
they change what the used ones mean: the number of classes, or the pixel values of
black and white. Names of
classes do not matter either.

The order counts. With the configuration of the run, which decides the split, a fingerprint stands
for the very images to train on and to validate with.

Importing this needs no NumPy, since events hold fingerprints.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_CHUNK = 1024
"""Images that are hashed at once."""

_Size = Annotated[int, Meta(ge=1, le=2**31)]
_Value = Annotated[float, Meta(ge=-1e39, le=1e39)]
_Digest = Annotated[str, Meta(max_length=64)]


class Fingerprint(msgspec.Struct, frozen=True, kw_only=True):
    """What identifies images and their labels."""

    images: _Size
    """Their number."""
    height: _Size
    width: _Size
    classes: _Size
    """Of the whole source."""
    black: _Value
    """The stored pixel value that is scaled to 0."""
    white: _Value
    """The one that is scaled to 1."""
    pixels: _Digest
    """SHA-256 of the stored pixels in the order of the source, in hexadecimal digits."""
    labels: _Digest
    """SHA-256 of the labels."""


def take_fingerprint(
    images: NDArray[np.float32],
    labels: NDArray[np.int64],
    classes: int,
    black: float,
    white: float,
) -> Fingerprint:
    """Take the fingerprint of data as they are stored.

    Args:
        images: `(n, height, width)`, before scaling.
        labels: `(n,)`.
        classes: their number in the whole source.
        black: the pixel value that will be scaled to 0.
        white: the one that will be scaled to 1.
    """
    count, height, width = images.shape
    return Fingerprint(
        images=count,
        height=height,
        width=width,
        classes=classes,
        black=black,
        white=white,
        pixels=_digest(images),
        labels=hashlib.sha256(labels.astype("<i8").tobytes()).hexdigest(),
    )


def _digest(images: NDArray[np.float32]) -> str:
    """Hash pixels, in a byte each where that loses nothing: a quarter of the bytes."""
    import numpy as np

    digest = hashlib.sha256()
    for start in range(0, len(images), _CHUNK):
        chunk = images[start : start + _CHUNK]
        levels = chunk.astype(np.uint8)
        if np.array_equal(levels, chunk):
            digest.update(b"u1")
            digest.update(levels.tobytes())
        else:
            digest.update(b"f4")
            digest.update((chunk + np.float32(0)).astype("<f4").tobytes())  # no -0
    return digest.hexdigest()


def changes(one: Fingerprint, other: Fingerprint, first: str = "then", second: str = "now") -> str:
    """Describe how data differ, as in `1,000 images then, 900 now`; empty if they do not.

    Args:
        one: of some data.
        other: of some others.
        first: what the ones are called.
        second: what the others are called.
    """
    if one.images != other.images:
        return f"{one.images:,} images {first}, {other.images:,} {second}"
    if (one.height, one.width) != (other.height, other.width):
        return f"{_size(one)} pixels {first}, {_size(other)} {second}"
    if one.classes != other.classes:
        return f"{one.classes:,} classes {first}, {other.classes:,} {second}"
    if (one.black, one.white) != (other.black, other.white):
        return f"pixels of {_range(one)} {first}, {_range(other)} {second}"
    if one.pixels == other.pixels:
        return "" if one.labels == other.labels else "other labels"
    if one.labels == other.labels:
        return "other pixels"
    return "other images and labels, or another order"


def _size(of: Fingerprint) -> str:
    return f"{of.height}×{of.width}"


def _range(of: Fingerprint) -> str:
    return f"{of.black:g} to {of.white:g}"


def has_changed(source: str, difference: str) -> str:
    """Say that data have changed, as a part of a sentence."""
    return f"the data in {source} have changed ({difference})"
