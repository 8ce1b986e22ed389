"""Every way in which a file of a run folder is damaged here."""

from __future__ import annotations

import os
import pickle
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOREIGN = {
    "empty": b"",
    "zeros": bytes(5000),
    "a text": b"<html><body>404 Not Found</body></html>\n" * 20,
    "gzip": b"\x1f\x8b\x08\x00" + random.Random(1).randbytes(400),
    "noise": random.Random(2).randbytes(3000),
    "a zip without files": b"PK\x05\x06" + bytes(18),
    "deep JSON": b"[" * 100_000,
    "a long number": b'{"event": "RunFinished", "run": "r", "time": ' + b"9" * 9000 + b"}\n",
    "no numbers": b'{"event": "EpochFinished", "run": "r", "time": NaN, "epoch": Infinity}\n',
}
"""Contents that no file of a run has."""


class Trap:
    """Leaves a trace where it is unpickled.

    Args:
        trace: the folder that it makes then.
    """

    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.makedirs, (str(self._trace), 0o777, True)


def truncations(content: bytes, step: int) -> Iterator[bytes]:
    """The content cut at every offset, or at every `step`-th."""
    for length in range(0, len(content), step):
        yield content[:length]


def flips(content: bytes, step: int) -> Iterator[bytes]:
    """The content with one byte changed, at every offset or at every `step`-th: a bit, or all."""
    for place in range(0, len(content), step):
        mask = (0x01, 0xFF)[place // step % 2]
        yield content[:place] + bytes([content[place] ^ mask]) + content[place + 1 :]


def traps(trace: Path) -> Iterator[bytes]:
    """Pickles that do something when they are read by one who trusts them."""
    import io

    import torch

    for protocol in (0, 2, 4):
        yield pickle.dumps({"model": Trap(trace)}, protocol)
    for zipped in (True, False):
        buffer = io.BytesIO()
        torch.save({"model": Trap(trace)}, buffer, _use_new_zipfile_serialization=zipped)
        yield buffer.getvalue()


def put_another_kind(path: Path, kind: str) -> None:
    """Replace a file by something that is no file."""
    _remove(path)
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "loop":
            path.symlink_to(path)
        case "device":
            path.symlink_to("/dev/zero")


KINDS = ("nothing", "folder", "pipe", "loop", "device")


def restore(path: Path, content: bytes) -> None:
    """Restore a file."""
    _remove(path)
    path.write_bytes(content)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
