"""Sharing: other users of the machine may read a run or a sweep, and nobody but its owner write it.

What is shared is what the folder's mode says, and nothing else records it: `open_private` gives
each new file of a run the mode of its folder, and each new member of a sweep gets that of the
sweep's. So a run is watched live, with the files that it writes later.

Two modes are changed and no others: that of the run, with the files of a run in it, and that of
the runs folder, which others may then pass through (`a+x`) but not list. The home folder, what is
above it, and whatever belongs to somebody else stay as they are: `Shared.closed` says what is in
the way.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mnistop.engine.errors import RunError
from mnistop.engine.files import one_line, open_regular
from mnistop.engine.runs.folder import Folder
from mnistop.engine.runs.index import FILE as INDEX
from mnistop.engine.runs.run_folder import WRITTEN, Run, runs_folder
from mnistop.engine.runs.sweep_folder import Sweep

_READ_FOLDER, _READ_FILE = 0o055, 0o044
_PASS = 0o011
_OTHERS = 0o077
_FILES = re.compile(
    rf"({WRITTEN.pattern}|sweep\.json|about\.json|lock|room|checkpoint\.kept\.pt"
    r"|robustness/[\w.-]+\.npz)(\.new)?"
)
"""The files of a run and of a sweep. What else somebody keeps in the folder is not shared."""
_FOLDERS = ("robustness", "snapshots")


@dataclass(frozen=True)
class Shared:
    """A run or a sweep that others may read from now on."""

    path: Path
    """Its path without links."""
    closed: tuple[Path, ...] = ()
    """The folders above it that others may not pass, the topmost first."""
    left_out: tuple[str, ...] = ()
    """The names of other files in the folder, which stay private."""


def share(found: Run | Sweep) -> Shared:
    """Let all users of this machine read a run, or a sweep with its members, also later ones.

    Raises:
        RunError: it belongs to another user, or the runs folder cannot be opened without opening
            something else.
    """
    _check_owner(found)
    parent = found.path.parent
    missing = _missing(parent, _PASS)
    opens_parent = missing and _is_own_runs_folder(parent)
    if opens_parent:
        _check_neighbours(found, missing)
    was_shared, folders = is_shared(found), _folders_of(found)
    with _explain_errors(found, "shared"):
        try:
            left_out = [name for path in folders for name in _open(path)]
            if opens_parent:
                parent.chmod(stat.S_IMODE(parent.stat().st_mode) | _PASS)
        except OSError:
            if not was_shared:
                with contextlib.suppress(OSError):
                    for path in folders:
                        _close(path)
            raise
    return _shared(found.path, left_out)


def unshare(found: Run | Sweep) -> bool:
    """Undo `share`; the runs folder is closed with the last shared run.

    Returns:
        Whether it was shared.

    Raises:
        RunError: it belongs to another user, or its mode cannot be changed.
    """
    _check_owner(found)
    was_shared = is_shared(found)
    with _explain_errors(found, "unshared"):
        for path in _folders_of(found):
            _close(path)
        parent = found.path.parent
        if _is_own_runs_folder(parent):
            mode = stat.S_IMODE(parent.stat().st_mode)
            # To pass but neither list nor write: only `share` makes such a folder of runs.
            ours = sum(bit for bit in (0o010, 0o001) if mode & 7 * bit == bit)
            if ours and not any(mode & _OTHERS for _, mode in _entries(parent)):
                parent.chmod(mode & ~ours)
    return was_shared


def is_shared(found: Folder) -> bool:
    """Return whether others may read a run or a sweep, by the mode of its own folder."""
    return bool(stat.S_IMODE(found.path.stat().st_mode) & _OTHERS)


def copy_to(found: Run | Sweep, folder: Path) -> Shared:
    """Copy a run, or a sweep with its members, and let others read the copy.

    The copy of a run in training does not grow.

    Args:
        found: the original.
        folder: the folder to copy it to, under the same name; it is made if it does not exist.

    Raises:
        RunError: the copy cannot be made, or there is something of this name.
    """
    found.check_readable()
    sources = _folders_of(found)
    copies = {path: folder / path.name for path in sources}
    for copy in copies.values():
        if os.path.lexists(copy):
            raise RunError(
                f"{one_line(os.fspath(copy))} is there already: delete it, or choose another "
                "folder."
            )
    made: list[Path] = []
    try:
        if not os.path.isdir(folder):
            folder.mkdir(parents=True)
            folder.chmod(0o755)
        for path, copy in copies.items():
            copy.mkdir(mode=0o700)
            made.append(copy)
            _copy(path, copy)
        left_out = [name for copy in copies.values() for name in _open(copy)]
    except BaseException as error:
        for copy in made:
            shutil.rmtree(copy, ignore_errors=True)
        if isinstance(error, OSError):
            raise RunError(
                f"{found.full_name} cannot be copied to {one_line(os.fspath(folder))}: "
                f"{error.strerror or type(error).__name__}."
            ) from None
        raise
    return _shared(copies[found.path], left_out)


def _shared(path: Path, left_out: list[str]) -> Shared:
    real = Path(os.path.realpath(path))
    closed = tuple(folder for folder in reversed(real.parents) if not _lets_pass(folder))
    return Shared(real, closed, tuple(left_out))


def _copy(source: Path, target: Path) -> None:
    """Copy the files of a run, the events first: the files that they name exist by then."""
    names = sorted(_files(source), key=lambda name: name != "events.jsonl")
    for name in names:
        kept = _FILES.fullmatch(name) and not name.endswith(".new") and name != "room"
        if not kept or os.path.islink(source / name):
            continue
        (target / name).parent.mkdir(mode=0o700, exist_ok=True)
        with contextlib.suppress(FileNotFoundError), open_regular(source / name) as file:
            if name == "lock":  # it is the original that a process trains
                (target / name).touch(mode=0o600)
                continue
            with open(target / name, "xb") as copy:
                shutil.copyfileobj(file, copy, 1 << 20)


# Folders and files


def _folders_of(found: Run | Sweep) -> list[Path]:
    """Return the folder of a run, or that of a sweep and those of its members, begun or not.

    The sweep's own is first: a member that is made later follows it.
    """
    if isinstance(found, Run):
        return [found.path]
    parent = found.path.parent
    with _explain_errors(found, "read"):
        members = [parent / name for name in os.listdir(parent)]
    return [found.path, *sorted(path for path in members if Run(path).sweep == found.name)]


def _open(path: Path) -> list[str]:
    """Let others read a run's folder and the files of a run in it; return the other files.

    The other files were private by the folder alone, whatever their own modes, and are closed. The
    folder comes before its files, so that new files get its mode; files that were just being made
    are found in another pass.
    """
    left_out = sorted(name for name in _files(path) if not _FILES.fullmatch(name))
    if _missing(path, _PASS):
        for name in left_out:
            _change(path / name, 0, _OTHERS)
    _change(path, _READ_FOLDER, 0)
    changed = True
    while changed:
        changed = False
        for name in _FOLDERS:
            changed |= _change(path / name, _READ_FOLDER, 0)
        for name in filter(_FILES.fullmatch, _files(path)):
            changed |= _change(path / name, _READ_FILE, 0)
    return left_out


def _close(path: Path) -> None:
    """Close a run's folder and the files of a run in it to others."""
    _change(path, 0, _OTHERS)
    for name in (*_files(path), *_FOLDERS):
        if name in _FOLDERS or _FILES.fullmatch(name):
            _change(path / name, 0, _OTHERS)


def _files(path: Path) -> Iterator[str]:
    """Yield the names of all files in a run's folder and in its subfolders."""
    for name in os.listdir(path):
        if name not in _FOLDERS or os.path.islink(path / name):
            yield name
            continue
        with contextlib.suppress(NotADirectoryError):
            yield from (f"{name}/{inner}" for inner in os.listdir(path / name))


def _change(path: Path, more: int, less: int) -> bool:
    """Change the mode of a file or a folder; links, devices and missing files are left alone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError:
        if os.path.islink(path) or not (os.path.isfile(path) or os.path.isdir(path)):
            return False
        raise
    try:
        facts = os.fstat(descriptor)
        mode = stat.S_IMODE(facts.st_mode)
        wanted = (mode | more) & ~less
        if wanted == mode or not (stat.S_ISREG(facts.st_mode) or stat.S_ISDIR(facts.st_mode)):
            return False
        os.fchmod(descriptor, wanted)
        return True
    finally:
        os.close(descriptor)


def _check_owner(found: Folder) -> None:
    """Raise an error unless this user owns the folder, and so may change its mode."""
    user = os.geteuid()
    if user and found.path.stat().st_uid != user:
        raise found.foreign_error()


@contextlib.contextmanager
def _explain_errors(found: Folder, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise RunError(f"{found.full_name} cannot be {what}: {reason}.") from None


# The folders above


def _is_own_runs_folder(parent: Path) -> bool:
    """Return whether a folder is this user's runs folder, and neither home nor above it."""
    real = Path(os.path.realpath(parent))
    home = Path(os.path.realpath(os.path.expanduser("~")))
    with contextlib.suppress(OSError):
        is_runs = os.path.samefile(parent, runs_folder())
        return (
            is_runs and parent.stat().st_uid == os.geteuid() and real not in (home, *home.parents)
        )
    return False


def _missing(folder: Path, wanted: int) -> int:
    return wanted & ~stat.S_IMODE(folder.stat().st_mode)


def _entries(folder: Path) -> Iterator[tuple[str, int]]:
    """Yield the names and modes of the entries of a folder, without links.

    An index, which an earlier version left open, is closed.
    """
    for name in os.listdir(folder):
        with contextlib.suppress(OSError):
            facts = os.lstat(folder / name)
            if stat.S_ISLNK(facts.st_mode):
                continue
            mode = stat.S_IMODE(facts.st_mode)
            if name == INDEX and stat.S_ISREG(facts.st_mode):
                _change(folder / name, 0, _OTHERS)
                mode &= ~_OTHERS
            yield name, mode


def _check_neighbours(found: Run | Sweep, missing: int) -> None:
    """Check that opening the runs folder opens what is to be shared and nothing else.

    Args:
        found: what is to be shared.
        missing: the bits of those who will be able to pass.

    Raises:
        RunError: something else there is closed by the runs folder alone.
    """
    newly = 7 * missing  # all rights of those classes
    own = [path.name for path in _folders_of(found)]
    open_ones = [
        name for name, mode in _entries(found.path.parent) if mode & newly and name not in own
    ]
    if open_ones:
        first = min(open_ones)
        more = f" and {len(open_ones) - 1} more" if len(open_ones) > 1 else ""
        raise RunError(
            f"{found.full_name} is not shared: its folder {one_line(os.fspath(found.path.parent))} "
            f"is closed to others, and to open it would open {one_line(first)}{more} too. Close "
            f"that first (mnistop unshare for a run, chmod go-rwx for anything else), or share a "
            "copy: mnistop share RUN --to FOLDER."
        )


def _lets_pass(folder: Path) -> bool:
    """Return whether others may pass through a folder: all, or a group of several users."""
    try:
        facts = folder.stat()
    except OSError:
        return False
    if facts.st_mode & stat.S_IXOTH:
        return True
    try:
        private = pwd.getpwuid(facts.st_uid).pw_gid
    except KeyError:
        private = facts.st_gid
    return bool(facts.st_mode & stat.S_IXGRP) and facts.st_gid != private
