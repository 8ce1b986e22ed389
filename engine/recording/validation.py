"""The labelled images that a loop's model is evaluated on, in whatever form a loop has them."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.data.layouts import from_color_rows, has_planes, is_in_color
from mnistop.engine.errors import DataError
from mnistop.engine.files import one_line
from mnistop.engine.fingerprint import Fingerprint, take_fingerprint
from mnistop.engine.recording.labelled_images import (
    MOST_PIXELS,
    array_of,
    labels_of,
    numbers_of,
    pair_of,
)

MOST_CLASSES = 256
_LONGEST_CLASS_NAME = 40
_NEAR_A_LEVEL = 2e-4
"""Pixels this near to k/255, in units of 1/255, differ from it by the rounding of float32 only."""
_NEAR_THE_RANGE = 1e-4
"""Pixels so little outside [0, 1] are there by rounding."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Validation:
    """Images with labels."""

    inputs: NDArray[Any]
    """The images as the model gets them, `(n, …)`: numbers of any type, a copy of what was
    given."""
    labels: NDArray[np.uint8]
    """True classes, `(n,)`."""
    pixels: Floats
    """The images as they are shown, `(n, height, width)` or `(n, height, width, 3)` in [0, 1]."""
    class_names: tuple[str, ...]
    normalize: tuple[Floats, Floats] | None
    """Mean and standard deviation of each channel: the pixels shown are `inputs·std + mean`. None
    for images with a channel for opacity, which is not shown."""
    order: NDArray[np.int64]
    """The position in an image, flattened as it is given, of each of its pixels as shown,
    flattened."""
    notes: tuple[str, ...] = ()
    """What is odd about the images, in sentences."""
    names_given: bool = False
    """Whether the loop named its classes, or said how many there are."""

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Height and width in pixels, and 3 for images in colour."""
        return self.pixels.shape[1:]

    @property
    def normalize_inputs(self) -> tuple[Floats, Floats] | None:
        """Mean and standard deviation of each value of an image as it is given, flattened."""
        if self.normalize is None:
            return None
        flat = np.empty((2, len(self.order)), np.float32)
        flat[:, self.order] = np.tile(self.normalize, len(self.order) // len(self.normalize[0]))
        return flat[0], flat[1]

    def in_gray(self) -> Validation:
        """Return the images as mnistop once recorded those in colour: the means of the channels."""
        return replace(self, pixels=_on_levels(self.pixels.mean(-1)), normalize=None)

    def counts(self) -> list[int]:
        """Return the number of images of each class."""
        counts: list[int] = np.bincount(self.labels, minlength=len(self.class_names)).tolist()
        return counts

    def input_shapes(self) -> list[tuple[int, ...]]:
        """Return the shapes of an input that a model may take, the likeliest first."""
        given, (height, width) = self.inputs.shape[1:], self.image_shape[:2]
        channels = math.prod(given) // (height * width)
        images, flat = (channels, height, width), (math.prod(given),)
        if channels > 1 and given[-1] == channels:  # no view of them has the channels first
            return [given, flat]
        return list(dict.fromkeys([given, images, flat]))

    def fingerprint(self) -> Fingerprint:
        """Compute the fingerprint of the images, as levels from 0 to 255 where they are such."""
        levels = self.pixels * np.float32(255)
        whole = np.rint(levels)
        is_whole = np.array_equal(np.divide(whole, 255, dtype=np.float32), self.pixels)
        parts, white = (whole.astype(np.uint8), 255) if is_whole else (self.pixels, 1)
        labels = self.labels.astype(np.int64)
        return take_fingerprint([parts], labels, len(self.class_names), 0, white)


def read_validation(
    given: Any,
    classes: int | Sequence[str] | None = None,
    normalize: tuple[Any, Any] | None = None,
) -> Validation:
    """Read labelled images; torch is not needed unless they are torch's.

    Args:
        given: a pair of images and labels (arrays, tensors, lists), a Dataset or a DataLoader.
        classes: their number or their names; None for as many as the labels have.
        normalize: mean and standard deviation that the images were normalized with.

    Raises:
        DataError: they cannot be used, and why.
    """
    images, labels = pair_of(given)
    inputs = numbers_of(images)
    names, numbers = _classes(labels_of(labels), classes)
    if len(inputs) != len(numbers):
        raise DataError(f"There are {len(inputs):,} images and {len(numbers):,} labels.")
    if not inputs.size:
        raise DataError("There are no images.")
    if inputs.size > MOST_PIXELS:
        raise DataError(f"The images have {inputs.size:,} pixels, more than {MOST_PIXELS:,}.")
    is_planar = _is_planar(inputs)
    planes = _planes(inputs, is_planar)
    pixels, scale, notes = _pixels(planes, normalize)
    places = np.arange(math.prod(inputs.shape[1:])).reshape(1, *inputs.shape[1:])
    order = _planes(places, is_planar)[..., :3].ravel()
    return Validation(inputs, numbers, pixels, names, scale, order, notes, classes is not None)


# Classes


def _classes(
    labels: NDArray[np.int64], classes: int | Sequence[str] | None
) -> tuple[tuple[str, ...], NDArray[np.uint8]]:
    lowest, highest = (int(labels.min()), int(labels.max())) if len(labels) else (0, 0)
    if classes is None:
        names = numbered(max(2, min(highest, MOST_CLASSES) + 1))
    elif isinstance(classes, Iterable):
        names = tuple(one_line(str(name))[:_LONGEST_CLASS_NAME] for name in classes)
    elif isinstance(classes, SupportsIndex):
        names = numbered(min(operator.index(classes), MOST_CLASSES + 1))
    else:
        raise DataError(f"classes must be their number or their names, not {classes!r:.60}.")
    if len(names) > MOST_CLASSES:
        raise DataError(f"There are more than {MOST_CLASSES} classes.")
    if lowest < 0 or highest >= len(names):
        odd = lowest if lowest < 0 else highest
        raise DataError(
            f"The label {odd} is out of range: there are {len(names)} classes, from 0 up."
        )
    return names, labels.astype(np.uint8)


def numbered(count: int) -> tuple[str, ...]:
    """Return the names of classes that have none: their numbers."""
    return tuple(map(str, range(count)))


# Pixels


def _pixels(
    planes: NDArray[Any], normalize: tuple[Any, Any] | None
) -> tuple[Floats, tuple[Floats, Floats] | None, tuple[str, ...]]:
    """Return the pixels shown, the normalization that leads to them, and notes."""
    notes: tuple[str, ...] = ()
    channels = planes.shape[-1]
    mean, std = _normalization(normalize, channels)
    if normalize is None:
        mean, std, notes = _range(planes)
    pixels = (planes.astype(np.float32) * std + mean).astype(np.float32)
    outside = max(0.0, -float(pixels.min()), float(pixels.max()) - 1)
    if outside > _NEAR_THE_RANGE:
        notes += (
            f"With normalize, some pixels lie outside [0, 1], by up to {outside:.3g}: they are "
            "shown as black or white.",
        )
    shown = _on_levels(pixels.clip(0, 1))
    match channels:
        case 1:
            return shown[..., 0], (mean, std), notes
        case 3:
            return shown, (mean, std), notes
    return shown[..., :3], None, (*notes, "The images are shown without their fourth channel.")


def _is_planar(inputs: NDArray[Any]) -> bool:
    """Return whether images are rows of all red, then all green, then all blue pixels."""
    return len(inputs.shape) == 2 and is_in_color(inputs.shape[1]) and has_planes(inputs)


def _planes(inputs: NDArray[Any], is_planar: bool) -> NDArray[Any]:
    """Return images with their channels last, `(n, height, width, channels)`."""
    shape = inputs.shape
    match shape[1:]:
        case (pixels,) | (1, pixels) if math.isqrt(pixels) ** 2 == pixels > 1:
            side = math.isqrt(pixels)
            return inputs.reshape(-1, side, side, 1)
        case (pixels,) if is_in_color(pixels):
            return from_color_rows(inputs, is_planar)
        case (_, _):
            return inputs[..., None]
        case (1 | 3 | 4, height, width) if min(height, width) > 1:
            return np.moveaxis(inputs, 1, -1)
        case (_, _, 1 | 3 | 4):
            return inputs
    raise DataError(
        f"Arrays {_shape(shape)} are no images: they must be (n, height, width), "
        "(n, 1, height, width), (n, height, width, 1) or (n, pixels) of squares; with 3 channels, "
        "in colour."
    )


def _shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def _normalization(normalize: tuple[Any, Any] | None, channels: int) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of each channel, `(channels,)` each."""
    try:
        mean, std = ((0.0, 1.0) if normalize is None else normalize)[:2]
        found = [
            np.broadcast_to(array_of(one).astype("f4").ravel(), channels) for one in (mean, std)
        ]
    except (ValueError, TypeError, KeyError):
        raise DataError("normalize must be (mean, std), each a number or one a channel.") from None
    if not np.isfinite(found).all() or not (found[1] > 0).all():
        raise DataError("normalize must be (mean, std), with a standard deviation above 0.")
    return found[0], found[1]


def _range(planes: NDArray[Any]) -> tuple[Floats, Floats, tuple[str, ...]]:
    """Return the normalization of images that none was given for."""
    channels = planes.shape[-1]
    low, high = float(planes.min()), float(planes.max())
    notes: tuple[str, ...] = ()
    if low >= -_NEAR_THE_RANGE and high <= 1 + _NEAR_THE_RANGE:
        mean, std = 0.0, 1.0
    elif low >= 0 and high <= 255 and (planes == np.rint(planes)).all():
        mean, std = 0.0, 1 / 255
    else:
        spread = max(high - low, 1e-30)
        mean, std = -low / spread, 1 / spread
        notes = (
            f"The pixels range from {low:.4g} to {high:.4g}: pass normalize=(mean, std) to init, "
            "so that they are shown as they were before.",
        )
    return np.full(channels, mean, "f4"), np.full(channels, std, "f4"), notes


def _on_levels(pixels: Floats) -> Floats:
    """Return pixels as exact multiples of 1/255 where only rounding keeps them from it."""
    levels = pixels * np.float32(255)
    whole = np.rint(levels)
    if np.abs(levels - whole).max() > _NEAR_A_LEVEL:
        return pixels
    exact: Floats = np.divide(whole, 255, dtype=np.float32)
    return exact
