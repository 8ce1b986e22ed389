"""What processes do that others have started: outlive their caller, and say what ended them."""

import contextlib
import errno
import itertools
import os
import sys
import traceback
from collections.abc import Callable, Collection, Iterator
from multiprocessing.connection import Connection
from typing import NoReturn

from mnistop.engine.errors import MnistopError, host_error
from mnistop.engine.files import lacks_inodes
from mnistop.engine.runs.folder import Folder


def fork_off(live: Callable[[], NoReturn]) -> None:
    """Forks off a process; returns in the one that it comes from.

    Args:
        live: all that it does.
    """
    if os.fork():
        return
    try:
        live()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def tell(caller: Connection, answer: tuple[Folder, str] | MnistopError) -> None:
    """Tells whoever waits for it; the work goes on also if they are gone since, as on a hang-up.

    Args:
        caller: who waits.
        answer: the run or sweep with a warning, empty if there is none; or why it cannot begin.
    """
    with contextlib.suppress(OSError):
        caller.send(answer)


def leave(kept: Collection[int]) -> None:
    """No file and no folder of the process that this one came from.

    Args:
        kept: descriptors that stay open, beside the standard ones.
    """
    os.chdir("/")
    bounds = [2, *sorted(kept), os.sysconf("SC_OPEN_MAX")]
    for one, next_one in itertools.pairwise(bounds):
        os.closerange(one + 1, next_one)


def in_words(error: Exception, folder: Folder) -> str:
    """What has ended a run or a sweep, and what to do, in one sentence."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        if lacks_inodes(error, folder.path):
            return (
                "The disk has no inode left for another file: delete some files, then resume the "
                "run."
            )
        return "The disk is full: free some space, then resume the run."
    if isinstance(error, OSError):
        return str(host_error(error) or "") or (
            f"{folder.path} cannot be written ({error.strerror}): mend that, then resume the run."
        )
    if any(map(_is_lack_of_memory, _with_causes(error))):
        return (
            "The memory is full: free some, then resume the run. One with fewer samples, smaller "
            "layers or smaller batches needs less."
        )
    if lack := host_error(error):
        return f"{lack} Then resume the run."
    return (
        f"The training process met a fault of the program, {type(error).__name__}: "
        f"the traceback is in {folder.log_path}."
    )


def _is_lack_of_memory(error: BaseException) -> bool:
    if isinstance(error, RuntimeError) and "can't allocate memory" in str(error):
        return True
    torch = sys.modules.get("torch")
    return isinstance(error, (MemoryError, *((torch.OutOfMemoryError,) if torch else ())))


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what it came from: PyTorch's writer hides a lack of memory behind its own."""
    following: BaseException | None = error
    while following:
        yield following
        following = following.__cause__ or following.__context__
