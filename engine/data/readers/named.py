"""Arrays by their names: which are images, which are their labels, and what they are there for.

The names are those that people give to arrays in a file, to files in a folder and to columns of a
table: `x_train` and `y_train`, `train/images` and `train/labels`, `data` and `target`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.data.stored import Part, Progress, Role, printable, silent
from mnistop.engine.errors import DataError

_ROLES: dict[Role, str] = {
    "train": "train(?:ing)?|trn|tr",
    "validation": "val(?:id(?:ation)?)?|vld|dev|cv",
    "test": "test(?:ing)?|tst|te|t10k|t",  # LIBSVM's site has mnist and mnist.t
}
PART = "|".join(_ROLES.values())
"""A pattern of the words and abbreviations for a part of a data set."""
_THINGS = "data|set|imgs?|images?|pics?|pictures?|digits?|folder"
_IMAGES = "images?", "ima?gs?", "x", "pixel_values", "pixels?", "data", "fea(?:tures?)?", "inputs?"
_LABELS = "labels?", "y", "targets?", "gnd", "class(?:es)?", "outputs?"
"""Patterns of names; of two in a file, the earlier one is meant."""

_NAME = re.compile(
    rf"(?:.*[\W_])?(?P<before>{PART})?[\W_]*"
    rf"(?:(?P<images>{'|'.join(_IMAGES)})|(?P<labels>{'|'.join(_LABELS)}))"
    rf"[\W_]*(?P<after>{PART})?"
)
_LISTED = 8
"""The most names in a sentence."""


Arrays = Mapping[str, Callable[[], NDArray[Any]]]
"""What reads each array of a file, by the array's name."""


@dataclass(frozen=True)
class Pair:
    """The names of images and of their labels."""

    images: str
    labels: str
    role: Role


def role_of(name: str) -> Role | None:
    """Return what the file of a name is for, as `test-00000-of-00001.parquet`; None if unsaid."""
    for word in re.findall(r"[^\W_]+", name.lower()):
        for role, pattern in _ROLES.items():
            if re.fullmatch(rf"(?:{pattern})(?:{_THINGS})?", word):
                return role
    return None


def pairs_in(names: Iterable[str]) -> list[Pair]:
    """Return the images and labels among names, a pair for each use; none if there is no pair.

    Images and labels without a use are those to train on, unless others are named so.
    """
    images: dict[Role | None, tuple[int, str]] = {}
    labels: dict[Role | None, tuple[int, str]] = {}
    for name in names:
        match = _NAME.fullmatch(name.lower())
        if not match:
            continue
        role = role_of(match["before"] or match["after"] or name)
        found, patterns = (images, _IMAGES) if match["images"] else (labels, _LABELS)
        word = match["images"] or match["labels"]
        rank = next(i for i, pattern in enumerate(patterns) if re.fullmatch(pattern, word))
        if role not in found or rank < found[role][0]:
            found[role] = rank, name
    pairs = {role: (images[role][1], labels[role][1]) for role in images if role in labels}
    if "train" not in pairs and None in pairs:
        pairs["train"] = pairs[None]
    return [Pair(*pairs[role], role) for role in _ROLES if role in pairs]


def parts_of(
    arrays: Arrays, file: str, progress: Progress = silent
) -> tuple[list[Part], list[str]]:
    """Read the images and labels among the arrays of a file.

    Args:
        arrays: all arrays in it.
        file: its name in messages.
        progress: called with a line to show.

    Returns:
        The parts, and sentences on what reading has made of them.

    Raises:
        DataError: no names are known to be those of images and labels.
    """
    pairs = pairs_in(arrays)
    if not pairs:
        raise DataError(
            f"{file} has no arrays that are known to be images and labels, only "
            f"{listed(list(arrays))}: call them images and labels."
        )
    parts, notes = [], []
    for pair in pairs:
        progress(f"reading {pair.images} in {file}")
        images, labels, note = align(arrays[pair.images](), arrays[pair.labels](), pair.images)
        notes += [note] if note else []
        places = f"{pair.images} in {file}", f"{pair.labels} in {file}"
        parts.append(Part(images, labels, *places, pair.role))
    return parts, notes


def align(
    images: NDArray[Any], labels: NDArray[Any], name: str
) -> tuple[NDArray[Any], NDArray[Any], str]:
    """Bring the axis along which images are counted to the front, by the number of labels.

    MATLAB's files often have it last: 784 × n, or 32 × 32 × 3 × n.

    Returns:
        Images, labels, and a sentence if anything was moved.
    """
    if labels.ndim == 2 and 1 in labels.shape:
        labels = labels.ravel()
    if images.ndim < 2 or not labels.ndim or images.shape[0] == labels.shape[0]:
        return images, labels, ""
    if images.shape[0] == labels.shape[-1]:
        return images, labels.T, ""
    if images.shape[-1] not in (labels.shape[0], labels.shape[-1]):
        return images, labels, ""
    note = (
        f"{name} is {' × '.join(map(str, images.shape))} and its labels are "
        f"{images.shape[-1]:,}: the last axis counts the images."
    )
    labels = labels if labels.shape[0] == images.shape[-1] else labels.T
    return np.moveaxis(images, -1, 0), labels, note


def listed(names: list[str]) -> str:
    """Return names as a list in a sentence, shortened to a few."""
    few = ", ".join(printable(name) for name in names[:_LISTED])
    return few if len(names) <= _LISTED else f"{few} and {len(names) - _LISTED:,} more"
