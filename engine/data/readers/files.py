"""The files of a path: a file, two files, a folder, or a zip archive, read as the folder in it."""

import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from mnistop.engine.config import Resize
from mnistop.engine.data.readers import folders, kinds, pairs, picture_folders, tables
from mnistop.engine.data.readers.idx_sets import find_set, labels_beside
from mnistop.engine.data.readers.listed_pictures import read_listed
from mnistop.engine.data.readers.named import incomplete
from mnistop.engine.data.readers.opening import check_size, damage_reported
from mnistop.engine.data.stored import Progress, Stored, join, silent
from mnistop.engine.errors import DataError

_ENCRYPTED, _IN_UTF_8 = 0x1, 0x800
"""Flags of a file in a zip archive."""
_KNOWN_PACKING = (
    zipfile.ZIP_STORED,
    zipfile.ZIP_DEFLATED,
    zipfile.ZIP_BZIP2,
    zipfile.ZIP_LZMA,
)


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
        if stored := folders.read_folder(path, progress, resize):
            return stored
        raise DataError(folders.without_data(path))
    if found := find_set(path):
        return pairs.read_idx_set(found)
    if not path.exists() and source.count(",") == 1:
        images, labels = (_path(name.strip()) for name in source.split(","))
        if images.is_dir():
            table = tables.read_labels(_existing(labels))
            return read_listed(table, labels, images, progress, resize)
        images, labels = _existing(images), _existing(labels)
        return pairs.read_pairs([pairs.Files(images, labels)])
    read = kinds.reader_of(_existing(path))
    if read and (stored := read(path, progress, resize)):
        stored = replace(stored, notes=(*stored.notes, *incomplete([path])))
        return join([stored], stored.provenance)
    return pairs.read_pairs([pairs.Files(path, _labels_of(path))])


def read_zip(path: Path, progress: Progress = silent, resize: Resize = "off") -> Stored:
    """Read the folder in a zip archive, without unpacking its pictures onto the disk.

    Raises:
        DataError: it is damaged or has a password, or there is nothing to train on in it.
        OSError: something cannot be read.
    """
    with ExitStack() as stack, tempfile.TemporaryDirectory() as place:
        folder = Path(place) / path.stem
        with damage_reported(path):
            archive = stack.enter_context(zipfile.ZipFile(path))
            members = _members(archive, path)
            pictures = [name for name in members if picture_folders.is_picture(name[-1])]
            may_be_named = any(tables.is_table(name[-1]) for name in members)
            packed = [] if may_be_named else pictures[1:]  # one is enough to describe the folder
            _unpack(archive, members, packed, folder, path)
        read_pictures = partial(picture_folders.read_members, archive, members, path)
        try:
            stored = folders.read_folder(folder, progress, resize, read_pictures, len(packed))
            if not stored:
                raise DataError(folders.without_data(folder, "unpack it and name what is in it"))
        except DataError as error:
            text = str(error).replace(": name ", ": unpack the archive, and name ")
            error.args = (text.replace(str(folder), str(path)),)
            raise
    return _renamed(stored, str(folder), str(path))


def _members(archive: zipfile.ZipFile, path: Path) -> dict[tuple[str, ...], zipfile.ZipInfo]:
    """Return the files in an archive by the names of their folders and their own.

    Raises:
        DataError: one has a password, or is packed in a way that Python does not know.
    """
    entries = archive.infolist()
    separator = "/" if any("/" in entry.filename for entry in entries) else "\\"  # as on Windows
    members = {}
    for entry in entries:
        if entry.flag_bits & _ENCRYPTED or entry.compress_type not in _KNOWN_PACKING:
            what = "has a password" if entry.flag_bits & _ENCRYPTED else "is packed in a rare way"
            raise DataError(
                f"{entry.filename} in {path} {what}: unpack it, and name what is in it."
            )
        name = entry.filename
        if not entry.flag_bits & _IN_UTF_8:  # as a Mac leaves it out
            with suppress(UnicodeError):
                name = name.encode("cp437").decode()
        if not name.endswith(separator):
            members[tuple(n for n in name.split(separator) if n not in ("", ".", ".."))] = entry
    return members


def _unpack(
    archive: zipfile.ZipFile,
    members: dict[tuple[str, ...], zipfile.ZipInfo],
    left_out: Sequence[tuple[str, ...]],
    folder: Path,
    path: Path,
) -> None:
    """Write the files of an archive to a folder, but for hidden ones and those left out.

    Raises:
        DataError: there is not enough room, or a file is a zip bomb.
    """
    chosen = members.keys() - set(left_out)
    visible = {n: members[n] for n in sorted(chosen) if not picture_folders.is_hidden(n)}
    folder.mkdir()
    size = sum(entry.file_size for entry in visible.values())
    if size > shutil.disk_usage(folder).free:
        raise DataError(
            f"{path} unpacks to {size:,} bytes, for which {folder.parent.parent} has no room: "
            "unpack it elsewhere, and name the folder."
        )
    for name, entry in visible.items():
        check_size(f"{entry.filename} in {path}", entry.file_size, entry.compress_size, True)
        target = folder.joinpath(*name)
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(entry) as packed, target.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked)


def _renamed(stored: Stored, old: str, new: str) -> Stored:
    """Return what was read with another path in all names and notes."""
    return replace(
        stored,
        provenance=stored.provenance.replace(old, new),
        notes=tuple(note.replace(old, new) for note in stored.notes),
        parts=[
            replace(
                part,
                images_in=part.images_in.replace(old, new),
                labels_in=part.labels_in.replace(old, new),
            )
            for part in stored.parts
        ],
    )


def _labels_of(path: Path) -> Path:
    """Return `labels_beside` for a file named by the user, which may be something else."""
    try:
        return labels_beside(path)
    except DataError:
        if pairs.read_array(path).ndim == 1:
            raise DataError(
                f"{path} holds labels or a plain list of numbers, not images: name the images, or "
                f"both files, as IMAGES,LABELS."
            ) from None
        raise


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
