"""The layouts in which arrays hold images, brought to one: channels last, one or three of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.data.opacity import put_on_ground
from mnistop.engine.errors import DataError

_COMPARED = 256
"""Images of which the layout is found."""
_BITS = 8
"""Pixels of black and white in a byte."""


def in_one_layout(parts: Sequence[tuple[str, NDArray[Any]]]) -> list[tuple[NDArray[Any], str]]:
    """Return the images of all parts of a source, with sentences, see `as_images`.

    Flat rows in colour have the order of those in the first part that has any.

    Args:
        parts: the name of each part's images in messages, and the images.
    """
    rows = next(
        (images for _, images in parts if images.ndim == 2 and is_in_color(images.shape[1])), None
    )
    is_planar = rows is not None and has_planes(rows)
    return [as_images(images, place, is_planar) for place, images in parts]


def as_images(images: NDArray[Any], place: str, is_planar: bool) -> tuple[NDArray[Any], str]:
    """Return stored images in the one layout that everything else takes.

    Images may be in gray, `(n, height, width)` with or without a channel, or in colour, with the
    channels last or first, also with a fourth one for opacity. They may be flat, `(n, pixels)`, if
    they are square.

    Args:
        images: as they are stored.
        place: the name of the array in messages.
        is_planar: the order of flat rows in colour, see `from_color_rows`.

    Returns:
        `(n, height, width)` or `(n, height, width, 3)`, as a view where that is possible, and a
        sentence on what was decided; empty for nothing.

    Raises:
        DataError: they are no images.
    """
    if images.dtype.kind not in "buif":
        raise DataError(f"The images in {place} are not numbers: store them as 0 to 255.")
    if images.ndim == 1:
        raise DataError(
            f"{place} holds labels or a plain list of numbers, not images: "
            f"put the images first and their labels second."
        )
    if len(images) == 0 or images.size == 0:
        raise DataError(f"{place} holds no images: choose another one.")
    if images.ndim == 2:
        return _from_rows(images, place, is_planar)
    if images.ndim == 4:
        for axis, channels in ((3, (1,)), (1, (1,)), (3, (3, 4)), (1, (3, 4))):
            if images.shape[axis] in channels:
                return _from_channels(np.moveaxis(images, axis, 3), place)
    if images.ndim != 3:
        raise DataError(
            f"The images in {place} have {images.ndim} dimensions, {shape_text(images)}: "
            f"store them as count × height × width, or count × height × width × 3 in colour."
        )
    return images, _odd_size(images, place)


def _odd_size(images: NDArray[Any], place: str) -> str:
    """Return a sentence on images `(n, height, width)` whose size is hardly meant; else nothing."""
    _, height, width = images.shape
    size = f"The images in {place} are taken for {height} × {width} pixels"
    side = math.isqrt(height * width)
    if 1 in (height, width) and side * side == height * width > 1:
        return f"{size}: if they are {side} × {side} in a row, store them as count × {side * side}."
    if images.dtype == np.uint8 and height >= _BITS and width == math.ceil(height / _BITS):
        return (
            f"{size}: if they are packed bits, store numpy.unpackbits(images, axis=2)"
            f"[:, :, :{height}]."
        )
    return ""


def _from_channels(images: NDArray[Any], place: str) -> tuple[NDArray[Any], str]:
    """Return images without an only channel or a fourth one, see `as_images`.

    Args:
        images: `(n, height, width, channels)`, of 1, 3 or 4 channels.
        place: the name of the array in messages.
    """
    match images.shape[3]:
        case 1:
            return images[..., 0], ""
        case 3:
            return images, ""
    colors, opacity = images[..., :3], images[..., 3]
    opaque = _opaque(opacity)
    if (opacity == opaque).all():
        return colors, f"The fourth channel of {place} is dropped: it is opaque everywhere."
    on_ground = colors.copy()
    ground = put_on_ground(on_ground, opacity, opaque)
    if ground.shade == "none":
        return (
            colors,
            f"The fourth channel of {place} is dropped: it is the same all over each image.",
        )
    why = ", as what they show is light" if ground.shade == "black" else ""
    return on_ground, (
        f"The fourth channel of {place} is taken for opacity: the images are put on "
        f"{ground.shade}{why}."
    )


def _opaque(opacity: NDArray[Any]) -> float:
    """Return the value of full opacity and of white: that of bytes or 16 bits, or 1."""
    if opacity.dtype.kind == "u" and opacity.dtype.itemsize <= 2:
        return float(np.iinfo(opacity.dtype).max)
    return 255.0 if opacity.max() > 1 else 1.0


def is_in_color(pixels: int) -> bool:
    """Return whether this many numbers make a square image in colour, and none in gray."""
    return math.isqrt(pixels) ** 2 != pixels == 3 * math.isqrt(pixels // 3) ** 2


def _from_rows(rows: NDArray[Any], place: str, is_planar: bool) -> tuple[NDArray[Any], str]:
    """Return flat square images with rows and columns, see `as_images`."""
    pixels = rows.shape[1]
    side = math.isqrt(pixels)
    if side * side == pixels:
        return rows.reshape(-1, side, side), ""
    if not is_in_color(pixels):
        are_bits = rows.dtype == np.uint8 and math.isqrt(_BITS * pixels) ** 2 == _BITS * pixels
        unpacked = ", or unpack their bits by numpy.unpackbits(images, axis=1)" if are_bits else ""
        raise DataError(
            f"Each image in {place} is a row of {pixels:,} pixels, which makes no square: "
            f"store the images as count × height × width{unpacked}."
        )
    side = math.isqrt(pixels // 3)
    order = "all of red, then green, then blue" if is_planar else "red, green and blue by turns"
    return from_color_rows(rows, is_planar), (
        f"Each row of {place} is taken for {side} × {side} pixels in colour, {order}: that way "
        "neighbouring pixels are more alike."
    )


def from_color_rows(rows: NDArray[Any], is_planar: bool) -> NDArray[Any]:
    """Return flat square images in colour with rows, columns and channels, as a view.

    Args:
        rows: `(n, 3 · side · side)`.
        is_planar: whether all of red comes first, then green, then blue; see `has_planes`.
    """
    side = math.isqrt(rows.shape[1] // 3)
    if is_planar:
        return np.moveaxis(rows.reshape(-1, 3, side, side), 1, 3)
    return rows.reshape(-1, side, side, 3)


def has_planes(rows: NDArray[Any]) -> bool:
    """Return whether flat square images in colour have all of red first, then green, then blue.

    Both orders are in use: CIFAR-10 has planes; in most others red, green and blue of one pixel
    follow each other. Neighbours in images are alike, so the order is taken in which the values
    beside each other differ less.

    Args:
        rows: `(n, 3 · side · side)`.
    """

    def roughness(images: NDArray[Any]) -> float:
        values = images.astype(np.float64)
        return sum(float(np.abs(np.diff(values, axis=axis)).sum()) for axis in (1, 2))

    some = rows[:_COMPARED]
    return roughness(from_color_rows(some, True)) < roughness(from_color_rows(some, False))


def shape_text(array: NDArray[Any]) -> str:
    """Return the shape of an array, as in `28 × 28`."""
    return " × ".join(f"{length:,}" for length in array.shape)
