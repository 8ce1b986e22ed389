"""The run folder: its content, and making, reading and listing such folders.

The training process writes it (`mnistop.engine.recording.recorder`), all others only read it. The
process that holds its lock (`mnistop.engine.runs.lock`) is the training process; a free lock
without a final event means that it died. A folder may come from elsewhere: whatever its files
hold, reading them executes nothing and raises nothing but `RunError`.

Only the functions for arrays import NumPy: listing runs works without it.
"""

from __future__ import annotations

import dataclasses
import math
import os
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import platformdirs

from mnistop.engine.config import RunConfig, split_before
from mnistop.engine.errors import RunError
from mnistop.engine.events import RunStarted
from mnistop.engine.files import (
    from_json,
    new_folder,
    open_like,
    open_regular,
    user_folder,
    write_atomically,
)
from mnistop.engine.runs import folder
from mnistop.engine.runs.event_log import last_of_kind
from mnistop.engine.runs.folder import Folder, newest_first
from mnistop.engine.runs.recorded import Origin, RecordedConfig

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FORMAT = 5
"""The version of the run folder's layout that trainings of this program write."""
RECORDED_FORMAT = 4
"""The version for recorded runs, which have settings of their own."""
OLDEST_FORMAT = 1
"""The oldest version that it reads."""
_AUTO_THREADS = 3
"""The first one with `auto` threads, now the default; before, the default was 1."""
SPLIT_FORMAT = 5
"""The first one whose settings have a split, and which counts all labels from 0."""

_LARGEST_ARRAY = 1 << 32
"""Bytes; no file of a run is larger."""

WRITTEN = re.compile(
    r"config\.json|events\.jsonl|metrics\.bin|labels\.u8|images\.(u8|f32)|predictions\.u8"
    r"|log_probabilities\.f16|weights\.f32|checkpoint\.pt|best\.pt|log\.txt|snapshots/\d{1,7}\.pt"
)
"""The files that a training process writes."""

_MEMBER = re.compile(r"(.+)\.\d{2,}")
"""A member's name: that of its sweep, and its number."""


@dataclass(frozen=True)
class _Manifest:
    """The content of `config.json`."""

    format: int
    config: dict[str, Any]
    recorded: Origin | None = None


def _config_in(manifest: bytes) -> RunConfig:
    read = from_json(_Manifest, manifest)
    if read.recorded:
        return RecordedConfig.of(read.recorded.script, read.config)
    values = dict(read.config)
    if read.format < _AUTO_THREADS and values.get("threads") == 1:
        values["threads"] = "auto"
    values.setdefault("split", split_before(values.get("source", "")))
    return RunConfig.from_values(values)


@dataclass(frozen=True)
class Run(Folder):
    """A run folder, which may be read while it is written."""

    MANIFEST = "config.json"
    FORMATS = range(OLDEST_FORMAT, FORMAT + 1)
    LARGEST_MANIFEST = 1 << 20

    @property
    def sweep(self) -> str:
        """The name of the sweep that the run is a member of; empty if of none."""
        match = _MEMBER.fullmatch(self.name)
        return match[1] if match else ""

    def config(self) -> RunConfig:
        """The hyperparameters.

        Raises:
            RunError: `config.json` is missing, damaged or of another format.
        """
        return self.read_manifest(_config_in)

    def config_to_resume(self) -> RunConfig:
        """The hyperparameters, with the images and threads that the run started with.

        The meaning of unset `samples` has changed: once the test images of a source were trained
        on too. With `auto` threads another machine would choose another number, and compute other
        bits; runs from before `auto` had one thread.

        Raises:
            RunError: the configuration cannot be read, or the run is recorded.
        """
        config, started = self.config(), last_of_kind(self, RunStarted)
        if isinstance(config, RecordedConfig):
            raise RunError(
                f"Run {self.name} was recorded by {config.script}, which alone can continue it: "
                f"with mnistop.init(resume={self.name!r})."
            )
        if not started:
            return config
        images = started.samples or (started.training_images or 0) + started.validation_images
        return dataclasses.replace(
            config,
            samples=images if config.samples is None else config.samples,
            threads=(started.threads or 1) if config.threads == "auto" else config.threads,
        )

    def is_recorded(self) -> bool:
        """Return whether the loop of a script writes it, or wrote it."""
        try:
            return isinstance(self.config(), RecordedConfig)
        except RunError:
            return False

    @property
    def request_path(self) -> Path:
        """The file by which a recorded run is asked to stop, to pause or to go on."""
        return self.path / "request"

    def labels(self) -> NDArray[np.uint8]:
        """True classes of the validation images, `(n,)`; empty before training starts."""
        return self._bytes("labels.u8")

    def predictions(self) -> NDArray[np.uint8]:
        """Predicted classes, `(epochs + 1, n)`; row 0 is the untrained model's."""
        count = max(1, len(self.labels()))
        flat = self._bytes("predictions.u8")
        return flat[: len(flat) // count * count].reshape(-1, count)

    def predictions_after(self, epochs: int) -> NDArray[np.uint8] | None:
        """Predicted classes after a number of epochs, `(n,)`, read alone; None if not recorded."""
        count = len(self.labels())
        row = self._bytes("predictions.u8", offset=epochs * count, count=count)
        return row if count and len(row) == count else None

    def log_probabilities_after(self, epochs: int, classes: int) -> NDArray[np.float16] | None:
        """Log-probabilities after a number of epochs, `(n, classes)`; None if not recorded."""
        size = 2 * classes * len(self.labels())
        row = self._bytes("log_probabilities.f16", offset=epochs * size, count=size)
        if not size or len(row) < size:
            return None
        return row.view("f2").reshape(-1, classes)

    def images(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """The validation images, `(n, *shape)` in [0, 1]; empty before training starts.

        Args:
            shape: that of an image, see `RunStarted.shape`.
        """
        pixels = max(1, math.prod(shape))
        flat = self._pixels(0, -1)
        return flat[: len(flat) // pixels * pixels].reshape(-1, *shape)

    def image(self, row: int, shape: tuple[int, ...]) -> NDArray[np.float32] | None:
        """One validation image in [0, 1], read alone; None if it is missing.

        Args:
            row: its index, from 0.
            shape: that of an image, see `RunStarted.shape`.
        """
        pixels = math.prod(shape)
        flat = self._pixels(row * pixels, pixels)
        return flat.reshape(shape) if pixels and len(flat) == pixels else None

    def keep_images(self, images: NDArray[np.float32]) -> None:
        """Write the validation images, in one byte per pixel if that is lossless.

        Args:
            images: `(n, height, width)` or `(n, height, width, 3)` in [0, 1].
        """
        import numpy as np

        levels = (images * 255).round().astype(np.uint8)
        if np.array_equal(_from_levels(levels), images):
            write_atomically(self.path / "images.u8", levels.tobytes())
        else:
            write_atomically(self.path / "images.f32", images.astype("<f4").tobytes())

    def _pixels(self, offset: int, count: int) -> NDArray[np.float32]:
        levels = self._bytes("images.u8", offset, count)
        if len(levels):
            return _from_levels(levels)
        exact = self._bytes("images.f32", 4 * offset, 4 * count if count > 0 else count)
        return exact[: len(exact) // 4 * 4].view("<f4").astype("f4")

    def _bytes(self, name: str, offset: int = 0, count: int = -1) -> NDArray[np.uint8]:
        import numpy as np

        try:
            with open_regular(self.path / name) as file:
                if os.fstat(file.fileno()).st_size > _LARGEST_ARRAY:
                    return np.empty(0, np.uint8)
                return np.fromfile(file, np.uint8, count, offset=offset)
        except (OSError, MemoryError):
            return np.empty(0, np.uint8)


def _from_levels(levels: NDArray[np.uint8]) -> NDArray[np.float32]:
    import numpy as np

    return np.divide(levels, 255, dtype=np.float32)


@dataclass(frozen=True)
class Continuation:
    """A run to resume."""

    run: Run
    epochs: int | None = None
    """The new total number of epochs; None for the planned one."""


def runs_folder() -> Path:
    """Return the folder of all runs: `$MNISTOP_RUNS`, else `mnistop/runs` in the state folder.

    Raises:
        RunError: this user has no home folder.
    """
    chosen = os.environ.get("MNISTOP_RUNS")
    if chosen:
        return Path(chosen).absolute()
    return user_folder(lambda: platformdirs.user_state_path("mnistop"), "MNISTOP_RUNS") / "runs"


def create(config: RunConfig, parent: Path, name: str = "") -> tuple[Run, IO[bytes]]:
    """Create a run folder, with an open lock that marks this process as its training process.

    Args:
        config: the hyperparameters.
        parent: the folder to make it in, see `runs_folder`.
        name: that of a sweep's member, which no other process makes now; empty for a new name.

    Raises:
        RunError: the folder cannot be made.
    """
    manifest = {"format": FORMAT, "config": dict(config)}
    make = (lambda parent: _member_folder(parent / name)) if name else new_folder
    return folder.create(Run, manifest, parent, make)


def create_recorded(
    origin: Origin, settings: dict[str, Any], parent: Path
) -> tuple[Run, IO[bytes]]:
    """Create a run folder for the loop of a script, with an open lock held by this process.

    Args:
        origin: the origin of the run.
        settings: the free configuration, of values that JSON holds.
        parent: the folder to make it in.

    Raises:
        RunError: the folder cannot be made.
    """
    manifest = {"format": RECORDED_FORMAT, "config": settings, "recorded": asdict(origin)}
    return folder.create(Run, manifest, parent)


def _member_folder(path: Path) -> Path:
    """Create the folder of a sweep's member, open to the readers of the sweep.

    A half-made one, left by a process that was killed, is replaced.
    """
    if os.path.lexists(path) and Run(path).is_gone():
        shutil.rmtree(path)
    path.mkdir(mode=0o700)
    sweep = Run(path).sweep
    if sweep and path.with_name(sweep).is_dir():
        open_like(path, path.with_name(sweep))
    return path


def list_runs() -> list[Run]:
    """Return all runs, the newest first."""
    return newest_first(all_runs())


def runs_in_training() -> list[Run]:
    """Return the runs whose training process is alive, the newest first."""
    return newest_first(run for run in all_runs() if run.is_running())


def all_runs() -> list[Run]:
    """Return all runs in no order, which saves reading their starts."""
    try:
        paths = list(runs_folder().iterdir())
    except OSError:
        return []
    return [Run(path) for path in paths if Run(path).is_there()]
