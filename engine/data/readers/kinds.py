"""The kinds of files that people have their images in: who reads them, or how to convert them.

A file is recognised by its first bytes, an archive by the names in it, and other files, such as
text, by their name.
"""

from __future__ import annotations

import bz2
import re
import shlex
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from mnistop.engine.data.readers.opening import START, check_regular, packing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mnistop.engine.config import Resize
    from mnistop.engine.data.stored import Progress, Stored

Reader: TypeAlias = "Callable[[Path, Progress, Resize], Stored | None]"
"""Reads images and labels from a file. It may call the second argument with a line of progress as
often as there is a new one, and resizes pictures to the third if they have not all the same size.
None means that there is a single array of images or labels in the file."""

_PAIR = "i, l = pickle.load({open}({path!r}{mode})); numpy.savez({to!r}, images=i, labels=l)"
_CIFAR = (
    "d = pickle.load({open}({path!r}{mode}), encoding='bytes'); "
    "numpy.savez({to!r}, images=d[b'data'].reshape(-1, 3, 32, 32), labels=d[b'labels'])"
)
_THREE_PAIRS = (  # as deeplearning.net has MNIST
    "(i, l), (vi, vl), (ti, tl) = pickle.load({open}({path!r}{mode}), encoding='latin1'); "
    "numpy.savez({to!r}, train_images=i, train_labels=l, val_images=vi, val_labels=vl, "
    "test_images=ti, test_labels=tl)"
)

_CONVERT = "read it in Python and save its arrays by numpy.savez(FILE, images=…, labels=…)"
PICTURES = "put the pictures of each class into a folder with its name, and name the one above"
_UNPACK = "unpack it and name what is in it"


@dataclass(frozen=True)
class Kind:
    """A kind of file."""

    name: str
    """As in `a PNG picture`."""
    remedy: str = _CONVERT
    """The way to make it readable, where there is no reader; empty for a pickle."""
    reader: str = ""
    """The module of this package that reads images and labels from such a file, and the
    `Reader` in it; empty if there is none."""
    array_reader: str = ""
    """The function that reads the only array in such a file, if it has but one."""
    unpacks: bool = False
    """True if the reader takes such a file gzipped or in bzip2, too."""
    in_folders: bool = False
    """True if a folder may have a data set of such files, as one for each part of it."""


NUMPY = Kind(
    "a NumPy file",
    "name this file itself",
    "arrays.read_npz",
    array_reader="arrays.read_lone_array",
    in_folders=True,
)
TEXT = Kind("a text", "name a file of images")
JSON = Kind("a JSON file")
CSV = Kind("a CSV table", reader="tables.read_csv", unpacks=True)
_BROKEN_ZIP = Kind("a damaged zip archive", "get it again")
_ZIP = Kind("a zip archive", "unpack it, or name it itself", reader="files.read_zip")
_TAR = Kind("a tar archive", _UNPACK)
_PICKLE = Kind("a Python pickle, in which any code would run", "")
_BZIP2 = Kind("a bzip2 archive", _UNPACK)
_ARFF = Kind("an ARFF table", reader="arff.read_arff", unpacks=True, in_folders=True)
_LIBSVM = Kind("a LIBSVM table", reader="svmlight.read_svmlight", unpacks=True, in_folders=True)
PARQUET = Kind("a Parquet table", reader="parquet.read_parquet", in_folders=True)
ARROW = Kind("an Arrow table", reader="parquet.read_parquet", in_folders=True)
_MATLAB = Kind(
    "a MATLAB file", reader="mat.read_mat", array_reader="mat.read_lone_array", in_folders=True
)
HDF5 = Kind(
    "an HDF5 file", reader="hdf5.read_hdf5", array_reader="hdf5.read_lone_array", in_folders=True
)
TORCH = Kind(
    "a PyTorch file",
    reader="torch_files.read_torch",
    array_reader="torch_files.read_lone_tensor",
    in_folders=True,
)

_BROKEN = {".npz": NUMPY, ".pt": TORCH, ".pth": TORCH}
"""Kinds of damaged zip archives by the endings of their names; their readers report the damage."""

_BY_START = {
    b"\x93NUMPY": NUMPY,
    b"\x89PNG": Kind("a PNG picture", PICTURES),
    b"\xff\xd8\xff": Kind("a JPEG picture", PICTURES),
    b"GIF8": Kind("a GIF picture", PICTURES),
    b"II*\0": Kind("a TIFF picture", PICTURES),
    b"MM\0*": Kind("a TIFF picture", PICTURES),
    b"MATLAB 5.0": _MATLAB,
    b"MATLAB 7.3": _MATLAB,
    b"\x89HDF": HDF5,
    b"PAR1": PARQUET,
    b"ARROW1": ARROW,
    b"\xff\xff\xff\xff": ARROW,
    b"version https://git-lfs": Kind(
        "a pointer of Git LFS in place of the file", "get the file itself by git lfs pull"
    ),
    b"SQLite": Kind("an SQLite database"),
    b"%PDF": Kind("a PDF document", "name a file of images"),
    b"\xfd7zXZ": Kind("an xz archive", _UNPACK),
    b"\x28\xb5\x2f\xfd": Kind("a Zstandard archive", _UNPACK),
    b"7z\xbc\xaf": Kind("a 7z archive", _UNPACK),
    b"Rar!": Kind("a RAR archive", _UNPACK),
    b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.": TORCH,  # as before PyTorch 1.6
    **{b"\x80" + bytes([version]): _PICKLE for version in range(2, 6)},
    b"<": Kind("a web page or XML, perhaps in place of a failed download", "get it again"),
}

_BY_NAME = {
    r"\.bmp$": Kind("a BMP picture", PICTURES),
    r"\.webp$": Kind("a WebP picture", PICTURES),
    r"\.tfrecords?\b": Kind("a TensorFlow record file"),
    r"\.mat$": _MATLAB,
    r"\.(csv|tsv)\b": CSV,
    r"\.arff\b": _ARFF,
    r"\.(pkl|pickle)\b": _PICKLE,
    r"\.xls$": Kind("an Excel table"),
}

_TEXTS = {
    r"\s*(%|@relation)": _ARFF,
    r"\s*[{\[]": JSON,
    r"(#[^\n]*\n)*[-+\d.e]+([ \t]+\d+:[-+\d.e]+)+\s": _LIBSVM,
    r"[^\n]*[,;\t|]": CSV,
    r"\s*[-+\d.e]+( +[-+\d.e]+){4}": CSV,
}
"""By the beginning of a text."""

_IN_ZIP = {
    r"(^|/)data\.pkl$": TORCH,
    r"^xl/": Kind("an Excel table"),
    r"^word/": Kind("a Word document", "name a file of images"),
}
"""By the names in a zip archive; the first that matches any of them decides."""


def reader_of(path: Path) -> Reader | None:
    """Return the function that reads images and labels from a file; None if its kind has none.

    IDX files have none, as images and labels are in two of them.
    """
    read: Reader | None = _function(_readable_kind(path).reader)
    return read


def array_reader_of(path: Path) -> Callable[[Path], NDArray[Any]] | None:
    """Return the function that reads the only array in a file; None if its kind has none."""
    read: Callable[[Path], NDArray[Any]] | None = _function(_readable_kind(path).array_reader)
    return read


def _readable_kind(path: Path) -> Kind:
    kind = kind_of(path)
    if kind in (None, TEXT) and path.suffix.lower() in (".npz", ".npy"):
        return NUMPY  # its reader reports the damage
    return kind or TEXT


def _function(name: str) -> Any:
    module, _, function = name.partition(".")
    return (
        getattr(import_module(f"mnistop.engine.data.readers.{module}"), function) if name else None
    )


def kind_of(path: Path) -> Kind | None:
    """Return the kind of a file that is not an IDX file; None if it is unknown.

    Raises:
        DataError: it is no regular file.
        OSError: it cannot be read.
    """
    check_regular(path)
    with path.open("rb") as file:
        start = file.read(START)
    if start.startswith(b"PK"):
        return _in_zip(path)
    how, unpack = packing(start)
    if unpack is open:
        return _kind(start, path.name)
    try:
        with unpack(path, "rb") as file:
            inner = _kind(file.read(START), path.stem)
    except (EOFError, OSError, zlib.error):
        return None
    if inner is None:
        return _BZIP2 if unpack is bz2.open else None
    name = f"{inner.name}, {how}"
    if inner.reader and not inner.unpacks:
        return Kind(name, _UNPACK)
    return replace(inner, name=name)


def sentence(path: Path) -> str:
    """Explain what an unreadable file is, and the remedy."""
    kind = kind_of(path)
    if kind is None:
        return f"{path} is not an IDX file, nor of another known kind: check what it is."
    if kind.reader:
        return f"{path} is {kind.name}, which has images and labels in one: name it alone."
    return f"{path} is {kind.name}, which cannot be read: {remedy(kind, path)}."


def remedy(kind: Kind, path: Path) -> str:
    """Return the way to make a file of a kind readable."""
    return kind.remedy or f"if you trust it, convert it by {_pickle_command(path)}"


def _pickle_command(path: Path) -> str:
    """Return a command that converts a pickle to an `.npz`, by what files of its name hold."""
    if re.fullmatch(r"data_batch_\d|test_batch", path.name):
        line = _CIFAR
    elif re.fullmatch(r"mnist.*\.pkl(\.gz)?", path.name.lower()):
        line = _THREE_PAIRS
    else:
        line = _PAIR
    packed = path.suffix == ".gz"
    line = line.format(
        open="gzip.open" if packed else "open",
        path=str(path),
        mode="" if packed else ", 'rb'",
        to=str(path.with_name(re.sub(r"(\.p(kl|ickle)?)?(\.gz)?$", ".npz", path.name, count=1))),
    )
    program = f"import {'gzip, ' if packed else ''}numpy, pickle; {line}"
    is_plain = not set(program) & set('"$`\\!')
    quoted = f'"{program}"' if is_plain else shlex.quote(program)
    return f"python -c {quoted}"


def _kind(start: bytes, name: str) -> Kind | None:
    if start[8:10] == b'{"' and start[4:8] == bytes(4):  # its first byte is any
        return Kind("a safetensors file")
    for signature, kind in _BY_START.items():
        if start.startswith(signature):
            return kind
    if start[257:262] == b"ustar":
        return _TAR
    for pattern, kind in _BY_NAME.items():
        if re.search(pattern, name.lower()):
            return kind
    return _text_kind(start)


def _text_kind(start: bytes) -> Kind | None:
    try:
        text = start.decode()
    except UnicodeDecodeError as error:
        if error.start < len(start) - 3:  # else a character is cut off
            return None
        text = start[: error.start].decode()
    if not text or re.search(r"[\x00-\x08\x0e-\x1f]", text):
        return None
    return next((kind for form, kind in _TEXTS.items() if re.match(form, text.lower())), TEXT)


def _in_zip(path: Path) -> Kind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.lower() for name in archive.namelist()]
            is_locked = any(entry.flag_bits & 1 for entry in archive.infolist())
    except Exception:  # zipfile raises many kinds for damaged bytes
        return _BROKEN.get(path.suffix.lower(), _BROKEN_ZIP)
    for pattern, kind in _IN_ZIP.items():
        if any(re.search(pattern, name) for name in names):
            return kind
    are_arrays = all(name.endswith(".npy") and "__macosx" not in name for name in names)
    return NUMPY if (names and are_arrays) or (path.suffix == ".npz" and not is_locked) else _ZIP
