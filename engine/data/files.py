"""The files of a path: a folder of IDX files, an images file, a pair of files, or an `.npz`.

EMNIST's images are stored transposed, the labels of its letters count from 1, and a text file
beside them maps labels to characters. Cohen, Afshar, Tapson, van Schaik: EMNIST: an extension of
MNIST to handwritten letters, 2017, https://arxiv.org/abs/1702.05373
"""

import itertools
import os
import re
import string
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from mnistop.engine.config import Resize
from mnistop.engine.data import kinds
from mnistop.engine.data.arrays import read_idx, read_lone_array
from mnistop.engine.data.stored import Part, Progress, Role, Stored, silent
from mnistop.engine.errors import DataError

_NAME = re.compile(r"emnist-(?P<set>[a-z]+)-", re.IGNORECASE)


def set_name(images: Path) -> str | None:
    """Return the EMNIST data set of an images file, as in `letters`; None for other files."""
    match = _NAME.match(images.name)
    return match["set"].lower() if match else None


def upright(images: NDArray[Any]) -> NDArray[Any]:
    """Return the images `(n, height, width)` with rows and columns swapped."""
    return images.swapaxes(1, 2) if images.ndim == 3 else images


def labels_from_zero(labels: NDArray[Any]) -> NDArray[Any]:
    """Return the labels of the letters, 1 to 26, as 0 to 25."""
    counts_from_one = labels.size and labels.dtype.kind in "iu" and labels.min() == 1
    return labels - 1 if counts_from_one else labels


def class_names(images: Path) -> tuple[str, ...] | None:
    """Return the characters of the mapping file beside an images file; None if there is none.

    Raises:
        DataError: the mapping file is damaged.
    """
    name = set_name(images)
    mapping = images.with_name(f"emnist-{name}-mapping.txt")
    if not mapping.is_file():
        return tuple(string.ascii_uppercase) if name == "letters" else None
    try:
        lines = [line.split() for line in mapping.read_text("ascii").splitlines() if line.strip()]
        characters = {int(label): chr(int(code)) for label, code, *_ in lines}
    except (ValueError, OverflowError) as error:
        raise DataError(
            f"{mapping} is damaged: each line should be a label and a character code; get it again."
        ) from error
    return tuple(characters[label] for label in sorted(characters))


_IMAGES_NAME = re.compile(
    r"(?P<set>[\w. -]*?)(?P<part>train|t10k|test)-images[-.]idx3-ubyte(\.gz)?", re.IGNORECASE
)
_PART_ORDER = ("train", "t10k", "test")
_EXAMINED = 100
"""The most files examined to describe a folder."""


def read_path(source: str, progress: Progress = silent, resize: Resize = "off") -> Stored:
    """Read the images and labels at a path, or at two separated by a comma.

    Args:
        source: the path or the two.
        progress: called with a line to show, as often as there is a new one.
        resize: the size to which pictures are resized that have not all the same.

    Raises:
        DataError: there is no such file, or nothing to train on in it.
        OSError: something cannot be read.
    """
    path = _path(source)
    if path.is_dir():
        return _read_pairs([(images, labels_beside(images)) for images in _images_in(path)])
    if not path.exists() and source.count(",") == 1:
        images, labels = (_existing(_path(name.strip())) for name in source.split(","))
        return _read_pairs([(images, labels)])
    read = kinds.reader_of(_existing(path))
    stored = read(path, progress, resize) if read else None
    return stored or _read_pairs([(path, _labels_of(path))])


def _labels_of(path: Path) -> Path:
    """Return `labels_beside` for a file named by the user, which may be something else."""
    try:
        return labels_beside(path)
    except DataError:
        if _read_array(path).ndim == 1:
            raise DataError(
                f"{path} holds labels or a plain list of numbers, not images: name the images, or "
                f"both files, as IMAGES,LABELS."
            ) from None
        raise


def labels_beside(images: Path) -> Path:
    """Return the labels file that belongs to an images file by its name.

    Raises:
        DataError: there is none.
    """
    name = re.sub("images|imgs", "labels", images.name, flags=re.IGNORECASE)
    name = name.replace("idx3", "idx1")
    other = name.removesuffix(".gz") if name.endswith(".gz") else f"{name}.gz"
    for candidate in (name, other):
        if candidate != images.name and images.with_name(candidate).is_file():
            return images.with_name(candidate)
    if name == images.name:
        raise DataError(f"{images} comes without labels: name both files, as IMAGES,LABELS.")
    raise DataError(
        f"{images} comes without labels: put {name} beside it, or name both files, "
        f"as IMAGES,LABELS."
    )


def _images_in(folder: Path) -> list[Path]:
    """Return the images files of the data set in a folder, of the training images first."""
    sets: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.iterdir(), reverse=True):  # a plain file replaces its .gz
        match = _IMAGES_NAME.fullmatch(path.name)
        if match and path.is_file():
            sets.setdefault(match["set"].lower(), {})[match["part"].lower()] = path
    if not sets:
        raise DataError(_without_idx(folder))
    if len(sets) > 1:
        examples = sorted(next(iter(parts.values())).name for parts in sets.values())
        raise DataError(
            f"{folder} has {len(sets)} data sets: name the images file of one of them, "
            f"such as {folder / examples[0]}."
        )
    (parts,) = sets.values()
    return [parts[part] for part in _PART_ORDER if part in parts]


def _without_idx(folder: Path) -> str:
    """Describe a folder without IDX files, by the first files below it."""
    start = f"{folder} has no IDX files, such as train-images-idx3-ubyte.gz"
    found = None
    below = (Path(place, name) for place, _, names in os.walk(folder) for name in sorted(names))
    for path in itertools.islice(below, _EXAMINED):
        if _IMAGES_NAME.fullmatch(path.name):
            return f"{start}, but {path.parent} has some: name that folder."
        if not found and path.is_file():
            kind = kinds.kind_of(path)
            found = (path, kind) if kind and kind != kinds.TEXT else None
    if not found:
        return f"{start}: name a folder that has some, or a file."
    path, kind = found
    return f"{start}, and {path.relative_to(folder)} in it is {kind.name}: {kind.remedy}."


def _read_pairs(pairs: list[tuple[Path, Path]]) -> Stored:
    first_images, _ = pairs[0]
    emnist_set = set_name(first_images)
    parts = []
    for images_path, labels_path in pairs:
        images, labels = _read_array(images_path), _read_array(labels_path)
        if emnist_set:
            images = upright(images)
        if emnist_set == "letters":
            labels = labels_from_zero(labels)
        places = str(images_path), str(labels_path)
        role: Role = "test" if _is_test(images_path) else "train"
        parts.append(Part(images, labels, *places, role))
    names = _names_beside(first_images)
    if names is None and emnist_set:
        names = class_names(first_images)
    return Stored(parts, " and ".join(str(images) for images, _ in pairs), names)


def _is_test(images: Path) -> bool:
    match = _IMAGES_NAME.fullmatch(images.name)
    return match is not None and match["part"].lower() != "train"


def _read_array(path: Path) -> NDArray[Any]:
    return read_lone_array(path) if kinds.is_numpy_file(path) else read_idx(path)


def _names_beside(images: Path) -> tuple[str, ...] | None:
    """Return the lines of `classes.txt` in the folder of an images file."""
    path = images.with_name("classes.txt")
    if not path.is_file():
        return None
    try:
        lines = path.read_text("utf-8-sig").strip().splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not a text in UTF-8: save it as one.") from error
    if not all(line.strip() for line in lines):
        raise DataError(f"{path} has an empty line: give one class name a line.")
    return tuple(line.strip() for line in lines)


def _path(name: str) -> Path:
    try:
        return Path(name).expanduser()
    except RuntimeError as error:
        raise DataError(f"There is no home folder for {name}: check the path.") from error


def _existing(path: Path) -> Path:
    if not path.exists():
        raise DataError(f"There is no file or folder {path}: check the path.")
    if not path.is_file():
        raise DataError(f"{path} is not a regular file: name a file of images.")
    return path
