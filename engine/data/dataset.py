"""Data sets: images with labels, splits, and descriptions."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.data.notes import ClassCounts
from mnistop.engine.data.pixels import Pixels, contrast, scale
from mnistop.engine.errors import DataError
from mnistop.engine.fingerprint import Fingerprint


@dataclass(frozen=True, eq=False)
class Unseen:
    """Test images, which are used neither for training nor for choosing a model.

    They are kept as they are stored, in a quarter of the memory of scaled ones.
    """

    parts: Sequence[NDArray[Any]] = ()
    """The images as they are stored, `(n, height, width)` or `(n, height, width, 3)` in each."""
    labels: Sequence[NDArray[np.int64]] = ()
    """The class of each image, `(n,)` for each part."""
    pixels: Pixels = field(default_factory=Pixels)
    """The stored values of black and white."""
    first: int = 0
    """The number of the first one: 0 in a source's test part, else the images before it."""

    def __len__(self) -> int:
        return sum(map(len, self.labels))

    def image(self, number: int) -> tuple[NDArray[np.float32], int]:
        """Return an image, scaled to 0…1, and its label, by its number from 0 on."""
        for images, labels in zip(self.parts, self.labels, strict=True):
            if number < len(labels):
                image = images[number].astype(np.float32)
                scale(image, self.pixels)
                return image, int(labels[number])
            number -= len(labels)
        raise IndexError(number)

    def batches(self, size: int) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
        """Yield the images, scaled to 0…1, and their labels, `size` at most at a time."""
        for images, labels in zip(self.parts, self.labels, strict=True):
            for start in range(0, len(labels), size):
                batch = images[start : start + size].astype(np.float32)
                scale(batch, self.pixels)
                yield batch, labels[start : start + size]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images in gray or in colour, and their labels."""

    images: NDArray[np.float32]
    """The images, from 0 (black) to 1 (white): `(n, height, width)`, or with red, green and blue
    `(n, height, width, 3)`."""
    labels: NDArray[np.int64]
    """The class of each image, `(n,)`, from 0 to `classes - 1`."""
    class_names: tuple[str, ...]
    """A name for each class; `0`, `1`, … if the source has none."""
    source: str
    """The source as it was given to `load`."""
    pixels: Pixels = field(default_factory=Pixels)
    """The stored pixel values of the whole source, and those of black and white."""
    provenance: str = ""
    """The origin of the images, in one line."""
    source_counts: tuple[int, ...] = ()
    """Images of each class in the whole source; empty if not counted."""
    unseen: Unseen = field(default_factory=Unseen)
    """The source's test images, else its other images: neither trained on nor validated with."""
    given_validation: int = 0
    """The last images, which the source itself gives to validate with."""
    notes: tuple[str, ...] = ()
    """Sentences on what reading has made of images and labels."""
    fingerprint: Fingerprint = field(kw_only=True)
    """Of these images and labels, taken before scaling."""

    def __len__(self) -> int:
        return len(self.images)

    def name_of(self, image: int) -> str:
        """Return the name of an image: its number, or as in `test 7` that of an unseen one.

        Args:
            image: its place among the images, the unseen ones last.
        """
        beyond = image - len(self)
        return str(image) if beyond < 0 else f"test {self.unseen.first + beyond}"

    def take(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return some images, scaled to 0…1, and their labels.

        Args:
            numbers: their places among the images, the unseen ones last, `(m,)`.
        """
        images = np.empty((len(numbers), *self.image_shape), np.float32)
        labels = np.empty(len(numbers), np.int64)
        seen = numbers < len(self)
        images[seen], labels[seen] = self.images[numbers[seen]], self.labels[numbers[seen]]
        for place in np.flatnonzero(~seen):
            images[place], labels[place] = self.unseen.image(int(numbers[place]) - len(self))
        return images, labels

    @property
    def samples(self) -> int:
        """The number of images without the source's own validation images."""
        return len(self) - self.given_validation

    @property
    def classes(self) -> int:
        """The number of classes of the whole source, even if the images here lack one."""
        return len(self.class_names)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Height and width of each image in pixels, and 3 if it is in colour."""
        return self.images.shape[1:]


def split(
    dataset: Dataset, val_fraction: float, seed: int, stratify: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split the images into training and validation images.

    The rows are exactly those of scikit-learn's
    `train_test_split(images, labels, test_size=val_fraction, random_state=seed)`, with
    `stratify=labels` if stratified. Validation images that the source itself gives are kept: these
    arguments then only decide the order of the training images.

    Args:
        dataset: the images to split.
        val_fraction: the share of the validation images, above 0 and below 1; their number is
            rounded up.
        seed: determines the validation images, 0 to 2³² - 1.
        stratify: whether to take the same share of each class.

    Returns:
        The indices of the training images and of the validation images, each shuffled.

    Raises:
        DataError: there are too few images for this share.
    """
    count = len(dataset)
    if held_out := dataset.given_validation:
        order = np.random.RandomState(seed).permutation(count - held_out)
        return order, np.arange(count - held_out, count)
    if count < 2:
        raise DataError(
            f"A split needs at least 2 images, one to train on and one to validate with, "
            f"and {dataset.source} gave {count}: ask for more samples."
        )
    if not 0 < val_fraction < 1:
        raise DataError(
            f"The validation share must be above 0 and below 1, not {val_fraction:g}: "
            f"otherwise there is nothing to validate with, or nothing to train on."
        )
    held_out = math.ceil(val_fraction * count)
    if held_out >= count:
        raise DataError(
            f"A validation share of {val_fraction:g} leaves none of the {count:,} images to "
            f"train on: lower it, or ask for more samples."
        )
    if stratify:
        return _stratified(dataset, val_fraction, seed)
    order = np.random.RandomState(seed).permutation(count)
    return order[held_out:], order[:held_out]


def _stratified(
    dataset: Dataset, val_fraction: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    from sklearn.model_selection import train_test_split

    counts = np.bincount(dataset.labels, minlength=dataset.classes)
    if 1 in counts:
        name = dataset.class_names[int(np.flatnonzero(counts == 1)[0])]
        raise DataError(
            f"Class {name} has 1 image only, which cannot be on both sides of a stratified split: "
            "set stratify to off, or ask for more samples."
        )
    try:
        train, val = train_test_split(
            np.arange(len(dataset)),
            test_size=val_fraction,
            random_state=seed,
            stratify=dataset.labels,
        )
    except ValueError:
        raise DataError(
            f"A validation share of {val_fraction:g} of {len(dataset):,} images has no place for "
            f"an image of each of {np.count_nonzero(counts)} classes on both sides: set stratify "
            "to off, raise the share, or ask for more samples."
        ) from None
    return train, val


def class_counts(dataset: Dataset, train: NDArray[np.int64], val: NDArray[np.int64]) -> ClassCounts:
    """Count the images of each class on each side of a split.

    Args:
        dataset: the images that were split.
        train: the indices of the training images.
        val: the indices of the validation images.
    """
    training, validation, both = (
        tuple(np.bincount(labels, minlength=dataset.classes).tolist())
        for labels in (dataset.labels[train], dataset.labels[val], dataset.labels)
    )
    return ClassCounts(dataset.class_names, training, validation, dataset.source_counts or both)


@dataclass(frozen=True)
class Description:
    """Facts about a data set, to know before training on it."""

    source: str
    """The source as it was given."""
    provenance: str
    """The origin of the images, in one line."""
    count: int
    """The number of images."""
    image_shape: tuple[int, ...]
    """Height and width in pixels, and 3 if they are in colour."""
    pixels: Pixels
    """The stored pixel values of the whole source, and those of black and white."""
    contrast: float
    """The share of black to white that a typical image spans, in [0, 1]."""
    mean: float
    """The mean of all pixels, scaled to 0…1."""
    std: float
    """The standard deviation of all pixels, scaled to 0…1."""
    class_names: tuple[str, ...]
    """A name for each class."""
    unseen: int = 0
    """The number of test images, besides `count`."""
    given_test: bool = False
    """Whether the source itself gives them."""
    given_validation: int = 0
    """The number of validation images that the source itself gives, among `count`."""
    notes: tuple[str, ...] = ()
    """Sentences on what reading has made of images and labels."""


def describe(dataset: Dataset) -> Description:
    """Describe a data set."""
    images = dataset.images
    mean = float(images.mean(dtype=np.float64))
    mean_square = (
        float(np.einsum("i,i->", images.ravel(), images.ravel(), dtype=np.float64)) / images.size
    )
    return Description(
        source=dataset.source,
        provenance=dataset.provenance,
        count=len(dataset),
        image_shape=dataset.image_shape,
        pixels=dataset.pixels,
        contrast=contrast(images),
        mean=mean,
        std=math.sqrt(max(mean_square - mean**2, 0.0)),
        class_names=dataset.class_names,
        unseen=len(dataset.unseen),
        given_test=len(dataset.unseen) > 0 and dataset.unseen.first == 0,
        given_validation=dataset.given_validation,
        notes=dataset.notes,
    )
