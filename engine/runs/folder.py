"""What the folders of runs and of sweeps have in common: name, manifest, lock and removal."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import pwd
import random
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar, TypeVar

from mnistop.engine.errors import RunError
from mnistop.engine.files import from_json, open_regular, why_unreadable, write_atomically
from mnistop.engine.runs import lock

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

T = TypeVar("T")
Some = TypeVar("Some", bound="Folder")

_BEGINNING = 1 << 13
"""Bytes at the beginning of a log in which its first words are looked for."""
_CLOCKS_APART = 60.0
"""Seconds by which the clocks of machines that share a disk may differ."""


@dataclass(frozen=True)
class _Versioned:
    """What a manifest of any version holds."""

    format: int


@dataclass(frozen=True)
class _Spoken:
    """What a line of a log holds."""

    event: str
    time: float


@dataclass(frozen=True)
class Folder:
    """A folder that one process writes, which holds its lock, and that others read meanwhile."""

    path: Path

    MANIFEST: ClassVar[str]
    """The name of the file that makes a folder one of this kind."""

    @property
    def name(self) -> str:
        """The folder's name, as in `20261123-142501-quiet-otter`, to be shown and typed.

        Whoever may write among the runs can make a folder of any name: what no line can show
        (a newline, an escape, an undecodable byte) is a question mark here.
        """
        name = self.path.name
        return name if name.isprintable() else one_line(name)

    @property
    def words(self) -> str:
        """The name without its date, as in `quiet-otter`."""
        return self.name.split("-", 2)[-1]

    @property
    def full_name(self) -> str:
        """What it is and its name, as in `Run 20261123-142501-quiet-otter`."""
        return f"{type(self).__name__} {self.name}"

    def is_there(self) -> bool:
        """Whether it has been made, not been deleted since, and may be looked into."""
        return os.path.exists(self.path / self.MANIFEST)

    def is_gone(self) -> bool:
        """Whether it is certainly not there, and not only out of reach at this moment."""
        try:
            os.stat(self.path / self.MANIFEST)
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:
            pass
        return False

    @property
    def is_ours(self) -> bool:
        """Whether this user may change it: it is this user's own, or may be written."""
        return not self._is_foreign() or os.access(self.path, os.W_OK | os.X_OK)

    def _is_foreign(self) -> bool:
        try:
            return self.path.stat().st_uid != os.geteuid()
        except FileNotFoundError:
            return False
        except OSError:  # in a folder that is closed to this user
            return True

    def check_ours(self) -> None:
        """Check that this user may change it.

        Raises:
            RunError: it belongs to another user.
        """
        if not self.is_ours:
            raise RunError(f"{self.full_name} belongs to another user, who alone can do that.")

    def check_readable(self) -> None:
        """Check that what tells its state may be read: without it a run looks dead.

        Raises:
            RunError: one of the files is there and cannot be read.
        """
        for path in (self.path / self.MANIFEST, self.events_path, self.lock_path):
            if reason := why_unreadable(path):
                raise RunError(self.unreadable(path.name, reason))

    def is_readable(self) -> bool:
        """Whether what tells its state may be read."""
        try:
            self.check_readable()
        except RunError:
            return False
        return True

    def unreadable(self, file: str, reason: str) -> str:
        """Say in a sentence that a file of it cannot be read, and what helps."""
        sentence = f"{self.full_name} cannot be read ({file}: {reason.lower()})"
        if self.is_ours or reason != os.strerror(errno.EACCES):
            return f"{sentence}."
        owner = owner_of(self.path)
        return f"{sentence}: it belongs to {owner}, who can open it with mnistop share {self.name}."

    def started(self) -> float:
        """When it was started, in seconds since 1970, as cheaply as it can be found.

        By its log, else by when its manifest was written; 0 if it is gone. Its name says it in
        the local time of whoever made it, which is no measure.
        """
        with contextlib.suppress(OSError), open_regular(self.events_path) as log:
            for line in log.read(_BEGINNING).splitlines():
                if b'Started"' in line:
                    with contextlib.suppress(ValueError):
                        said = from_json(_Spoken, line)
                        if said.event in ("RunStarted", "SweepStarted"):
                            return said.time
        with contextlib.suppress(OSError):
            return (self.path / self.MANIFEST).stat().st_mtime
        return 0.0

    def size(self) -> int:
        """The bytes that it takes on the disk, as `du` counts them; 0 if it is gone."""
        return disk_usage(os.fspath(self.path))

    def read_manifest(self, read: Callable[[bytes], T], formats: range, largest: int) -> T:
        """What the manifest holds.

        Args:
            read: reads its JSON, and raises `ValueError` where that is damaged.
            formats: those that this program reads.
            largest: bytes that it may have.

        Raises:
            RunError: it is missing, damaged or of another format.
        """
        try:
            with open_regular(self.path / self.MANIFEST) as file:
                content = file.read(largest)
            self._check_format(from_json(_Versioned, content).format, formats)
            return read(content)
        except PermissionError:
            raise RunError(self.unreadable(self.MANIFEST, os.strerror(errno.EACCES))) from None
        except OSError as error:
            raise RunError(f"{self.full_name} cannot be read: {error.strerror}.") from None
        except ValueError:
            raise RunError(f"{self.full_name} has a damaged {self.MANIFEST}.") from None

    def _check_format(self, version: int, formats: range) -> None:
        if version >= formats.stop:
            raise RunError(
                f"{self.full_name} was written by a newer mnistop (format {version}, "
                f"this one reads up to {formats[-1]}): update mnistop to open it."
            )
        if version < formats.start:
            raise RunError(
                f"{self.full_name} was written by an older mnistop (format {version}, "
                f"this one reads from {formats[0]} on): open it with the one that wrote it."
            )

    # The process that writes it

    @property
    def lock_path(self) -> Path:
        """The file whose lock the process holds."""
        return self.path / "lock"

    @property
    def log_path(self) -> Path:
        """Where the process writes its warnings and its tracebacks."""
        return self.path / "log.txt"

    @property
    def events_path(self) -> Path:
        """Where the process writes what it has to say, an event a line."""
        return self.path / "events.jsonl"

    def is_running(self) -> bool:
        """Whether the process lives: it holds the lock."""
        return lock.is_held(self.lock_path)

    def process_id(self) -> int | None:
        """The process while it lives, else None."""
        return lock.holder(self.lock_path)

    def begin(self, manifest: bytes) -> IO[bytes]:
        """Writes the manifest into a folder just made, which is removed again if that fails.

        Returns:
            The open lock that marks this process as the one that writes it.

        Raises:
            OSError: it cannot be written.
        """
        try:
            held = lock.create(self.lock_path)
            write_atomically(self.path / self.MANIFEST, manifest)
        except OSError:
            shutil.rmtree(self.path, ignore_errors=True)
            raise
        return held

    def take_lock(self, busy: str) -> IO[bytes]:
        """The lock of a folder that goes on, taken by this process.

        Args:
            busy: what is said of it when another process has the lock.

        Raises:
            RunError: another process has it, the folder may not be written, or holds links.
        """
        links = [path for path in self.path.rglob("*") if path.is_symlink()]
        if links:
            raise RunError(
                f"{self.full_name} cannot be resumed: {links[0]} is a link, and what it leads to "
                "would be written. Put the file itself there."
            )
        try:
            held = lock.take(self.lock_path)
        except OSError as error:
            what = self.hindrance(error)
            raise RunError(f"{self.full_name} cannot be resumed: {what}.") from None
        if not held:
            where = " on another machine" if lock.was_taken_elsewhere(self.lock_path) else ""
            raise RunError(f"{self.full_name} {busy}{where}.")
        return held

    def remove(self) -> None:
        """Removes the folder with all that is in it.

        Raises:
            RunError: it may not be removed.
        """
        try:
            if not self.is_ours:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            if not os.access(self.path.parent, os.W_OK | os.X_OK):  # before anything is lost
                raise PermissionError(errno.EACCES, f"{self.path.parent} may not be written")
            shutil.rmtree(self.path)
        except OSError as error:
            if self._has_only_unnamed_files():
                return
            what = self.hindrance(error)
            raise RunError(f"{self.full_name} cannot be deleted: {what}.") from None

    def _has_only_unnamed_files(self) -> bool:
        """Whether all that is left is what NFS keeps of removed files as long as they are open."""
        try:
            left = [name for *_, names in os.walk(self.path) for name in names]
        except OSError:
            return False
        return bool(left) and all(name.startswith(".nfs") for name in left)

    def hindrance(self, error: OSError) -> str:
        """What forbids to change the folder, in words."""
        if isinstance(error, PermissionError) and self._is_foreign():
            return "it belongs to another user, who alone can do that"
        return error.strerror or type(error).__name__


def one_line(text: str) -> str:
    """Return a text from elsewhere without what would end a line or steer a terminal."""
    return "".join(char if char.isprintable() else "?" for char in text)


def owner_of(path: Path) -> str:
    """Return the name of a file's owner, its number where there is no name, else `another user`."""
    try:
        number = path.stat().st_uid
    except OSError:
        return "another user"
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def disk_usage(folder: str) -> int:
    """The bytes that the files of a folder take on the disk, those below it included."""
    taken = 0
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    taken += disk_usage(entry.path)
                else:
                    taken += 512 * entry.stat(follow_symlinks=False).st_blocks
    return taken


def age(started: float, name: str) -> tuple[bool, float, str]:
    """What sorts runs and sweeps from the oldest to the newest.

    Nothing was started in the future: the clock was ahead, and how far is not known. What claims
    so is no newer than anything else.

    Args:
        started: in seconds since 1970.
        name: tells those apart that were started at the same time.
    """
    return started <= time.time() + _CLOCKS_APART, started, name


def newest_first(found: Iterable[Some]) -> list[Some]:
    """Runs or sweeps in the order of their starts."""
    return sorted(found, key=lambda one: age(one.started(), one.name), reverse=True)


def new_folder(parent: Path) -> Path:
    """Makes a folder with a new name, for a run or a sweep.

    Its two words are those of no other folder there, as long as there are such words.

    Raises:
        OSError: it cannot be made.
    """
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    taken = {name.split("-", 2)[-1].partition(".")[0] for name in os.listdir(parent)}
    pairs = itertools.product(_FIRST_WORDS.split(), _SECOND_WORDS.split())
    every = [f"{first}-{second}" for first, second in pairs]
    free = [words for words in every if words not in taken] or every
    chance = random.SystemRandom()  # a script that seeds its own is to get the same numbers
    while True:
        path = parent / f"{time.strftime('%Y%m%d-%H%M%S')}-{chance.choice(free)}"
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            continue
        return path
