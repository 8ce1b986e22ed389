"""The labelled images that a loop's model is evaluated on, in whatever form a loop has them."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray

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
    """The images as they are shown, `(n, height, width)` in [0, 1]."""
    class_names: tuple[str, ...]
    normalize: tuple[float, float] | None
    """Mean and standard deviation: the pixels shown are `inputs·std + mean`. None for images in
    color, which are shown in gray."""
    notes: tuple[str, ...] = ()
    """What is odd about the images, in sentences."""
    names_given: bool = False
    """Whether the loop named its classes, or said how many there are."""

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def image_shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        _, height, width = self.pixels.shape
        return height, width

    def counts(self) -> list[int]:
        """Return the number of images of each class."""
        counts: list[int] = np.bincount(self.labels, minlength=len(self.class_names)).tolist()
        return counts

    def input_shapes(self) -> list[tuple[int, ...]]:
        """Return the shapes of an input that a model may take, the likeliest first."""
        given, (height, width) = self.inputs.shape[1:], self.image_shape
        channels = math.prod(given) // (height * width)
        images, flat = (channels, height, width), (math.prod(given),)
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
    pixels, scale, notes = _pixels(inputs, normalize)
    return Validation(inputs, numbers, pixels, names, scale, notes, classes is not None)


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
    inputs: NDArray[Any], normalize: tuple[Any, Any] | None
) -> tuple[Floats, tuple[float, float] | None, tuple[str, ...]]:
    """Return the pixels shown, the normalization that leads to them, and notes."""
    planes = _planes(inputs)
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
    if channels == 1:
        shown = pixels[..., 0]
        scale = (float(mean[0]), float(std[0]))
    else:
        shown, scale = pixels[..., :3].mean(-1), None
        notes += ("The images are in color; they are shown in gray.",)
    return _on_levels(shown.clip(0, 1)), scale, notes


def _planes(inputs: NDArray[Any]) -> NDArray[Any]:
    """Return images with their channels last, `(n, height, width, channels)`."""
    shape = inputs.shape
    match shape[1:]:
        case (pixels,) | (1, pixels) if math.isqrt(pixels) ** 2 == pixels > 1:
            side = math.isqrt(pixels)
            return inputs.reshape(-1, side, side, 1)
        case (_, _):
            return inputs[..., None]
        case (1 | 3 | 4, height, width) if min(height, width) > 1:
            return np.moveaxis(inputs, 1, -1)
        case (_, _, 1 | 3 | 4):
            return inputs
    raise DataError(
        f"Arrays {_shape(shape)} are no images: they must be (n, height, width), "
        "(n, 1, height, width), (n, height, width, 1) or (n, pixels) of squares."
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
