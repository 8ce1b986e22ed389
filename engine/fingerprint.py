"""The identity of the data of a run: taken when it starts, compared before it goes on.

Contents count, not files: data that were copied, touched, compressed in another way or stored with
another type of number are the same. Images of the source beyond those used do not matter, unless
they change what the used ones mean: the number of classes, or the pixel values of black and white.
Names of classes do not matter either.

The order counts. With the configuration of the run, which decides the split, a fingerprint stands
for the very images to train on and to validate with.

Importing this needs no NumPy, since events hold fingerprints.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

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


class Fingerprint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The identity of images and their labels."""

    images: _Size
    """Their number."""
    height: _Size
    width: _Size
    channels: _Size = 1
    """3 for images in colour."""
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
    parts: Sequence[NDArray[Any]],
    labels: NDArray[np.int64],
    classes: int,
    black: float,
    white: float,
) -> Fingerprint:
    """Compute the fingerprint of data as they are stored.

    Args:
        parts: images `(n, height, width)` or `(n, height, width, 3)` of numbers, before scaling;
            one part or more.
        labels: those of all parts.
        classes: their number in the whole source.
        black: the pixel value that will be scaled to 0.
        white: the one that will be scaled to 1.
    """
    _, height, width, *channels = parts[0].shape
    return Fingerprint(
        images=len(labels),
        height=height,
        width=width,
        channels=math.prod(channels),
        classes=classes,
        black=float(black),
        white=float(white),
        pixels=_digest([part[at : at + _CHUNK] for part in parts for at in _starts(part)]),
        labels=hashlib.sha256(labels.astype("<i8").tobytes()).hexdigest(),
    )


def _starts(part: NDArray[Any]) -> range:
    return range(0, len(part), _CHUNK)


def _digest(chunks: Sequence[NDArray[Any]]) -> str:
    """Hash pixels: as bytes if all are whole numbers from 0 to 255, else as float32.

    Arrays of bytes are not copied for that, and hashing takes a fraction of the time of loading.
    """
    import numpy as np

    if all(_fits_bytes(chunk) for chunk in chunks):
        digest = hashlib.sha256(b"u1")
        for chunk in chunks:
            digest.update(np.ascontiguousarray(chunk, np.uint8).data)
    else:
        digest = hashlib.sha256(b"f4")
        for chunk in chunks:
            digest.update(np.ascontiguousarray(chunk.astype("<f4") + np.float32(0)).data)  # no -0
    return digest.hexdigest()


def _fits_bytes(chunk: NDArray[Any]) -> bool:
    if chunk.dtype in ("u1", "b1"):
        return True
    if chunk.min() < 0 or chunk.max() > 255:
        return False
    return chunk.dtype.kind != "f" or bool((chunk == chunk.astype("u1")).all())


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
    if _size(one) != _size(other):
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
    color = f"×{of.channels}" if of.channels > 1 else ""
    return f"{of.height}×{of.width}{color}"


def _range(of: Fingerprint) -> str:
    return f"{of.black:g} to {of.white:g}"


def has_changed(source: str, difference: str) -> str:
    """Part of a sentence: that data have changed."""
    return f"the data in {source} have changed ({difference})"


def cannot_go_on(what: str, name: str, source: str, difference: str, is_old: bool) -> str:
    """Return a sentence on a run or a sweep whose data have changed, with the remedy.

    Args:
        what: `run` or `sweep`.
        name: its name.
        source: that of the data.
        difference: as of `changes`.
        is_old: true if a version began it that read some data in another way.
    """
    if is_old:
        return (
            f"{what.capitalize()} {name} cannot go on: an older mnistop began it, and the data in "
            f"{source} are not what that one read ({difference}). Labels that do not start at 0 "
            "are now counted from 0, and EMNIST's images are turned upright: if the files are the "
            f"same as then, start a new {what}, else put the original ones back."
        )
    return (
        f"{what.capitalize()} {name} cannot go on, since {has_changed(source, difference)}: put "
        f"the original data back, or start a new {what} with them as they are."
    )


def without_data(what: str, name: str, source: str) -> str:
    """Return a sentence on a run or a sweep whose data are gone, as of `cannot_go_on`."""
    return (
        f"{what.capitalize()} {name} cannot go on without its data: there is no file or folder "
        f"{source}. Put it back there, or a link to where it is now."
    )
