"""What is special about EMNIST's files, which else are IDX files like MNIST's.

Their images lie transposed, the labels of the letters count from 1, and a text file beside them
maps labels to characters. Cohen, Afshar, Tapson, van Schaik: EMNIST: an extension of MNIST to
handwritten letters, 2017, https://arxiv.org/abs/1702.05373
"""

import re
import string
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from mnistop.engine.errors import DataError

_NAME = re.compile(r"emnist-(?P<set>[a-z]+)-", re.IGNORECASE)


def set_name(images: Path) -> str | None:
    """Which of EMNIST's data sets an images file is of, as in `letters`; None for other files."""
    match = _NAME.match(images.name)
    return match["set"].lower() if match else None


def upright(images: NDArray[Any]) -> NDArray[Any]:
    """The images `(n, height, width)` with rows and columns changed back."""
    return images.swapaxes(1, 2) if images.ndim == 3 else images


def from_zero(labels: NDArray[Any]) -> NDArray[Any]:
    """The labels of the letters, 1 to 26, as 0 to 25."""
    counts_from_one = labels.size and labels.dtype.kind in "iu" and labels.min() == 1
    return labels - 1 if counts_from_one else labels


def class_names(images: Path) -> tuple[str, ...] | None:
    """The characters by the mapping file beside an images file; None where there is no such file.

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
