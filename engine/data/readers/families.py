"""The family of MNIST: what is known of its data sets by the names of their files and folders.

EMNIST's images are stored transposed, the labels of its letters count from 1, and a text file
beside them maps labels to characters. Cohen, Afshar, Tapson, van Schaik: EMNIST: an extension of
MNIST to handwritten letters, 2017, https://arxiv.org/abs/1702.05373

SVHN counts its digits from 1 to 10, where 10 is a zero. Netzer, Wang, Coates, Bissacco, Wu, Ng:
Reading digits in natural images with unsupervised feature learning, 2011,
http://ufldl.stanford.edu/housenumbers

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

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.data.stored import Part, Stored
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
_KNOWN = [
    (r"fashion[-_ ]?mnist|f-?mnist", "fashion", _FASHION),
    (r"kmnist|kuzushiji[-_ ]?mnist", "kuzushiji", _KUZUSHIJI),
]
"""Names of data sets, short names, and classes. The short one may be a word of a file's name, but
not of a folder's, as in `fashion-course/mnist.npz`."""
_FOR_ANY = re.compile(r"raw|processed|data|csv|train(ing)?|test(ing)?", re.IGNORECASE)
"""Names of folders in that of a data set, as in `FashionMNIST/raw`."""


def emnist_set(images: Path) -> str | None:
    """Return the EMNIST data set of a file, as in `letters`; None for other files."""
    match = _EMNIST_NAME.match(images.name)
    return match["set"].lower() if match else None


def emnist_upright(parts: Sequence[Part], letters: bool) -> tuple[list[Part], list[str]]:
    """Return the parts of an EMNIST data set as others have them, and sentences on the changes."""
    notes = ["EMNIST stores its images lying on their side: they are turned upright."]
    from_one = letters and all(
        part.labels.size and part.labels.dtype.kind in "iuf" and not np.any(part.labels < 1)
        for part in parts
    )
    if from_one:
        notes.append("Labels are 1 to 26, from A to Z: they are counted from 0 here.")
    upright = []
    for part in parts:
        images = part.images
        side = math.isqrt(images.shape[1]) if images.ndim == 2 else 0
        if side and side * side == images.shape[1]:
            images = images.reshape(-1, side, side)
        if images.ndim == 3:
            images = images.swapaxes(1, 2)
        labels = part.labels - 1 if from_one else part.labels
        upright.append(replace(part, images=images, labels=labels))
    return upright, notes


def class_names(images: Path, labels: NDArray[Any]) -> tuple[str, ...] | None:
    """Return the class names of a data set by the names of its files; None if they tell none.

    Args:
        images: the file of images.
        labels: numbers from 0 that have these names, or the names, `(n,)`.

    Raises:
        DataError: the mapping file of EMNIST is damaged.
    """
    names = _mapped(images) if emnist_set(images) else None
    if names is None:
        names = _known(images)
    if names is None or not labels.size:
        return names
    if labels.dtype.kind not in "iuf":
        return names if set(labels.tolist()) <= set(names) else None
    greatest = int(max(labels[labels >= 0], default=0))  # others are missing
    return tuple(names[: greatest + 1]) if greatest < len(names) else None


def _known(images: Path) -> tuple[str, ...] | None:
    if name := emnist_set(images):
        return tuple(_EMNIST_CLASSES.get(name, string.digits))
    folder = images.absolute().parent
    while _FOR_ANY.fullmatch(folder.name):
        folder = folder.parent
    for name, short, classes in _KNOWN:
        of_file = rf"(?<![a-z])({name}|{short})(?![a-z])"
        of_folder = rf"(?<![a-z])({name})(?![a-z])|^{short}$"
        if re.search(of_file, images.name.lower()) or re.search(of_folder, folder.name.lower()):
            return classes
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


def settle(files: Sequence[Stored]) -> list[Stored]:
    """Change what is known to be odd in a data set of the family, and name its classes.

    All its files show together that SVHN's labels are 1 to 10: 10 is the digit 0.
    """
    first = Path(files[0].provenance)
    parts = [part for file in files for part in file.parts]
    notes: list[str] = []
    if emnist := emnist_set(first):
        parts, notes = emnist_upright(parts, emnist == "letters")
    elif _is_svhn(parts):
        parts = [replace(part, labels=part.labels % 10) for part in parts]
        notes = ["Labels are 1 to 10, as in SVHN: 10 is the digit 0."]
    names = files[0].class_names
    if names is None and all(part.labels.ndim == 1 for part in parts):
        names = class_names(first, np.concatenate([part.labels for part in parts]))
    settled, rest = [], iter(parts)
    for file in files:
        of_file = [next(rest) for _ in file.parts]
        changed = replace(file, parts=of_file, notes=(*file.notes, *notes), class_names=names)
        settled.append(changed)
    return settled


def _is_svhn(parts: Sequence[Part]) -> bool:
    if any(p.images.shape[1:] != (32, 32, 3) or p.labels.dtype.kind not in "iuf" for p in parts):
        return False
    labels = np.concatenate([part.labels.ravel() for part in parts])
    return (labels.min(), labels.max()) == (1, 10)
