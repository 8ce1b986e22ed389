"""What has ended the work of a run or a sweep, in words for whoever started it."""

import errno
from collections.abc import Iterator

import torch

from mnistop.engine.errors import host_error
from mnistop.engine.storage.files import lacks_inodes
from mnistop.engine.storage.folder import Folder


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
    told = isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    return told or isinstance(error, (MemoryError, torch.OutOfMemoryError))


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what it came from: PyTorch's writer hides a lack of memory behind its own."""
    following: BaseException | None = error
    while following:
        yield following
        following = following.__cause__ or following.__context__
