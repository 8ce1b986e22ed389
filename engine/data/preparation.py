"""A source as it is stored, made a `Dataset`: checked, ordered, divided and scaled."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine import formatting
from mnistop.engine.config import PixelRange, Resize, Split
from mnistop.engine.data.dataset import Dataset, Unseen
from mnistop.engine.data.labels import distinct, number_classes
from mnistop.engine.data.layouts import in_one_layout, shape_text
from mnistop.engine.data.pixels import Pixels, find_range, scale
from mnistop.engine.data.stored import USES, Part, Stored
from mnistop.engine.errors import DataError, SizesError, TooFewImagesError
from mnistop.engine.files import one_line
from mnistop.engine.fingerprint import take_fingerprint
from mnistop.engine.images import resize_all

_LISTED = 5
_MOST_NOTES, _LONGEST_NOTE = 5, 1000
"""`events.RunStarted` has room for five more, those of `notes.data_notes`."""


def to_dataset(
    stored: Stored,
    source: str,
    samples: int | None,
    pixel_range: PixelRange = "auto",
    split: Split = "given",
    resize: Resize = "off",
    at_most: bool = False,
) -> Dataset:
    """Check a whole source, and scale its first `samples` images to 0…1, see `sources.load`.

    Raises:
        DataError: the source is unfit for training, or has fewer images than requested.
        PixelRangeError: black and white can only be guessed.
    """
    parts, class_names, notes = _prepared(stored, source)
    pixels = find_range(
        [(part.images_in, part.images) for part in parts], stored.white, pixel_range, source
    )
    parts, resized = _resized(parts, resize)
    parts, coloured = _alike_in_color(parts)
    shape = _common_shape(parts)
    pool, validation, tests = _by_use(parts, split, stored.was_one)
    count, fewer = _count(samples, pool, source, sum(map(len, parts)), at_most)
    pool, order = _in_order(pool, count, split == "random" and stored.was_in_order)
    used, rest = _divided(pool, count)
    counted = np.bincount(_labels(parts), minlength=len(class_names))
    labels = _labels(used)
    if len(np.unique(labels)) < 2 <= count:
        raise DataError(
            f"The first {count:,} images of {source} are all of one class, "
            f"{class_names[labels[0]]}: ask for more samples."
        )

    used += validation
    labels = _labels(used)
    images = np.empty((len(labels), *shape), np.float32)
    np.concatenate([part.images for part in used], out=images, casting="unsafe")
    fingerprint = take_fingerprint(
        [part.images for part in used], labels, len(class_names), pixels.black, pixels.white
    )
    scale(images, pixels)
    return Dataset(
        images,
        labels,
        class_names,
        source,
        pixels,
        stored.provenance,
        tuple(counted.tolist()),
        _unseen(tests or rest, pixels, 0 if tests else count),
        given_validation=len(labels) - count,
        notes=_recordable([*notes, fewer, order, coloured, resized]),
        fingerprint=fingerprint,
    )


def _prepared(stored: Stored, source: str) -> tuple[list[Part], tuple[str, ...], list[str]]:
    """Return parts with images in one layout and labels as classes, their names, and notes."""
    stacks = in_one_layout([(part.images_in, part.images) for part in stored.parts])
    classes = number_classes(
        [(part.labels_in, part.labels) for part in stored.parts], stored.class_names, source
    )
    class_names, renamed = distinct(list(map(one_line, classes.names)))
    parts = list(map(_checked, stored.parts, [images for images, _ in stacks], classes.labels))
    parts, unlabelled = _labelled(parts)
    untrained = _untrained(parts, class_names, source)
    layouts = [note for _, note in stacks]
    return (
        parts,
        class_names,
        [*stored.notes, *unlabelled, untrained, classes.note, renamed, *layouts],
    )


def _recordable(notes: Sequence[str]) -> tuple[str, ...]:
    """Return notes as `RunStarted` takes them: once each, printable, and the last ones as one."""
    shown = list(dict.fromkeys(one_line(note) for note in notes if note))
    if len(shown) > _MOST_NOTES:
        shown[_MOST_NOTES - 1 :] = [" ".join(shown[_MOST_NOTES - 1 :])]
    return tuple(n if len(n) <= _LONGEST_NOTE else f"{n[: _LONGEST_NOTE - 1]}…" for n in shown)


def _resized(parts: list[Part], resize: Resize) -> tuple[list[Part], str]:
    """Return parts whose images have a size, and a note if they had another."""
    others = [part for part in parts if resize not in ("off", part.images.shape[1:3])]
    if resize == "off" or not others:
        return parts, ""
    height, width = resize
    sizes = " and ".join(dict.fromkeys(shape_text(part.images[0]) for part in others))
    note = f"Images of {sizes} pixels are resized to {height} × {width}."
    return [replace(part, images=resize_all(part.images, height, width)) for part in parts], note


def _alike_in_color(parts: list[Part]) -> tuple[list[Part], str]:
    """Return parts that are all in colour if some are, and a note if others were not."""
    gray = [part for part in parts if part.images.ndim == 3]
    if len(gray) in (0, len(parts)):
        return parts, ""
    three = [
        replace(part, images=np.broadcast_to(part.images[..., None], (*part.images.shape, 3)))
        if part.images.ndim == 3
        else part
        for part in parts
    ]
    places = ", ".join(dict.fromkeys(part.images_in for part in gray))
    return three, f"The images in {places} are gray, and taken for colour images as others are."


def _untrained(parts: Sequence[Part], class_names: Sequence[str], source: str) -> str:
    """Return a sentence on classes that a source has no training image of; empty without any."""
    trained = {label for part in parts if part.role == "train" for label in np.unique(part.labels)}
    if not trained:
        return f"{source} has no training images: models are trained on others of its images."
    labels = sorted({label for part in parts for label in np.unique(part.labels)} - trained)
    if not labels:
        return ""
    names = formatting.name_list([class_names[label] for label in labels], _LISTED)
    return (
        f"No training image has the label {names}, but validation or test images have: check that "
        "labels mean the same in all parts."
    )


def _by_use(
    parts: Sequence[Part], split: Split, was_one: bool
) -> tuple[list[Part], list[Part], list[Part]]:
    """Return the parts to take samples from, those to validate with, and those to test on."""
    train, validation, test = ([part for part in parts if part.role == role] for role in USES)
    if split == "given" and train:
        return train, validation, test
    pool = [replace(part, role="train") for part in parts] if was_one else list(parts)
    return pool, [], []


def _is_sorted(parts: Sequence[Part]) -> bool:
    """Return whether images of a class follow each other far more often than by chance."""
    labels = _labels(parts)
    alike = float(np.sum((np.bincount(labels) / len(labels)) ** 2))
    by_chance = (len(labels) - 1) * (1 - alike)
    deviation = math.sqrt(by_chance * alike)
    changes = int(np.count_nonzero(np.diff(labels)))
    return changes < min(by_chance / 2, by_chance - 2 * deviation)


def _in_order(pool: list[Part], count: int, is_fixed: bool) -> tuple[list[Part], str]:
    """Return images in the order in which the first `count` are taken, and a note on it.

    Args:
        pool: the images to take some of.
        count: their number.
        is_fixed: whether the order must be that in which they are stored.
    """
    if count == sum(map(len, pool)) or not _is_sorted(pool):
        return pool, ""
    note = "The images are sorted by class"
    if is_fixed:
        return pool, f"{note}, and a random split takes the first {count:,}: set split to given."
    return _mixed(pool), f"{note}: they are taken in a random order, always the same."


def _mixed(parts: Sequence[Part]) -> list[Part]:
    """Return images sorted by class in an order in which the first ones are of all classes.

    It is random, and always the same. Parts of the same role become one.
    """
    mixed = []
    for role in dict.fromkeys(part.role for part in parts):
        same = [part for part in parts if part.role == role]
        order = np.random.RandomState(0).permutation(sum(map(len, same)))
        images = same[0].images if len(same) == 1 else np.concatenate([p.images for p in same])
        labels = _labels(same)
        mixed.append(replace(same[0], images=images[order], labels=labels[order]))
    return mixed


def _divided(parts: Sequence[Part], count: int) -> tuple[list[Part], list[Part]]:
    """Return the first `count` images, and the others."""
    first, rest = [], []
    for part in parts:
        most = min(count, len(part))
        count -= most
        if most:
            first.append(part[:most])
        if most < len(part):
            rest.append(part[most:])
    return first, rest


def _unseen(parts: Sequence[Part], pixels: Pixels, first: int) -> Unseen:
    images, labels = [_compact(part.images) for part in parts], [part.labels for part in parts]
    return Unseen(images, labels, pixels, first)


def _compact(images: NDArray[Any]) -> NDArray[Any]:
    """Return images, as a copy if they are a view of some that take more memory than they."""
    if images.dtype.itemsize > 4:
        return images.astype(np.float32)
    whole = images.base
    if whole is not None and getattr(whole, "nbytes", 0) > 2 * images.nbytes:
        return images.copy()
    return images


def _checked(part: Part, images: NDArray[Any], labels: NDArray[np.int64]) -> Part:
    """Return the part with its images, as of `as_images`, and its classes `(n,)`."""
    if len(images) != len(labels):
        raise DataError(
            f"{part.images_in} has {len(images):,} images, but {part.labels_in} has "
            f"{len(labels):,} labels: use two that belong together."
        )
    return replace(part, images=images, labels=labels)


def _labels(parts: Sequence[Part]) -> NDArray[np.int64]:
    return np.concatenate([part.labels for part in parts])


def _labelled(parts: Sequence[Part]) -> tuple[list[Part], list[str]]:
    """Return parts without the images that have no label, and sentences on what is left out."""
    kept, notes = [], []
    for part in parts:
        has_label = part.labels >= 0
        missing = formatting.count(int(np.count_nonzero(~has_label)), "image")
        if not has_label.any():
            notes.append(f"All labels in {part.labels_in} are missing: {missing} left out.")
        elif has_label.all():
            kept.append(part)
        else:
            notes.append(f"{missing} without a label left out: {part.labels_in}.")
            images, labels = part.images[has_label], part.labels[has_label]
            kept.append(replace(part, images=images, labels=labels))
    if "train" not in [part.role for part in kept] and "train" in [part.role for part in parts]:
        raise DataError(
            "All labels of the images to train on are missing: store the class of each of them."
        )
    return kept, notes


def _common_shape(parts: Sequence[Part]) -> tuple[int, ...]:
    first, *others = parts
    for other in others:
        if other.images.shape[1:] != first.images.shape[1:]:
            raise SizesError(
                f"The images in {first.images_in} are {shape_text(first.images[0])} pixels, but "
                f"those in {other.images_in} are {shape_text(other.images[0])}: use two that "
                f"belong together, or set resize."
            )
    return first.images.shape[1:]


def _count(
    samples: int | None, pool: Sequence[Part], source: str, whole: int, at_most: bool
) -> tuple[int, str]:
    """Return how many images of the pool to take, and a note if there are fewer than asked for."""
    there = sum(map(len, pool))
    every = sum(len(part) for part in pool if part.role != "test") or there
    if samples is None:
        return every, ""
    if samples < 1:
        raise DataError(f"The number of samples must be 1 or more, not {samples}.")
    if samples <= there:
        return samples, ""
    if at_most:
        which = "images" if every == whole else "training images"
        return every, f"There are {every:,} {which}, fewer than {samples:,}: all are used."
    which = "images" if there == whole else "training images"
    more = " (the openml source has 60,000)" if source == "bundled" else ""
    if samples <= whole:
        more = ", or set split to random, which trains on test images too"
    raise TooFewImagesError(
        f"The source {source} has {there:,} {which}, and samples is {samples:,}: set it to at "
        f"most {there:,}, or to all, as in --samples all{more}.",
        f"{samples:,} images used then, {there:,} there now",
    )
