"""Pictures whose classes are in a table beside them, as `filename,label` or Kaggle's `id,label`."""

import re
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from mnistop.engine.config import Resize
from mnistop.engine.data.readers.label_files import LabelTable, by_role
from mnistop.engine.data.readers.named import role_of
from mnistop.engine.data.readers.picture_folders import is_hidden, is_picture
from mnistop.engine.data.readers.pictures import few, read_pictures
from mnistop.engine.data.stored import Part, Progress, Stored
from mnistop.engine.errors import DataError
from mnistop.engine.files import files_below, one_line, open_regular
from mnistop.engine.formatting import count

_Path = tuple[str, ...]
"""The names of a file's folders below a folder, and its own."""

_NO_NAMES = ("", ".", "..")


def read_listed(
    table: LabelTable, path: Path, folder: Path, progress: Progress, resize: Resize
) -> Stored:
    """Read the pictures that a table of labels names.

    Args:
        table: names, or paths from anywhere, of pictures, perhaps without their endings.
        path: that of the table.
        folder: the folder that has the pictures, or folders of them.
        progress: called with a line to show.
        resize: the height and width to resize them to.

    Raises:
        DataError: a picture is missing, there are several of a name, or one cannot be read.
        SizesError: they have several sizes, and no size to resize them to is given.
    """
    there = _pictures(folder)
    found = _found(table.ids or [], there, path, folder)
    files = [
        (one_line("/".join(name)), partial(open_regular, folder.joinpath(*name))) for name in found
    ]
    images, notes = read_pictures(files, str(folder), progress, resize)
    if others := len(there) - len(set(found)):
        are = "is" if others == 1 else "are"
        notes.append(f"{count(others, 'picture')} that {path.name} does not name {are} left out.")
    parts = by_role(Part(images, table.labels, str(folder), str(path)), table.roles)
    return Stored(parts, str(path), notes=tuple(notes))


def check_folders(table: LabelTable, path: Path, folder: Path) -> None:
    """Check that a table does not give other classes to pictures than their folders do.

    Raises:
        DataError: it does, to most of the pictures.
    """
    by_ends = _by_ends(there := _pictures(folder))
    labels: dict[_Path, set[str]] = defaultdict(set)
    known = 0
    for name, label in zip(table.ids or [], map(str, table.labels), strict=False):
        paths = _nearest(name, by_ends)
        if len(paths) == 1:
            labels[paths[0][:-1]].add(label)
            known += 1
    are_mixed = sum(len(of_folder) > 1 for of_folder in labels.values()) > len(labels) / 2
    if known > len(there) / 2 and are_mixed:
        raise DataError(
            f"{path} gives other classes to the pictures below {folder} than their folders do: "
            "name the table to take its classes, or move it elsewhere to take the folders."
        )


def _pictures(folder: Path) -> list[_Path]:
    return [name for name in files_below(folder) if is_picture(name[-1]) and not is_hidden(name)]


def _by_ends(paths: Sequence[_Path]) -> dict[_Path, list[_Path]]:
    """Return paths by what they end with, from their last name to all of them.

    They are there without the endings of the files, too.
    """
    by_ends: dict[_Path, list[_Path]] = defaultdict(list)
    for path in paths:
        for start in range(len(path)):
            by_ends[path[start:]].append(path)
            by_ends[*path[start:-1], path[-1].rpartition(".")[0]].append(path)
    return by_ends


def _found(names: Sequence[str], there: Sequence[_Path], table: Path, folder: Path) -> list[_Path]:
    """Return the path of the picture of each name in a table."""
    by_ends = _by_ends(there)
    found = [_nearest(name, by_ends) for name in names]
    missing = [name for name, paths in zip(names, found, strict=True) if not paths]
    if len(missing) == len(names):
        other = one_line(there[0][-1]) if there else ""
        add = f"add a column called filename with names such as {other}, or " if there else ""
        raise DataError(
            f"{table} names pictures, such as {one_line(names[0])}, and none of them is below "
            f"{folder}: {add}name the folder that has the table and its pictures."
        )
    if missing:
        raise DataError(
            f"{len(missing):,} of {count(len(names), 'picture')} named in {table} cannot be found "
            f"below {folder} ({few(missing)}): get them, or delete their lines."
        )
    if all(len(paths) == 1 for paths in found):
        return [paths[0] for paths in found]
    folders = set.intersection(*({path[:-1] for path in paths} for paths in found))
    role = role_of(table.name) or "train"
    of_role = {place for place in folders if role in map(role_of, place)}
    if len(of_role or folders) != 1:
        name, paths = next(each for each in zip(names, found, strict=True) if len(each[1]) > 1)
        raise DataError(
            f"There are several pictures of the name {one_line(name)}, which is in {table} "
            f"({few(['/'.join(path) for path in paths])}): name them with their folders there."
        )
    [place] = of_role or folders
    return [next(path for path in paths if path[:-1] == place) for paths in found]


def _nearest(name: str, by_ends: dict[_Path, list[_Path]]) -> list[_Path]:
    """Return the pictures of a name, those alone that have most of its folders, too."""
    parts = tuple(part for part in re.split(r"[\\/]+", name.strip()) if part not in _NO_NAMES)
    ends = (parts[start:] for start in range(len(parts)))
    return next((by_ends[end] for end in ends if end in by_ends), [])
