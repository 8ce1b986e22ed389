"""Folders of pictures, one for each class, on the disk or in a zip archive.

Classes are numbered in the sorted order of their folders' names, as by torchvision's `ImageFolder`.
Above them may be folders for the parts of a data set, such as `train` and `test`.
"""

import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import IO

import numpy as np

from mnistop.engine.config import Resize
from mnistop.engine.data.labels import MAX_CLASSES
from mnistop.engine.data.readers.folder_levels import Arranged, arrange
from mnistop.engine.data.readers.opening import check_size
from mnistop.engine.data.readers.pictures import File, few, read_pictures
from mnistop.engine.data.stored import Part, Progress, Stored
from mnistop.engine.errors import DataError
from mnistop.engine.files import folders_below, one_line, open_regular
from mnistop.engine.formatting import count

_ENDINGS = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".webp", ".gif", ".tif", ".tiff"),
    *(".pgm", ".ppm", ".pbm", ".pnm", ".avif", ".jp2", ".tga"),
)
_OF_SYSTEMS = ("thumbs.db", "desktop.ini", "__macosx", "@eadir", "lost+found")


def read_folder(folder: Path, progress: Progress, resize: Resize) -> Stored | None:
    """Read the pictures in the folders of a folder; None if there are not two classes of them.

    Raises:
        DataError: some pictures cannot be read.
        SizesError: they have several sizes, and no size to resize them to is given.
    """

    def opener(path: tuple[str, ...]) -> Callable[[], IO[bytes]]:
        return lambda: open_regular(folder.joinpath(*path))

    found = dict(folders_below(folder))
    files = [(*place, name) for place, names in found.items() for name in names]
    return _read(files, found, opener, folder, progress, resize)


def read_members(
    archive: zipfile.ZipFile,
    members: Mapping[tuple[str, ...], zipfile.ZipInfo],
    path: Path,
    progress: Progress,
    resize: Resize,
) -> Stored | None:
    """Read the pictures in a zip archive; for the result and the errors see `read_folder`.

    Args:
        archive: the archive.
        members: its files, by the names of their folders and their own.
        path: that of the archive.
        progress: called with a line to show.
        resize: the size to which pictures are resized that have not all the same.
    """

    def opener(name: tuple[str, ...]) -> Callable[[], IO[bytes]]:
        return lambda: _member(archive, members[name], path)

    folders = [tuple(e.filename.split("/"))[:-1] for e in archive.infolist() if e.is_dir()]
    return _read(sorted(members), folders, opener, path, progress, resize)


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> IO[bytes]:
    check_size(f"{entry.filename} in {path}", entry.file_size, entry.compress_size, True)
    return BytesIO(archive.read(entry))


def is_picture(name: str) -> bool:
    """Return whether a file is a picture by its name."""
    return name.lower().endswith(_ENDINGS) and not name.startswith(".")


def is_hidden(path: Sequence[str]) -> bool:
    """Return whether a file is one of the system, or hidden, by the names in its path."""
    return any(name.startswith(".") or name.lower() in _OF_SYSTEMS for name in path)


def _read(
    files: Sequence[tuple[str, ...]],
    folders: Iterable[tuple[str, ...]],
    opener: Callable[[tuple[str, ...]], Callable[[], IO[bytes]]],
    place: Path,
    progress: Progress,
    resize: Resize,
) -> Stored | None:
    visible = [path for path in files if not is_hidden(path)]
    paths = [path for path in visible if is_picture(path[-1])]
    arranged = arrange(paths, str(place))
    classes = sorted({name for of_part in arranged.pictures.values() for _, name in of_part})
    if len(classes) < 2:
        return None
    if len(classes) > MAX_CLASSES:
        raise DataError(
            f"{place} has {len(classes):,} folders of pictures, such as {one_line(classes[-1])}, "
            f"and {MAX_CLASSES} is the highest possible number of classes: name a folder with a "
            "folder for each class."
        )
    numbers = {name: number for number, name in enumerate(classes)}
    chosen: list[File] = []
    labels = []
    for of_part in arranged.pictures.values():
        chosen += [(one_line("/".join(paths[index])), opener(paths[index])) for index, _ in of_part]
        labels.append(np.array([numbers[name] for _, name in of_part], np.int64))
    images, notes = read_pictures(chosen, str(place), progress, resize)
    notes += [*arranged.notes, *_left_out(files, folders, arranged)]
    stacks = np.split(images, np.cumsum([len(part) for part in labels])[:-1])
    parts = [
        Part(stack, of_part, str(place), str(place), role)
        for stack, of_part, role in zip(stacks, labels, arranged.pictures, strict=True)
    ]
    return Stored(parts, str(place), tuple(classes), notes=tuple(notes))


def _left_out(
    files: Sequence[tuple[str, ...]], folders: Iterable[tuple[str, ...]], arranged: Arranged
) -> list[str]:
    """Return a sentence on files and folders that have no part in the data; none without any."""
    hidden = [path for path in files if is_hidden(path)]
    visible = [path for path in files if not is_hidden(path)]
    others = ["/".join(path) for path in visible if not is_picture(path[-1])]
    used = {path[:end] for path in visible if is_picture(path[-1]) for end in range(len(path))}
    empty = [
        "/".join(path)
        for path in sorted({*folders, *(path[:-1] for path in visible)} - used)
        if path[:-1] in used and not is_hidden(path)
    ]
    phrases = list(arranged.left_out)
    if empty:
        phrases.append(f"{count(len(empty), 'folder')} without pictures ({few(empty)})")
    if hidden:
        phrases.append(count(len(hidden), "hidden file"))
    if others:
        phrases.append(f"{count(len(others), 'file')} of other kinds ({few(others)})")
    return [f"Left out: {'; '.join(phrases)}."] if phrases else []
