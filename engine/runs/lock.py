"""The lock of a run: its training process holds an `flock` on the file `lock` in its folder.

Some shared disks keep such locks within one machine (NFS mounted with `local_lock` or `nolock`,
Lustre with `localflock`): a run that is trained on a compute node would look dead from the login
node, and after resuming it there two processes would write one folder. So the holder also sets the
file's time of change every second, as a heartbeat. A lock that is free, but was last taken on
another machine, counts as held while its heartbeat goes on.
"""

import contextlib
import errno
import fcntl
import functools
import os
import platform
import threading
import time
import weakref
from pathlib import Path
from typing import IO

from mnistop.engine.files import open_private, open_regular

_BEAT_SECONDS = 1.0
_SILENT_SECONDS = 15.0
"""Without a heartbeat for this long, a holder on another machine is dead, for readers."""
_LISTENING_SECONDS = 4.0
"""The wait for a heartbeat before the lock is taken, which compares no clocks."""
_POLL_SECONDS = 0.5


def is_held(path: Path) -> bool:
    """Return whether a training process holds the lock."""
    try:
        with open_regular(path) as lock:
            return _is_held(lock)
    except OSError:
        return False


def wait(path: Path) -> None:
    """Block until nobody holds the lock; for a moment only on a file system without `flock`."""
    try:
        with open_regular(path) as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
    except OSError:
        time.sleep(_POLL_SECONDS)


def holder(path: Path) -> int | None:
    """Return the ID of the process that holds the lock, as written in it; None if nobody does."""
    try:
        with open_regular(path) as lock:
            number = int(_holder_in(lock)[0])
            return number if number > 1 and _is_held(lock) else None
    except (OSError, ValueError):
        return None


def was_taken_elsewhere(path: Path) -> bool:
    """Return whether a process of another machine took the lock last, as written in it."""
    try:
        with open_regular(path) as lock:
            return _was_taken_elsewhere(lock)
    except OSError:
        return False


def _is_held(lock: IO[bytes]) -> bool:
    if not _try(lock, fcntl.LOCK_SH):
        return True
    silent = abs(time.time() - os.fstat(lock.fileno()).st_mtime)
    return silent < _SILENT_SECONDS and _was_taken_elsewhere(lock)


def _was_taken_elsewhere(lock: IO[bytes]) -> bool:
    machine = _holder_in(lock)[1]
    return machine not in ("", _this_machine())


def _holder_in(lock: IO[bytes]) -> tuple[str, str]:
    """Read the ID of a process and its machine; empty if they are not there."""
    lock.seek(0)
    number, machine, *_ = (*lock.read(200).decode("ascii", "replace").split(), "", "")
    return number, machine


@functools.cache
def _this_machine() -> str:
    """Return an identifier of this machine; host names may not be unique."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("utf-8").strip()
    except (OSError, ValueError):
        return platform.node().replace(" ", "-")


def is_here(process: int, path: Path) -> bool:
    """Return whether a process of this machine holds the lock file open, as far as is known.

    The number in a lock file may be that of a process on another machine that shares the disk, or
    of an unrelated one, so check before sending a signal. Linux lists the open files of the user's
    own processes; others get no signal from this user anyway.
    """
    if not os.path.exists("/proc/self/fd"):
        return True
    try:
        facts = path.stat()
        opened = Path("/proc", str(process), "fd").iterdir()
        return any(_is_same(link, facts) for link in opened)
    except PermissionError:
        return True
    except OSError:
        return False


def is_suspended(process: int, path: Path) -> bool:
    """Return whether the process that holds a lock file was suspended (SIGSTOP), as Linux knows."""
    try:
        fields = Path("/proc", str(process), "stat").read_text("utf-8", "replace")
    except OSError:
        return False
    return fields.rpartition(")")[2].split()[0] == "T" and is_here(process, path)


def _is_same(link: Path, facts: os.stat_result) -> bool:
    try:
        return os.path.samestat(link.stat(), facts)
    except PermissionError:
        raise
    except OSError:  # closed since, or on a disk that does not answer
        return False


def create(path: Path) -> IO[bytes]:
    """Create a lock file, taken by this process."""
    lock = open(open_private(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC), "w+b")  # noqa: SIM115
    _claim(lock)
    return lock


def take(path: Path) -> IO[bytes] | None:
    """Take the lock of an existing run; None if another process has it.

    Raises:
        OSError: it may not be written.
    """
    lock = open(path, "r+b")  # noqa: SIM115
    lives_elsewhere = was_taken_elsewhere(path) and _has_heartbeat(path)
    if not lives_elsewhere and _claim(lock):
        return lock
    lock.close()
    return None


def release(lock: IO[bytes]) -> None:
    """Release the lock, as the last step in the folder."""
    with contextlib.suppress(OSError):
        lock.truncate(0)
    lock.close()


def _claim(lock: IO[bytes]) -> bool:
    """Take the lock and write the holder; readers hold it for an instant to see if it is free."""
    for _ in range(50):
        if _try(lock, fcntl.LOCK_EX):
            lock.seek(0)
            lock.truncate(0)
            lock.write(f"{os.getpid()} {_this_machine()}".encode())
            lock.flush()
            _start_heartbeat(lock)
            return True
        time.sleep(0.005)
    return False


def _start_heartbeat(lock: IO[bytes]) -> None:
    reference = weakref.ref(lock)

    def beat() -> None:
        while True:
            time.sleep(_BEAT_SECONDS)
            held = reference()
            if held is None or held.closed:
                return
            with contextlib.suppress(OSError, ValueError):
                os.utime(held.fileno())
            del held

    threading.Thread(target=beat, name="heartbeat", daemon=True).start()


def _has_heartbeat(path: Path) -> bool:
    """Return whether the file's time changes; it is opened each time, to bypass caches."""

    def changed() -> int:
        with open_regular(path) as lock:
            return os.fstat(lock.fileno()).st_mtime_ns

    before, end = changed(), time.monotonic() + _LISTENING_SECONDS
    while time.monotonic() < end:
        if changed() != before:
            return True
        time.sleep(0.1)
    return False


def _try(lock: IO[bytes], kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP):
            what = "the disk there has no file locks (flock), most others have"
            raise OSError(error.errno, what) from None
        raise
    return True
