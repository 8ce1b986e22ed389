"""Who trains a run: the process that holds an `flock` on the file `lock` in its folder."""

import fcntl
import os
import time
from pathlib import Path
from typing import IO

from engine.storage.files import open_private, open_regular

_POLL_SECONDS = 0.5


def is_held(path: Path) -> bool:
    """Whether a training process holds the lock."""
    try:
        with open_regular(path) as lock:
            return not _try(lock, fcntl.LOCK_SH)
    except OSError:
        return False


def wait(path: Path) -> None:
    """Block until nobody holds the lock; where the file system has no such waiting, for a while."""
    try:
        with open_regular(path) as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
    except OSError:
        time.sleep(_POLL_SECONDS)


def holder(path: Path) -> int | None:
    """The process that holds the lock, by what it wrote into it; None if nobody does."""
    try:
        with open_regular(path) as lock:
            number = int(lock.read(20))
            return number if number > 1 and not _try(lock, fcntl.LOCK_SH) else None
    except (OSError, ValueError):
        return None


def is_here(process: int, path: Path) -> bool:
    """Whether a process of this machine holds the lock file open, as far as can be told.

    The number in a lock file may be that of a process on another machine that shares the disk, or
    a foreign one: whoever is to get a signal must be looked at first. Linux tells the open files
    of the user's own processes; those of others get no signal from this user anyway.
    """
    if not Path("/proc/self/fd").exists():
        return True
    try:
        wanted = path.stat()
        opened = Path("/proc", str(process), "fd").iterdir()
        return any(_is(link, wanted) for link in opened)
    except PermissionError:
        return True
    except OSError:
        return False


def _is(link: Path, wanted: os.stat_result) -> bool:
    try:
        return os.path.samestat(link.stat(), wanted)
    except FileNotFoundError:  # closed since
        return False


def create(path: Path) -> IO[bytes]:
    """A new lock file, taken by this process."""
    lock = open(open_private(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC), "w+b")  # noqa: SIM115
    _claim(lock)
    return lock


def take(path: Path) -> IO[bytes] | None:
    """The lock of a run that goes on, taken by this process; None if another one has it.

    Raises:
        OSError: it may not be written.
    """
    lock = open(path, "r+b")  # noqa: SIM115
    if _claim(lock):
        return lock
    lock.close()
    return None


def _claim(lock: IO[bytes]) -> bool:
    """Takes the lock and notes who has it; readers hold it for an instant to see if it is free."""
    for _ in range(50):
        if _try(lock, fcntl.LOCK_EX):
            lock.truncate(0)
            lock.write(str(os.getpid()).encode())
            lock.flush()
            return True
        time.sleep(0.005)
    return False


def _try(lock: IO[bytes], kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
