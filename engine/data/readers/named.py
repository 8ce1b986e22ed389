"""Arrays by their names: which are images, which are their labels, and what they are there for.

The names are those that people give to arrays in a file, to files in a folder and to columns of a
table: `x_train` and `y_train`, `train/images` and `train/labels`, `data` and `target`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.data.stored import Part, Progress, Role, silent
from mnistop.engine.errors import DataError
from mnistop.engine.files import one_line

_ROLES: dict[Role, str] = {
    "train": "train(?:ing)?|trn|tr",
    "validation": "val(?:id(?:ation)?)?|vld|dev|cv",
    "test": "test(?:ing)?|tst|te|t10k|t",  # LIBSVM's site has mnist and mnist.t
}
PART = "|".join(_ROLES.values())
"""A pattern of the words and abbreviations for a part of a data set."""
_THINGS = "data|set|labels?|imgs?|images?|pics?|pictures?|digits?|folder"
_IMAGES = ["images?", "ima?gs?", "x", "pixel_values", "pixels?", "data", "fea(?:tures?)?"]
_IMAGES += ["inputs?", "arr_0"]
_LABELS = ["labels?", "y", "targets?", "gnd", "class(?:es)?", "outputs?", "arr_1"]
"""Patterns of names; of two in a file, the earlier one is meant. `numpy.savez` calls arrays without
names `arr_0`, `arr_1`, ….
"""

_NAME = re.compile(
    rf"(?:.*[\W_])?(?P<before>{PART})?[\W_]*"
    rf"(?:(?P<images>{'|'.join(_IMAGES)})|(?P<labels>{'|'.join(_LABELS)}))"
    rf"[\W_]*(?P<after>{PART})?"
)
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SIZE = re.compile(r"[\W_]*(?<!\d)\d+x\d+$")
_OF = re.compile(r"(.*?)[\W_]*\d{4,5}-of-(\d{4,5})\W.*", re.DOTALL)
SHARD = re.compile(r"(?<![a-z\d])\d{4,5}(-of-\d{5}(-[\da-f]{16})?)?(?![a-z\d])")
"""The number of a file, as in `0001`, `00000-of-00002`, or with a hash as of Hugging Face's hub."""
PACKED = ("gz", "bz2")
_CHOICES = 3
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


def set_of(name: str) -> str:
    """Return the words of a file's path without those for its part and its number."""
    words = re.findall(r"[^\W_]+", SHARD.sub(" ", name.lower()))
    return " ".join(word for word in words if word not in PACKED and not role_of(word))


def incomplete(files: Iterable[Path]) -> list[str]:
    """Return a sentence on each set of numbered files of which some are missing.

    Args:
        files: those that are read, as `train-00000-of-00002.parquet`.
    """
    read = Counter(
        (file.parent, numbered[1], int(numbered[2]))
        for file in files
        if (numbered := _OF.fullmatch(file.name))
    )
    return [
        f"Of the {total:,} files of {one_line(start)}, only {there:,} "
        f"{'is' if there == 1 else 'are'} read: name a folder that has them all."
        for (_, start, total), there in read.items()
        if there < total
    ]


@dataclass(frozen=True)
class _Known:
    """A name that is known to be that of images or of labels."""

    name: str
    kind: str
    """`images` or `labels`."""
    rank: int
    """That of the word for them; the lowest is meant."""
    role: Role | None
    rest: str
    """The other words in the name, which images and their labels have in common."""


def _known(name: str) -> _Known | None:
    whole, match = name, _NAME.fullmatch(name.lower())
    if not match:  # as `csvTrainImages 13440x1024`, written as several words
        name = _SIZE.sub("", _HUMP.sub("_", name))
        match = _NAME.fullmatch(name.lower())
    if not match:
        return None
    kind, patterns = ("images", _IMAGES) if match["images"] else ("labels", _LABELS)
    rank = next(i for i, each in enumerate(patterns) if re.fullmatch(each, match[kind]))
    role = role_of(match["before"] or match["after"] or name)
    rest = f"{name[: match.start(kind)]} {name[match.end(kind) :]}".lower()
    return _Known(whole, kind, rank, role, " ".join(re.findall(r"[^\W_]+", rest)))


def pairs_in(names: Iterable[str]) -> list[Pair]:
    """Return the images and labels among names, a pair for each use; none if there is no pair.

    Images and labels without a use are those to train on, unless others are named so. Of several
    pairs for a use, the one without other words is meant, as `x` and `y` beside `noisy_x` and
    `noisy_y`.

    Raises:
        DataError: there are several pairs for a use, and none is meant.
    """
    known = sorted(filter(None, map(_known, names)), key=lambda each: each.rank)
    pairs: dict[Role, Pair] = {}
    for role in (*_ROLES, None):
        used_as: Role = role or "train"
        images, labels = (
            [each for each in known if each.role == role and each.kind == kind]
            for kind in ("images", "labels")
        )
        if used_as in pairs or not images or not labels:
            continue
        labels_of = {each.rest: each for each in reversed(labels)}
        together = {i.rest: (i, labels_of[i.rest]) for i in reversed(images) if i.rest in labels_of}
        meant = [pair for rest, pair in together.items() if all(map(role_of, rest.split()))]
        if len(together) > 1 and not meant:
            few = [f"{i.name} and {k.name}" for i, k in list(together.values())[:_CHOICES]]
            few += ["others"] if len(together) > _CHOICES else []
            raise DataError(
                f"Either {' or '.join(few)} may be meant: name a file or folder that has only the "
                "images and labels to use."
            )
        first, *_ = [*meant, *together.values(), (images[0], labels[0])]
        pairs[used_as] = Pair(first[0].name, first[1].name, used_as)
    return [pairs[role] for role in _ROLES if role in pairs]


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
    used = {name for pair in pairs for name in (pair.images, pair.labels)}
    if left_out := [name for name in arrays if name not in used]:
        notes.append(f"Not used in {file}: {listed(left_out)}.")
    return parts, notes


def lone_array(arrays: Arrays, file: str) -> NDArray[Any]:
    """Return the only array of a file.

    Raises:
        DataError: there are others.
    """
    if len(arrays) != 1:
        raise DataError(
            f"{file} has several arrays, {listed(list(arrays))}: give this file alone when it has "
            "both images and labels, or else one with a single array."
        )
    [read] = arrays.values()
    return read()


def align(
    images: NDArray[Any], labels: NDArray[Any], name: str
) -> tuple[NDArray[Any], NDArray[Any], str]:
    """Bring the axis along which images are counted to the front, by the number of labels.

    MATLAB's files often have it last: 784 × n, or 32 × 32 × 3 × n.

    Returns:
        Images, labels, and a sentence if anything was moved.
    """
    if labels.ndim > 1 and labels.size == max(labels.shape):
        labels = labels.ravel()
    if images.ndim < 2 or not labels.ndim or images.shape[0] == labels.shape[0]:
        return images, labels, ""
    if images.shape[0] == labels.shape[-1]:
        return images, labels.T, ""
    if images.shape[-1] not in (labels.shape[0], labels.shape[-1]):
        return images, labels, ""
    shape = " × ".join(map(str, images.shape[:-1]))
    note = f"{name} is {shape} × n: its last axis counts the images."  # once for all parts
    labels = labels if labels.shape[0] == images.shape[-1] else labels.T
    return np.moveaxis(images, -1, 0), labels, note


def listed(names: list[str]) -> str:
    """Return names as a list in a sentence, shortened to a few."""
    few = ", ".join(one_line(name) for name in names[:_LISTED])
    return few if len(names) <= _LISTED else f"{few} and {len(names) - _LISTED:,} more"
