"""Checkpoints: weights and training states on disk, and what a power cut leaves of them.

The system keeps what is written in memory for half a minute or so, and writes it to the disk in
an order of its own. A checkpoint that has just been replaced may be empty on some file systems
after a power cut, as on XFS. So now and then all is brought to the disk, and the checkpoint of
then is kept beside the newest.
"""

from __future__ import annotations

import contextlib
import io
import os
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnistop.engine.errors import RunError
from mnistop.engine.files import open_regular, why_unreadable, write_atomically
from mnistop.engine.runs.run_folder import Run

if TYPE_CHECKING:
    from torch import Tensor


def save(path: Path, content: dict[str, Any]) -> None:
    """Write a dictionary of tensors and plain values; a reader sees the old or the new file."""
    import torch

    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_atomically(path, buffer.getbuffer())


def load(path: Path) -> dict[str, Any]:
    """Return what `save` wrote, on the processor. Nothing in the file is executed.

    Raises:
        RunError: the file is missing or damaged.
    """
    import torch

    try:
        with open_regular(path) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch says of foreign files, on stderr
            content = torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise RunError(f"Run {path.parent.name} has no {path.name} yet.") from None
    except OSError as error:
        if not error.strerror:  # torch's own, or no regular file
            raise RunError(f"{path} is damaged and cannot be loaded.") from None
        raise RunError(f"{path} cannot be read: {error.strerror.lower()}.") from None
    except Exception as error:
        raise RunError(
            f"{path} is damaged and cannot be loaded ({type(error).__name__})."
        ) from None
    if not isinstance(content, dict):
        raise RunError(f"{path} is damaged: it holds no checkpoint.")
    return content


def weights_of(content: dict[str, Any]) -> dict[str, Tensor]:
    """The model's weights in a checkpoint, after its last whole epoch, or in a file of weights."""
    weights: dict[str, Tensor] = content.get("epoch_model", content.get("model", content))
    return weights


SECONDS = 10.0
"""All is brought to the disk this often at most…"""
SHARE = 0.005
"""…and may take this share of the time."""

KEPT = "checkpoint.kept.pt"


class DurableWriter:
    """A writer that flushes a run folder to the disk.

    Args:
        run: the run.
        files: descriptors of what grows with each epoch.
    """

    def __init__(self, run: Run, files: Sequence[int]) -> None:
        self._run = run
        self._files = files
        self._next = time.monotonic() + SECONDS

    def keep_if_due(self) -> None:
        """Keep the checkpoint that has just been saved, and flush all events before it."""
        started = time.monotonic()
        if started >= self._next:
            self.keep()
            now = time.monotonic()
            self._next = now + max(SECONDS, (now - started) / SHARE)

    def keep(self) -> None:
        """Do the work of `keep_if_due` at once; training goes on if the disk refuses."""
        folder = self._run.path
        beside = folder / (KEPT + ".new")
        with contextlib.suppress(OSError):
            self._sync_all()
            if os.path.exists(folder / "checkpoint.pt"):
                beside.unlink(missing_ok=True)
                os.link(folder / "checkpoint.pt", beside)
                beside.replace(folder / KEPT)
            _sync(folder)

    def finish(self) -> None:
        """Flush a finished run to the disk; one checkpoint is enough then."""
        with contextlib.suppress(OSError):
            self._sync_all()
            (self._run.path / KEPT).unlink(missing_ok=True)
            _sync(self._run.path)

    def _sync_all(self) -> None:
        for file in self._files:
            os.fsync(file)
        with contextlib.suppress(FileNotFoundError):  # a run that failed before its first
            _sync(self._run.path / "checkpoint.pt")


def _sync(path: os.PathLike[str]) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def newest_checkpoint(run: Run) -> dict[str, Any] | None:
    """The newest checkpoint that is whole; None if there is none yet.

    Raises:
        RunError: there are some, but they are damaged.
    """
    problem = None
    for name in ("checkpoint.pt", KEPT):
        if os.path.lexists(run.path / name) or why_unreadable(run.path / name):
            try:
                return load(run.path / name)
            except RunError as error:
                problem = problem or error
    if problem:
        raise problem
    return None
