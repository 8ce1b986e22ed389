"""Folders of files that have images and labels each: a file for each part, or several.

As `train-00000-of-00001.parquet` and `test-00000-of-00001.parquet` of Hugging Face,
`train_32x32.mat` and `test_32x32.mat` of SVHN, `training.pt` and `test.pt` of torchvision, `mnist`
and `mnist.t` of LIBSVM.
"""

import os
import re
from dataclasses import replace
from pathlib import Path

from mnistop.engine.config import Resize
from mnistop.engine.data.readers import kinds
from mnistop.engine.data.readers.named import listed, role_of
from mnistop.engine.data.stored import Progress, Role, Stored, join
from mnistop.engine.errors import DataError

_DEEPEST = 2
"""Folders below the one named, as `mnist/train/0000.parquet` has."""
_EXAMINED = 300
_SHARD = re.compile(r"\d{4,5}(-of-\d{5})?")
_ORDER: tuple[Role, ...] = ("train", "validation", "test")


def read_folder(folder: Path, progress: Progress, resize: Resize) -> Stored | None:
    """Read the files of a data set in a folder; None if it has no files with a reader.

    Raises:
        DataError: there are several data sets, or a file is unfit.
        OSError: something cannot be read.
    """
    files = [path for path in _below(folder) if (kind := kinds.kind_of(path)) and kind.in_folders]
    if not files:
        return None
    roles = {path: _role(path, folder) for path in files}
    if "train" not in roles.values():
        roles = {path: role or "train" for path, role in roles.items()}
    chosen = [(path, role) for role in _ORDER for path in files if roles[path] == role]
    sets = sorted({_set_of(path, folder) for path, _ in chosen})
    if len(sets) != 1:
        names = [str(path) for path in files]
        what = f"{len(sets)} data sets" if sets else "none of them with train in its name"
        raise DataError(
            f"{folder} has {len(files)} files of images, {what}: name one, such as {names[0]}."
        )
    read = [_read(path, role, progress, resize) for path, role in chosen]
    stored = join(read, str(folder))
    if left_out := [path.name for path in files if not roles[path]]:
        note = f"Not read, as no part of the data set by name: {listed(left_out)}."
        stored = replace(stored, notes=(*stored.notes, note))
    return stored


def _read(path: Path, role: Role, progress: Progress, resize: Resize) -> Stored:
    read = kinds.reader_of(path)
    stored = read and read(path, progress, resize)
    if not stored:
        raise DataError(f"{path} has a single array, of images or of labels: name both files.")
    if len(stored.parts) > 1:
        return stored
    return replace(stored, parts=[replace(stored.parts[0], role=role)])


def _below(folder: Path) -> list[Path]:
    """Return the first files in a folder and those below it."""
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        if len(Path(place).relative_to(folder).parts) == _DEEPEST:
            folders.clear()
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(place, name) for name in sorted(names) if not name.startswith(".")]
        if len(found) >= _EXAMINED:
            break
    return found[:_EXAMINED]


def _role(path: Path, folder: Path) -> Role | None:
    """Return what a file is for, by its name or by that of its folder."""
    return role_of(path.name) or (role_of(path.parent.name) if path.parent != folder else None)


def _set_of(path: Path, folder: Path) -> str:
    """Return the names of a file and its folders without its part's and its number."""
    words = re.split(r"[^\w-]|_", str(path.relative_to(folder)).lower())
    rest = [_SHARD.sub("", word).strip("-") for word in words]
    return " ".join(word for word in rest if word and not role_of(word))
