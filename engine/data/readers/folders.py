"""Folders: which of the forms that people have images in is there, and which files belong to it.

IDX files; pairs such as `x_train.npy` and `y_train.npy`; pictures by class; or files that have
images and labels each, as `train.csv` and `test.csv` of Kaggle, `train-00000-of-00001.parquet` and
`test-00000-of-00001.parquet` of Hugging Face, `train_32x32.mat` and `test_32x32.mat` of SVHN,
`training.pt` and `test.pt` of torchvision, `mnist` and `mnist.t` of LIBSVM. Where there are several
forms, those that are clearly images come first, and a note names the files that are not used.
"""

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from mnistop.engine.config import Resize
from mnistop.engine.data.readers import arrays, kinds, picture_folders, tables
from mnistop.engine.data.readers.idx_sets import find_set, labels_beside
from mnistop.engine.data.readers.named import (
    PACKED,
    SHARD,
    incomplete,
    listed,
    pairs_in,
    role_of,
    set_of,
)
from mnistop.engine.data.readers.pairs import Files, read_idx_set, read_pairs
from mnistop.engine.data.readers.picture_folders import is_hidden, is_picture
from mnistop.engine.data.stored import USES, Progress, Role, Stored, join
from mnistop.engine.errors import DataError, UnlabelledError
from mnistop.engine.files import files_below
from mnistop.engine.formatting import count

_PictureReader = Callable[[Progress, Resize], Stored | None]

_DEEPEST = 3
"""Names in the path of a file from the folder, as `mnist/train/0000.parquet` has."""
_EXAMINED = 300
_ENDINGS = re.compile(r"(\.(npy|npz|csv|tsv|pth?|txt|gz|bz2))+$", re.IGNORECASE)


def read_folder(
    folder: Path,
    progress: Progress,
    resize: Resize,
    read_pictures: _PictureReader | None = None,
    pictures_elsewhere: int = 0,
) -> Stored | None:
    """Read the images and labels in a folder; None if there are none.

    Args:
        folder: the folder.
        progress: called with a line to show.
        resize: the size to which pictures are resized that have not all the same.
        read_pictures: reads its pictures if they are elsewhere.
        pictures_elsewhere: the number of these.

    Raises:
        DataError: there are several data sets, or a file is unfit.
        OSError: something cannot be read.
    """
    if (snapshots := folder / "snapshots").is_dir() and (folder / "blobs").is_dir():
        return read_folder(_newest(snapshots), progress, resize)  # Hugging Face's cache
    read_pictures = read_pictures or partial(picture_folders.read_folder, folder)
    data = _data_files(folder)
    are_pictures_used = False
    if found := find_set(folder):
        stored, used = read_idx_set(found), [*found.images, *map(labels_beside, found.images)]
    elif pairs := _pairs([path for path in data if path.parent == folder], folder):
        stored, used = _read_pairs(pairs, folder, progress)
    elif files := _clear(data, folder):
        stored, used = _read_files(files, folder, progress, resize)
    elif pairs := _pairs(data, folder):
        stored, used = _read_pairs(pairs, folder, progress)
    elif pictures := read_pictures(progress, resize):
        for path in filter(_is_csv, data):
            tables.check_agrees(path, folder)
        return pictures
    elif files := _not_models(data) or [path for path in data if not _is_csv(path)] or data:
        stored, used = _read_files(files, folder, progress, resize)
        are_pictures_used = any(map(tables.names_pictures, filter(_is_csv, used)))
    else:
        inner = [path for path in folder.iterdir() if path.is_dir() and not is_hidden((path.name,))]
        return read_folder(inner[0], progress, resize) if len(inner) == 1 else None
    left_out = [str(path.relative_to(folder)) for path in data if path not in used]
    number = pictures_elsewhere + sum(
        is_picture(name[-1]) and not is_hidden(name) for name in files_below(folder)
    )
    left_out += [count(number, "picture")] if number and not are_pictures_used else []
    note = f"Not used: {listed(left_out)}." if left_out else ""
    return replace(stored, notes=(*stored.notes, *incomplete(used), note))


def without_data(folder: Path, unpack: str = "") -> str:
    """Describe a folder with nothing that can be read, by the first files below it.

    Args:
        folder: the folder.
        unpack: the remedy for files of other kinds if they are in an archive.
    """
    start = f"{folder} has neither IDX files nor CSV tables nor folders of pictures"
    visible = (name for name in files_below(folder) if not is_hidden(name))
    found: dict[str, kinds.Kind] = {}
    for name in itertools.islice(visible, _EXAMINED):
        path, below = folder.joinpath(*name), "/".join(name)
        if not path.is_file():
            return f"{start}, and {below} in it is not a regular file: copy what is in it."
        if (kind := kinds.kind_of(path)) and kind != kinds.TEXT:
            found[below] = kind
    if not found:
        return f"{start}: {unpack or 'name a folder of images, or a file'}."
    # The first, but a JSON file may describe the others.
    below, kind = min(found.items(), key=lambda each: each[1] == kinds.JSON)
    if kind.remedy == kinds.PICTURES:
        return (
            f"{folder} has pictures, such as {below}, but not in folders of two classes or more: "
            f"{kind.remedy}."
        )
    remedy = unpack or kinds.remedy(kind, folder / below)
    return f"{start}, and {below} in it is {kind.name}: {remedy}."


def _newest(snapshots: Path) -> Path:
    """Return the folder of a data set in the cache of Hugging Face's hub."""
    main = snapshots.parent / "refs" / "main"
    if main.is_file() and (snapshot := snapshots / main.read_text().strip()).is_dir():
        return snapshot
    newest = max(snapshots.iterdir(), key=lambda path: path.stat().st_mtime, default=None)
    if newest is None:
        raise DataError(f"{snapshots.parent} has no finished download: get the data set again.")
    return newest


def _data_files(folder: Path) -> list[Path]:
    """Return the files in a folder, and in those below it, that may have images or labels."""
    paths = [
        folder.joinpath(*name)
        for name in files_below(folder)
        if len(name) <= _DEEPEST
        and not is_hidden(name)
        and not is_picture(name[-1])
        and "blobs" not in name  # in the cache of Hugging Face's hub, with links to them
    ]
    return [path for path in paths if path.is_file() and (_is_csv(path) or _is_data(path))]


def _is_csv(path: Path) -> bool:
    return tables.is_table(path.name)


def _is_data(path: Path) -> bool:
    kind = kinds.kind_of(path)
    is_text = path.suffix == ".txt" and "label" in path.name.lower()
    return kind is not None and (kind.in_folders or is_text)


def _pairs(files: Sequence[Path], folder: Path) -> list[Files]:
    """Return the files of images and of labels among some, a pair for each part."""
    names: dict[str, Path] = {}
    for path in files:
        if _ENDINGS.search(path.name) and (path.suffix != ".npz" or arrays.has_one_array(path)):
            names.setdefault(_ENDINGS.sub("", str(path.relative_to(folder))), path)
    pairs = [Files(names[p.images], names[p.labels], p.role) for p in pairs_in(names)]
    return [p for p in pairs if not _is_csv(p.images) or tables.has_images(p.images)]


def _clear(files: Sequence[Path], folder: Path) -> list[Path]:
    """Return the files that have images beyond doubt: tables of pixels, or else others by name."""
    if of_pixels := [path for path in files if _is_csv(path) and tables.has_images(path)]:
        return of_pixels
    found = {path: kinds.kind_of(path) for path in _not_models(files)}
    others = [
        path
        for path, kind in found.items()
        if not (kind == kinds.NUMPY and arrays.has_one_array(path))
    ]
    is_clear = any(found[p] in (kinds.PARQUET, kinds.ARROW) or _part_of(p, folder) for p in others)
    return others if is_clear else []


def _not_models(files: Sequence[Path]) -> list[Path]:
    """Return the files other than tables, of kinds in which nobody keeps a model."""
    return [
        p for p in files if not _is_csv(p) and kinds.kind_of(p) not in (kinds.TORCH, kinds.HDF5)
    ]


def _read_pairs(pairs: list[Files], folder: Path, progress: Progress) -> tuple[Stored, list[Path]]:
    progress(f"reading {folder}")
    used = [file for pair in pairs for file in (pair.images, pair.labels)]
    return replace(read_pairs(pairs, was_in_order=False), provenance=str(folder)), used


def _read_files(
    files: Sequence[Path], folder: Path, progress: Progress, resize: Resize
) -> tuple[Stored, list[Path]]:
    """Read the files of a data set in a folder, and return which they are besides.

    Raises:
        DataError: there are several data sets, or a file is unfit.
        OSError: something cannot be read.
    """
    level = min(len(path.parts) for path in files)
    unpacked = {_unpacked(path): path for path in sorted(files, reverse=True)}  # the plain one
    chosen = _chosen([p for p in sorted(unpacked.values()) if len(p.parts) == level], folder)
    read, notes = [], []
    for path, role in chosen:
        try:
            read.append(_read(path, role, progress, resize))
        except UnlabelledError:
            if role == "train" or len(chosen) == 1:
                raise
            notes.append(f"{path.name} has no labels, and is left out.")
    stored = join(read, str(folder))
    return replace(stored, notes=(*stored.notes, *notes)), [path for path, _ in chosen]


def _part_of(path: Path, folder: Path) -> Role | None:
    """Return what a file in a folder is for, by its name or by that of the folder it is in."""
    return role_of(path.name) or (role_of(path.parent.name) if path.parent != folder else None)


def _chosen(files: Sequence[Path], folder: Path) -> list[tuple[Path, Role]]:
    """Return the files of the only data set, in the order of its parts."""
    roles = {path: _part_of(path, folder) for path in files}
    if "train" not in roles.values():
        roles = {path: role or "train" for path, role in roles.items()}
    sets = {path: set_of(str(path.relative_to(folder))) for path in files}
    first = [path for path in files if roles[path] == "train"] or list(files)
    if (number := len({sets[path] for path in first})) > 1:
        move = "move those of one set into a folder of their own to have its test images, too"
        raise DataError(
            f"{folder} has {len(files)} files of images, of {number} data sets: name one, such as "
            f"{first[0]}, or images and labels, as IMAGES,LABELS"
            f"{'' if len(first) == len(files) else f'; or {move}'}."
        )
    chosen: list[tuple[Path, Role]] = []
    for role in USES:
        of_role = [path for path in files if roles[path] == role]
        words = set(sets[first[0]].split())
        same = [path for path in of_role if sets[path] == sets[first[0]]]
        # As `mnist_test.csv` for `mnist_train_small.csv`.
        same = same or [path for path in of_role if set(sets[path].split()) <= words]
        if len(same) > 1 and not all(SHARD.search(path.name) for path in same):
            raise DataError(
                f"{folder} has {len(same)} files of {USES[role]} images, "
                f"{listed([path.name for path in same])}: name one, or number them, as in "
                "train-00000."
            )
        chosen += [(path, role) for path in same]
    return chosen


def _unpacked(path: Path) -> Path:
    """Return a path without the ending of a packed file."""
    return path.with_suffix("") if path.suffix[1:].lower() in PACKED else path


def _read(path: Path, role: Role, progress: Progress, resize: Resize) -> Stored:
    read = kinds.reader_of(path)
    stored = read and read(path, progress, resize)
    if not stored:
        raise DataError(f"{path} has a single array, of images or of labels: name both files.")
    if len(stored.parts) > 1:
        return stored
    return replace(stored, parts=[replace(stored.parts[0], role=role)])
