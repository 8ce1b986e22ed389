"""How a process begins that outlives whoever has asked for it."""

import contextlib
import itertools
import os
import traceback
from collections.abc import Callable, Collection
from multiprocessing.connection import Connection
from typing import NoReturn

from mnistop.engine.errors import MnistopError
from mnistop.engine.storage.folder import Folder


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
