"""Data sources: load images and labels, check, split and describe them.

    dataset = load("bundled", samples=1000)
    train, val = split(dataset, val_fraction=0.2, seed=42)

A source is one of the words in `SOURCES`, or the path of a file or folder in any form that people
have images in: tables of text, pictures by class, arrays, the IDX files of MNIST and its family, or
`IMAGES,LABELS`.

The readers are imported by what reads, since the interface only names sources.
"""

import contextlib
import difflib
import os
import shlex
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.config import SOURCES, PixelRange, Resize, RunConfig, Split
from mnistop.engine.data.dataset import Dataset, Description, class_counts, describe, split
from mnistop.engine.data.readers.idx_sets import find_set
from mnistop.engine.data.stored import (
    Part,
    Progress,
    Stored,
    at_most_every_second,
    silent,
)
from mnistop.engine.errors import DataError
from mnistop.engine.files import expanded, files_below, one_line

__all__ = [
    "SOURCES",
    "Dataset",
    "Description",
    "Progress",
    "absolute",
    "class_counts",
    "describe",
    "file_stamp",
    "is_fetched",
    "load",
    "load_data",
    "loads_quickly",
    "source_exists",
    "split",
    "split_by",
]

_MANY = 10_000
"""Pictures that take more than a second to read."""
_LARGE = 30_000_000
"""Bytes of text that do."""
_RATIO = 4
"""Times the size of a packed file that it has unpacked, about."""
_BUNDLED = Path(__file__).parent / "bundled" / "mnist_784_first_4502.npz"


def absolute(source: str) -> str:
    """Return a source with its paths made absolute.

    Quotes and backslashes, as terminals paste the path of a file dropped on them, are taken away.
    """
    if not source_exists(source):
        with contextlib.suppress(ValueError):
            words = shlex.split(source)
            source = words[0] if len(words) == 1 and source_exists(words[0]) else source
    if source in SOURCES or _is_unknown_word(source):
        return source
    parts = [source] if _may_be_there(source) else source.split(",")
    return ",".join(str(expanded(part.strip()).absolute()) for part in parts)


def load(
    source: str,
    samples: int | None = None,
    progress: Progress = silent,
    pixel_range: PixelRange = "auto",
    split: Split = "given",
    resize: Resize = "off",
    at_most: bool = False,
) -> Dataset:
    """Load the first images of a source, scaled to 0…1.

    Args:
        source: `bundled` (the first 4,502 images of MNIST, in this package), `digits` (1,797 images
            of 8 × 8 pixels, in scikit-learn), `openml` (all of MNIST, fetched once), or the
            path of a folder or file.
        samples: the number of images to train on and to validate with, from the first; None for
            all of them.
        progress: called with a line to show: once, and about every second if it takes long.
        pixel_range: the stored values of black and white; `auto` finds them if they are clear.
        split: `given` keeps the parts of a source apart. Its validation images, if it has any, are
            loaded besides `samples`, and its test images are `Dataset.unseen`. With `random` all
            parts are one, of which None takes all but the test images. Images of a source without
            test images, and with `random` all images, that are not taken are `Dataset.unseen`.
        resize: the height and width that images are resized to.
        at_most: whether a source that has fewer images than `samples` gives all that it has.

    Raises:
        DataError: the source does not exist, is damaged or unfit, or has fewer images; in one
            sentence, with the remedy.
        PixelRangeError: black and white must be stated, or are known and cannot be.
    """
    from mnistop.engine.data.preparation import to_dataset

    progress(f"loading {source}")
    try:
        stored = _stored(source, progress, resize)
        return to_dataset(stored, source, samples, pixel_range, split, resize, at_most)
    except MemoryError as error:
        raise DataError(
            f"There is not enough memory for the images of {source}: ask for fewer samples, or "
            f"use a smaller source."
        ) from error
    except PermissionError as error:
        raise DataError(
            f"There is no permission to read {error.filename or source}: "
            f"change it, or copy the files to where you may read them."
        ) from error
    except OSError as error:
        raise DataError(
            f"{error.filename or source} cannot be read ({error.strerror or error}): "
            f"check the path and the disk."
        ) from error


def load_data(config: RunConfig, progress: Progress = silent) -> Dataset:
    """Load the images of a configuration, see `load`.

    Of one's own images there may be fewer than the default of `samples`, which nobody has set.
    """
    at_most = config.source not in SOURCES and config.samples == RunConfig().samples
    loaded_by = (config.pixel_range, config.split, config.resize)
    return load(config.source, config.samples, progress, *loaded_by, at_most)


def split_by(dataset: Dataset, config: RunConfig) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split images into training and validation images by a configuration, see `split`."""
    return split(dataset, config.val_fraction, config.split_seed, config.stratify == "on")


def is_fetched(source: str) -> bool:
    """Return whether a source is on this machine: `openml` must be downloaded and parsed once."""
    if source != "openml":
        return True
    from mnistop.engine.data.readers.openml import is_cached

    return is_cached()


def loads_quickly(source: str) -> bool:
    """Return whether `load` is quick.

    Large tables of text and many pictures take seconds, and what must be fetched first longer.
    """
    if source in SOURCES:
        return is_fetched(source)
    from mnistop.engine.data.readers.picture_folders import is_picture
    from mnistop.engine.data.readers.tables import is_table

    files = file_stamp(source)
    pictures = sum(is_picture(name) for name, _, _ in files)
    text = sum(
        size * (_RATIO if name.endswith((".gz", ".zip")) else 1)
        for name, size, _ in files
        if is_table(name) or name.endswith(".zip")
    )
    return pictures < _MANY and text < _LARGE


def source_exists(source: str) -> bool:
    """Return whether a source exists on this machine: a known name, or an existing path."""
    paths = [source] if _may_be_there(source) else source.split(",")
    return source in SOURCES or all(_may_be_there(path.strip()) for path in paths)


def file_stamp(source: str) -> tuple[tuple[str, int, int], ...]:
    """Return name, size and time of each file of a source, in all its folders, to detect changes.

    Named sources and unreadable files have none.
    """
    if source in SOURCES:
        return ()
    stamps = []
    for name in [source] if _may_be_there(source) else source.split(","):
        path = Path(name.strip())
        with contextlib.suppress(OSError):
            files = (
                [path.joinpath(*below) for below in files_below(path)] if path.is_dir() else [path]
            )
            if not path.exists() and (found := find_set(path)):
                files = list(found.images)
            for file in files:
                facts = file.stat()
                stamps.append((str(file), facts.st_size, facts.st_mtime_ns))
    return tuple(stamps)


def _stored(source: str, progress: Progress, resize: Resize) -> Stored:
    if source not in SOURCES:
        _check_name(source)
        from mnistop.engine.data.readers.files import read_path

        return read_path(source, at_most_every_second(progress), resize)
    module, _, function = SOURCES[source].rpartition(".")
    read: Callable[[Progress], Stored]
    read = getattr(import_module(f"mnistop.engine.data.{module}"), function)
    return read(progress)


def read_bundled(progress: Progress) -> Stored:
    """Read the images in this package."""
    from mnistop.engine.data.readers.arrays import read_npz

    stored = read_npz(_BUNDLED)
    assert stored is not None
    provenance = (
        "the first 4,502 images of OpenML's mnist_784, in this package: "
        "MNIST by LeCun, Cortes and Burges, CC BY-SA 3.0"
    )
    return Stored(stored.parts, provenance, white=255)


def read_digits(progress: Progress) -> Stored:
    """Read the images in scikit-learn."""
    # The file behind `load_digits`: to import scikit-learn takes many times as long as to read it.
    package = find_spec("sklearn")
    assert package is not None
    path = Path(str(package.origin)).parent / "datasets" / "data" / "digits.csv.gz"
    table = np.loadtxt(path, np.uint8, delimiter=",")
    part = Part(table[:, :-1].reshape(-1, 8, 8), table[:, -1], "digits", "digits")
    provenance = (
        "scikit-learn's digits: the test part of the UCI data set Optical Recognition of "
        "Handwritten Digits by Alpaydin and Kaynak, CC BY 4.0"
    )
    return Stored([part], provenance, white=16)


def _check_name(source: str) -> None:
    """Check for a mistyped name, as opposed to a wrong path."""
    if not source.strip() or one_line(source).count("?") > source.count("?"):
        raise DataError(
            f"The source must be {', '.join(SOURCES)} or a path of printable characters, "
            f"not {source!r}."
        )
    if _is_unknown_word(source):
        near = difflib.get_close_matches(source, SOURCES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"use {', '.join(SOURCES)} or a path."
        raise DataError(f"There is no data source {source}: {hint}")


def _is_unknown_word(source: str) -> bool:
    return not set(source) & set("/\\.,~") and not _may_be_there(source)


def _may_be_there(path: str) -> bool:
    """Return whether a path exists or cannot be checked: the reader then reports why."""
    try:
        os.stat(path)
    except ValueError:
        return False
    except (FileNotFoundError, NotADirectoryError):
        with contextlib.suppress(OSError):
            return find_set(Path(path)) is not None
        return False
    except OSError:
        pass
    return True
