"""The common part of run folders and sweep folders: name, manifest, lock, creation and removal."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, ClassVar, TypeVar

from mnistop.engine import events
from mnistop.engine.errors import RunError
from mnistop.engine.files import (
    disk_usage,
    from_json,
    new_folder,
    one_line,
    open_regular,
    owner_of,
    reason,
    why_unreadable,
    write_atomically,
)
from mnistop.engine.runs import lock

T = TypeVar("T")
Some = TypeVar("Some", bound="Folder")

_BEGINNING = 1 << 13
"""Bytes at the beginning of a log that are searched for the start."""
_CLOCKS_APART = 60.0
"""Seconds by which the clocks of machines that share a disk may differ."""


@dataclass(frozen=True)
class _Versioned:
    """The part of a manifest that every version has."""

    format: int


@dataclass(frozen=True)
class Folder:
    """A folder that one process writes while it holds the lock, and that others read meanwhile."""

    path: Path

    MANIFEST: ClassVar[str]
    """The name of the file that makes a folder one of this kind."""
    FORMATS: ClassVar[range]
    """The versions of it that this program reads."""
    LARGEST_MANIFEST: ClassVar[int]
    """Its maximum size in bytes."""

    @property
    def name(self) -> str:
        """The folder's name, as in `20261123-142501-quiet-otter`, to be shown and typed.

        Anyone who may write here can make a folder of any name, so unprintable characters
        (a newline, an escape, an undecodable byte) are replaced by question marks.
        """
        return one_line(self.path.name)

    @property
    def words(self) -> str:
        """The name without its date, as in `quiet-otter`."""
        return self.name.split("-", 2)[-1]

    @property
    def full_name(self) -> str:
        """The kind and the name, as in `Run 20261123-142501-quiet-otter`."""
        return f"{type(self).__name__} {self.name}"

    def is_there(self) -> bool:
        """Return whether the folder exists and can be accessed."""
        return os.path.exists(self.path / self.MANIFEST)

    def is_gone(self) -> bool:
        """Return whether the folder certainly does not exist, rather than being out of reach."""
        try:
            os.stat(self.path / self.MANIFEST)
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:
            pass
        return False

    @property
    def is_ours(self) -> bool:
        """True if this user owns the folder or may write it."""
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
            raise self.foreign_error()

    def foreign_error(self) -> RunError:
        """Return the error that only the owner can do something."""
        return RunError(f"{self.full_name} belongs to another user, who alone can do that.")

    def check_readable(self) -> None:
        """Check that the files that its state depends on can be read; else it would look dead.

        Raises:
            RunError: one of the files exists and cannot be read.
        """
        for path in (self.path / self.MANIFEST, self.events_path, self.lock_path):
            if problem := why_unreadable(path):
                raise self._unreadable(path.name, problem)

    def is_readable(self) -> bool:
        """Return whether the files that its state depends on can be read."""
        try:
            self.check_readable()
        except RunError:
            return False
        return True

    def _unreadable(self, file: str, problem: str) -> RunError:
        sentence = f"{self.full_name} cannot be read ({file}: {problem.lower()})"
        if self.is_ours or problem != os.strerror(errno.EACCES):
            return RunError(f"{sentence}.")
        owner = owner_of(self.path)
        return RunError(
            f"{sentence}: it belongs to {owner}, who can open it with mnistop share {self.name}."
        )

    def started(self) -> float:
        """Return the time of its start in seconds since 1970, found without reading a long log.

        That is the first start in its log, else the time at which its manifest was written; 0 if
        it is gone. The time in its name is local to the machine that made it.
        """
        with contextlib.suppress(OSError), open_regular(self.events_path) as log:
            for line in log.read(_BEGINNING).splitlines():
                with contextlib.suppress(events.UnreadableEventError):
                    event = events.from_json(line)
                    if isinstance(event, events.RunStarted | events.SweepStarted):
                        return event.time
        with contextlib.suppress(OSError):
            return (self.path / self.MANIFEST).stat().st_mtime
        return 0.0

    def size(self) -> int:
        """Return the bytes that it takes on the disk, as `du` counts them; 0 if it is gone."""
        return disk_usage(os.fspath(self.path))

    def format(self) -> int:
        """Return the version of the manifest.

        Raises:
            RunError: it is missing, damaged or of a version that this program cannot read.
        """
        return self.read_manifest(lambda content: from_json(_Versioned, content).format)

    def read_manifest(self, read: Callable[[bytes], T]) -> T:
        """Read the manifest.

        Args:
            read: reads its JSON, and raises `ValueError` where that is damaged.

        Raises:
            RunError: it is missing, damaged or of another format.
        """
        try:
            with open_regular(self.path / self.MANIFEST) as file:
                content = file.read(self.LARGEST_MANIFEST)
            self._check_format(from_json(_Versioned, content).format)
            return read(content)
        except PermissionError:
            raise self._unreadable(self.MANIFEST, os.strerror(errno.EACCES)) from None
        except OSError as error:
            raise RunError(f"{self.full_name} cannot be read: {error.strerror}.") from None
        except ValueError:
            raise RunError(f"{self.full_name} has a damaged {self.MANIFEST}.") from None

    def _check_format(self, version: int) -> None:
        formats = self.FORMATS
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
        """The file to which the process writes warnings and tracebacks."""
        return self.path / "log.txt"

    @property
    def events_path(self) -> Path:
        """The file to which the process writes its events, one a line."""
        return self.path / "events.jsonl"

    def is_running(self) -> bool:
        """Return whether its process is alive: it holds the lock."""
        return lock.is_held(self.lock_path)

    def process_id(self) -> int | None:
        """Return the process ID; None if no process holds the lock."""
        return lock.holder(self.lock_path)

    def take_lock(self) -> IO[bytes]:
        """Take the lock, to resume what the folder holds.

        Raises:
            RunError: another process has it, the folder may not be written, or holds links.
        """
        links = [path for path in self.path.rglob("*") if path.is_symlink()]
        if links:
            raise RunError(
                f"{self.full_name} cannot be resumed: {links[0]} is a link, and its target would "
                "be overwritten. Put the file itself there."
            )
        try:
            held = lock.take(self.lock_path)
        except OSError as error:
            why = self.why_not_writable(error)
            raise RunError(f"{self.full_name} cannot be resumed: {why}.") from None
        if not held:
            where = " on another machine" if lock.was_taken_elsewhere(self.lock_path) else ""
            raise RunError(f"{self.full_name} is already being trained{where}.")
        return held

    def delete(self) -> None:
        """Delete the folder with everything in it.

        Raises:
            RunError: it is being trained, or may not be deleted.
        """
        if self.is_running():
            raise RunError(f"{self.full_name} is being trained: stop it first.")
        try:
            if not self.is_ours:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            if not os.access(self.path.parent, os.W_OK | os.X_OK):  # before anything is lost
                raise PermissionError(errno.EACCES, f"{self.path.parent} may not be written")
            shutil.rmtree(self.path)
        except OSError as error:
            if self._has_only_unnamed_files():
                return
            why = self.why_not_writable(error)
            raise RunError(f"{self.full_name} cannot be deleted: {why}.") from None

    def _has_only_unnamed_files(self) -> bool:
        """Return whether only files are left that NFS keeps as long as a process has them open."""
        try:
            left = [name for *_, names in os.walk(self.path) for name in names]
        except OSError:
            return False
        return bool(left) and all(name.startswith(".nfs") for name in left)

    def why_not_writable(self, error: OSError) -> str:
        """Explain an error in changing the folder, as a clause."""
        if isinstance(error, PermissionError) and self._is_foreign():
            return "it belongs to another user, who alone can do that"
        return error.strerror or type(error).__name__


def age(started: float, name: str) -> tuple[bool, float, str]:
    """Return a key that sorts runs and sweeps from the oldest to the newest.

    A start in the future means that a clock was ahead, by an unknown time: it counts as oldest.

    Args:
        started: in seconds since 1970.
        name: decides between equal times.
    """
    return started <= time.time() + _CLOCKS_APART, started, name


def newest_first(found: Iterable[Some]) -> list[Some]:
    """Sort runs or sweeps by their starts."""
    return sorted(found, key=lambda one: age(one.started(), one.name), reverse=True)


def create(
    kind: type[Some],
    manifest: dict[str, Any],
    parent: Path,
    make: Callable[[Path], Path] = new_folder,
) -> tuple[Some, IO[bytes]]:
    """Create the folder of a run or a sweep; it is removed again if that fails halfway.

    Args:
        kind: `Run` or `Sweep`.
        manifest: its content.
        parent: the folder to make it in, see `runs_folder`.
        make: makes the empty folder.

    Returns:
        It, with the open lock that marks this process as the one that writes it.

    Raises:
        RunError: the folder cannot be made.
    """
    try:
        folder = kind(make(parent))
        try:
            held = lock.create(folder.lock_path)
            content = json.dumps(manifest, indent=1).encode()
            write_atomically(folder.path / kind.MANIFEST, content)
        except OSError:
            shutil.rmtree(folder.path, ignore_errors=True)
            raise
    except OSError as error:
        raise RunError(
            f"A {kind.__name__.lower()} folder cannot be made in {parent}: "
            f"{reason(error, parent)}. Set MNISTOP_RUNS to a folder that can be written."
        ) from None
    return folder, held
