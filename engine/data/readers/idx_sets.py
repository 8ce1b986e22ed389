"""Data sets of IDX files in folders, as MNIST, Fashion-MNIST, KMNIST, EMNIST and QMNIST come.

torchvision keeps them below its root, as in `MNIST/raw` and `FashionMNIST/raw`, and all data sets
of EMNIST in one folder: `EMNIST/raw/emnist-letters` names one of them by what its files begin with.
"""

import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mnistop.engine.errors import DataError

_IMAGES_NAME = re.compile(
    r"(?P<set>[\w. -]*?)(?P<part>train|t10k|test)-images[-.]idx3-ubyte( ?\(\d+\))?(\.gz)?",
    re.IGNORECASE,
)
_DOWNLOADED_AGAIN = re.compile(r" ?\(\d+\)")
_PARTS = ("train", "t10k", "test")
_DEEPEST = 2
"""Folders below the one named: a data set and its `raw`."""
_MOST_FOLDERS = 1000
_LISTED = 6


@dataclass(frozen=True)
class IdxSet:
    """The images files of a data set."""

    path: Path
    """What names it: its folder, and with others in it the beginning of its files' names."""
    images: tuple[Path, ...]
    """The file of the training images first."""


def find_set(path: Path) -> IdxSet | None:
    """Return the data set in a folder or below it, or of files that begin with a path.

    Raises:
        DataError: there are several in the folder.
        OSError: the folder cannot be read.
    """
    if not path.is_dir():
        sets = _sets_in(path.parent) if path.parent.is_dir() and not path.exists() else []
        return next((found for found in sets if found.path == path), None)
    sets = _sets_in(path) or [found for folder in _below(path) for found in _sets_in(folder)]
    if len(sets) > 1:
        names = [str(found.path) for found in sets[:_LISTED]]
        if len(sets) > _LISTED:
            names.append(f"one of {len(sets) - _LISTED} others")
        raise DataError(
            f"{path} has {len(sets)} data sets: name one of them, as "
            f"{', '.join(names[:-1])} or {names[-1]}."
        )
    return sets[0] if sets else None


def is_test(images: Path) -> bool:
    """Return whether an images file is named as one of test images."""
    match = _IMAGES_NAME.fullmatch(images.name)
    return match is not None and match["part"].lower() != "train"


def labels_beside(images: Path) -> Path:
    """Return the labels file that belongs to an images file by its name.

    Raises:
        DataError: there is none.
    """
    name = re.sub("images|imgs", "labels", images.name, flags=re.IGNORECASE)
    names = [name.replace("idx3", "idx1"), name.replace("idx3-ubyte", "idx2-int")]
    names += [_DOWNLOADED_AGAIN.sub("", each) for each in names]
    for each in names:
        other = each.removesuffix(".gz") if each.endswith(".gz") else f"{each}.gz"
        for candidate in (each, other):
            if candidate != images.name and images.with_name(candidate).is_file():
                return images.with_name(candidate)
    if name == images.name:
        raise DataError(f"{images} comes without labels: name both files, as IMAGES,LABELS.")
    raise DataError(
        f"{images} comes without labels: put {names[0]} beside it, or name both files, "
        f"as IMAGES,LABELS."
    )


def _sets_in(folder: Path) -> list[IdxSet]:
    """Return the data sets of the files right in a folder."""
    sets: dict[str, dict[str, Path]] = {}
    names = [name for name in os.listdir(folder) if "-ubyte" in name.lower()]
    # A plain file replaces its .gz, and any file one that a browser has numbered.
    for name in sorted(names, key=lambda name: ("(" in name, name), reverse=True):
        match = _IMAGES_NAME.fullmatch(name)
        if match and folder.joinpath(name).is_file():
            sets.setdefault(match["set"].lower(), {})[match["part"].lower()] = folder / name
    found = []
    for start, parts in sorted(sets.items()):
        images = tuple(parts[part] for part in _PARTS if part in parts)
        written = images[0].name[: len(start)].rstrip("-_. ")
        alone = len(sets) == 1
        found.append(IdxSet(folder if alone else folder / (written or images[0].name), images))
    return found


def _below(folder: Path) -> Iterator[Path]:
    """Yield the folders below one that may hold a data set."""
    walk = os.walk(folder)
    for place, folders, _ in itertools.islice(walk, _MOST_FOLDERS):
        folders.sort()
        depth = len(Path(place).relative_to(folder).parts)
        if depth == _DEEPEST:
            folders.clear()
        if depth:
            yield Path(place)
