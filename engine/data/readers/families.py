"""The family of MNIST: what is known of its data sets by the names of their files and folders.

EMNIST's images are stored transposed, the labels of its letters count from 1, and a text file
beside them maps labels to characters. Cohen, Afshar, Tapson, van Schaik: EMNIST: an extension of
MNIST to handwritten letters, 2017, https://arxiv.org/abs/1702.05373

The labels of QMNIST have eight columns, of which the first is the digit. Yadav, Bottou: Cold case:
the lost MNIST digits, 2019, https://arxiv.org/abs/1905.10498
"""

import math
import re
import string
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from mnistop.engine.data.stored import Part
from mnistop.engine.errors import DataError

_FASHION = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag"),
    "Ankle boot",
)
_KUZUSHIJI = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
_DIGITS_AND_CAPITALS = string.digits + string.ascii_uppercase
_EMNIST_CLASSES = {
    "letters": string.ascii_uppercase,
    "byclass": _DIGITS_AND_CAPITALS + string.ascii_lowercase,
    "bymerge": _DIGITS_AND_CAPITALS + "abdefghnqrt",
    "balanced": _DIGITS_AND_CAPITALS + "abdefghnqrt",
}
"""Characters in the order of the labels; of the other sets they are the digits."""
_EMNIST_NAME = re.compile(r"emnist-(?P<set>[a-z]+)[-.]", re.IGNORECASE)
_FOLDERS_LOOKED_AT = 3
"""Folders of a path whose names may be that of the data set, as in `FashionMNIST/raw`."""


def emnist_set(images: Path) -> str | None:
    """Return the EMNIST data set of a file, as in `letters`; None for other files."""
    match = _EMNIST_NAME.match(images.name)
    return match["set"].lower() if match else None


def emnist_upright(parts: Sequence[Part], letters: bool) -> tuple[list[Part], list[str]]:
    """Return the parts of an EMNIST data set as others have them, and sentences on the changes."""
    notes = ["EMNIST stores its images lying on their side: they are turned upright."]
    upright = []
    for part in parts:
        images, labels = part.images, part.labels
        side = math.isqrt(images.shape[1]) if images.ndim == 2 else 0
        if side and side * side == images.shape[1]:
            images = images.reshape(-1, side, side)
        if images.ndim == 3:
            images = images.swapaxes(1, 2)
        if letters and labels.size and labels.dtype.kind in "iuf" and labels.min() == 1:
            labels = labels - 1
            notes[1:] = ["Labels are 1 to 26, from A to Z: they are counted from 0 here."]
        upright.append(replace(part, images=images, labels=labels))
    return upright, notes


def class_names(images: Path, labels: NDArray[Any]) -> tuple[str, ...] | None:
    """Return the class names of a data set by the names of its files; None if they tell none.

    Args:
        images: the file of images.
        labels: numbers from 0 that have these names, `(n,)`.

    Raises:
        DataError: the mapping file of EMNIST is damaged.
    """
    names = _mapped(images) if emnist_set(images) else None
    if names is None:
        names = _known(images)
    if names is None or labels.dtype.kind not in "iuf" or not labels.size:
        return names
    greatest = int(labels.max())
    return tuple(names[: greatest + 1]) if greatest < len(names) else None


def _known(images: Path) -> tuple[str, ...] | None:
    if name := emnist_set(images):
        return tuple(_EMNIST_CLASSES.get(name, string.digits))
    folders = [folder.name.lower() for folder in list(images.absolute().parents)]
    words = " ".join([images.name.lower(), *folders[:_FOLDERS_LOOKED_AT]])
    if re.search(r"fashion", words):
        return _FASHION
    if re.search(r"\bkmnist|kuzushiji-?mnist", words):
        return _KUZUSHIJI
    return None


def _mapped(images: Path) -> tuple[str, ...] | None:
    """Return the characters of EMNIST's mapping file beside an images file."""
    mapping = images.with_name(f"emnist-{emnist_set(images)}-mapping.txt")
    if not mapping.is_file():
        return None
    try:
        lines = [line.split() for line in mapping.read_text("ascii").splitlines() if line.strip()]
        characters = {int(label): chr(int(code)) for label, code, *_ in lines}
    except (ValueError, OverflowError) as error:
        raise DataError(
            f"{mapping} is damaged: each line should be a label and a character code; get it again."
        ) from error
    return tuple(characters[label] for label in sorted(characters))


def digits_of_qmnist(labels: NDArray[Any]) -> NDArray[Any]:
    """Return the digit of each image from QMNIST's table of labels `(n, 8)`."""
    return labels[:, 0] if labels.ndim == 2 else labels
