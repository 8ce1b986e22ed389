"""Files and folders of runs: read without trust, written atomically, private unless shared."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import pwd
import random
import stat
import time
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import msgspec

from mnistop.engine.errors import RunError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Form = TypeVar("Form")

_FEW_INODES, _SOME_ROOM = 16, 1 << 16
"""A failed write may have been undone since, which has freed some inodes."""


def open_regular(path: Path) -> IO[bytes]:
    """Open a regular file for reading: a pipe or a device could block the reader.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, f"{path.name} is no regular file", path)
    return open(descriptor, "rb")


def why_unreadable(path: Path) -> str:
    """Return why an existing file cannot be read; empty if it can, or is missing.

    Missing files are normal in a run folder, so a file without permission, or on a network disk
    that fails, must not be taken for a missing one.
    """
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as error:
        return (error.strerror or type(error).__name__) if error.errno in _UNREADABLE else ""
    except ValueError:  # a null byte in the path
        return ""
    return ""


_UNREADABLE = (errno.EACCES, errno.EPERM, errno.EIO, errno.ESTALE, errno.ETIMEDOUT)


def open_own(path: Path) -> IO[bytes]:
    """Open a file for reading that nobody but this user can have written or may read.

    One of this user's own that others may read is closed to them, and refused this once.

    Raises:
        OSError: it cannot be opened, is a link or no regular file, another user's, or was open
            to others.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
    file = open(os.open(path, flags), "rb")  # noqa: SIM115
    facts = os.fstat(file.fileno())
    is_own = stat.S_ISREG(facts.st_mode) and facts.st_uid == os.geteuid() and facts.st_nlink == 1
    if is_own and not facts.st_mode & 0o077:
        return file
    with file:
        if is_own:
            os.fchmod(file.fileno(), 0o600)
    raise PermissionError(errno.EACCES, "not private", path)


def replace_own(path: Path, content: bytes) -> None:
    """Replace a file by one that this user alone may read, in a folder where others may write.

    Raises:
        OSError: it cannot be written.
    """
    import tempfile  # which takes as long as all else that --help loads

    descriptor, beside = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)  # mode 0600
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        os.replace(beside, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise


def user_folder(find: Callable[[], Path], variable: str) -> Path:
    """Return a folder below the user's home, which a user without an account does not have.

    Args:
        find: one of platformdirs' functions.
        variable: the environment variable that names the folder itself.

    Raises:
        RunError: there is no home.
    """
    with contextlib.suppress(RuntimeError):
        path = find()
        if path.is_absolute():  # platformdirs before 4.4 keeps the ~
            return path
    raise RunError(
        f"User {os.getuid()} has no home folder here: set HOME, or {variable}, to a folder that "
        "can be written."
    )


def expanded(name: str) -> Path:
    """Expand ~ in a path to the home folder.

    Raises:
        RunError: there is no such home folder.
    """
    try:
        return Path(name).expanduser()
    except RuntimeError:
        raise RunError(f"There is no home folder for {name}: give the path in full.") from None


def from_json(form: type[Form], content: bytes) -> Form:
    """Decode JSON to an object of a class; unknown names are ignored.

    Raises:
        ValueError: it is no JSON, or a value in it is missing or wrong.
    """
    try:
        return msgspec.json.decode(content, type=form)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def open_private(path: Path | str, flags: int) -> int:
    """Open a file for writing, with the readers of its folder.

    That is the owner alone, unless the folder is shared.
    """
    descriptor = os.open(path, flags, 0o600)
    shared = stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) & 0o644
    if shared != 0o600:
        os.fchmod(descriptor, shared)
    return descriptor


def make_folder(path: Path) -> None:
    """Create a folder unless it exists, with the readers of its parent."""
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
        open_like(path, path.parent)


def open_like(path: Path, other: Path) -> None:
    """Open a new folder to the readers of another one.

    The mode is read after the new one was made, in case the other is shared at this very moment.
    """
    shared = stat.S_IMODE(other.stat().st_mode) & 0o755
    if shared != 0o700:
        path.chmod(stat.S_IMODE(path.stat().st_mode) | shared)


def write_at(file: int, content: NDArray[Any], place: int) -> int:
    """Write an array into a file completely; a single system call may write a part.

    Args:
        file: its descriptor.
        content: an array without gaps.
        place: the offset in bytes.

    Returns:
        The offset after it.
    """
    rest = content.data.cast("B")
    while rest:
        done = os.pwrite(file, rest, place)
        place, rest = place + done, rest[done:]
    return place


def lacks_inodes(error: OSError, path: Path) -> bool:
    """Return whether a disk that seems full has room for content, but no inode for another file.

    Args:
        error: the error raised.
        path: a folder on the disk that was written to.
    """
    if error.errno != errno.ENOSPC:
        return False
    try:
        disk = os.statvfs(path)
    except OSError:
        return False
    few_files = disk.f_files > 0 and disk.f_favail < _FEW_INODES
    return few_files and disk.f_bavail * disk.f_frsize > _SOME_ROOM


def reason(error: OSError, path: Path) -> str:
    """Explain why a file cannot be written; for the arguments see `lacks_inodes`."""
    if lacks_inodes(error, path):
        return "The disk has no inode left for another file"
    if error.errno == errno.EFBIG:
        return f"{error.strerror}, by the limit that ulimit -f shows"
    return error.strerror or str(error)


def write_atomically(path: Path, content: bytes | memoryview) -> None:
    """Replace a file so that a reader sees the old or the new content, never a part."""
    beside = path.with_name(path.name + ".new")
    try:
        with open(open_private(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as file:
            file.write(content)
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def one_line(text: str) -> str:
    """Replace characters that could end a line, steer a terminal or change the direction of text.

    Each becomes `?`, and a space of another kind, as between the words of a name, a usual one.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else " " if unicodedata.category(char) == "Zs" else "?"
        for char in text
    )


def owner_of(path: Path) -> str:
    """Return the name of a file's owner, the number if there is no name, else `another user`."""
    try:
        number = path.stat().st_uid
    except OSError:
        return "another user"
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


_DEEPEST = 8
"""Folders below each other that are followed; links between folders would have no end."""


def files_below(folder: Path) -> Iterator[tuple[str, ...]]:
    """Yield the path of each file below a folder, from there, sorted folder by folder.

    Links that lead back to a folder above them are not followed.

    Raises:
        OSError: a folder cannot be read.
    """
    for place, names in folders_below(folder):
        for name in names:
            yield *place, name


def folders_below(folder: Path) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Yield the path of each folder below one, and of itself, with its files; see `files_below`."""

    def refuse(error: OSError) -> None:
        raise error

    for place, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        above = Path(place).relative_to(folder).parts
        here = Path(os.path.realpath(place))
        folders[:] = [
            name
            for name in sorted(folders)
            if len(above) < _DEEPEST
            and not here.is_relative_to(os.path.realpath(os.path.join(place, name)))
        ]
        yield above, sorted(names)


def disk_usage(folder: str) -> int:
    """Return the bytes that the files in a folder and below it take on the disk."""
    taken = 0
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    taken += disk_usage(entry.path)
                else:
                    taken += 512 * entry.stat(follow_symlinks=False).st_blocks
    return taken


_FIRST_WORDS = (
    "amber ample azure bold brave brisk bright calm clear cosy crisp early eager fair fleet "
    "fond frank fresh gentle glad golden grand green happy hardy humble jolly keen kind light "
    "lively lucid mellow merry mild modest neat nimble noble plain proud quick quiet ready "
    "rosy silent silver smooth snowy solid sound steady still sunny swift tidy vivid warm "
    "wise witty"
)
_SECOND_WORDS = (
    "acorn alder ash aspen badger beach beech birch breeze bridge brook canyon cedar cliff "
    "cloud comet coral crane creek delta dune eagle elm ember falcon fern field finch fjord "
    "forest garden glade grove harbor hazel heron hill island lagoon lake lark linden lotus "
    "maple marsh meadow moon oak orchid otter owl pine plum pond raven reef river robin "
    "spring stream swan tulip valley wave willow wren"
)


def new_folder(parent: Path) -> Path:
    """Create a folder with a new name, for a run or a sweep.

    No other folder there has the same two words, as long as there are unused ones.

    Raises:
        OSError: it cannot be made.
    """
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    taken = {name.split("-", 2)[-1].partition(".")[0] for name in os.listdir(parent)}
    pairs = itertools.product(_FIRST_WORDS.split(), _SECOND_WORDS.split())
    every = [f"{first}-{second}" for first, second in pairs]
    free = [words for words in every if words not in taken] or every
    chance = random.SystemRandom()  # leaves the random numbers of a script with its own seed alone
    while True:
        path = parent / f"{time.strftime('%Y%m%d-%H%M%S')}-{chance.choice(free)}"
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            continue
        return path
