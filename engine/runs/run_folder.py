"""The run folder: what is in it, and how it is made, read, listed and deleted.

The training process writes it (`mnistop.engine.recording.recorder`), everybody else only reads it.
Whoever holds its lock (`mnistop.engine.runs.lock`) is the training process; a free lock without
a last event means that it died. A folder may come from elsewhere: whatever its files hold, reading
them executes nothing and raises nothing but `RunError`.

NumPy is imported by what reads or writes arrays only: listing runs does without it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import platformdirs

from mnistop.engine.config import RunConfig
from mnistop.engine.errors import RunError
from mnistop.engine.files import (
    from_json,
    open_like,
    open_regular,
    reason,
    user_folder,
    write_atomically,
)
from mnistop.engine.runs.folder import Folder, new_folder, newest_first
from mnistop.engine.runs.recorded import RecordedConfig

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FORMAT = 3
"""The version of the run folder's layout that trainings of this program write."""
RECORDED_FORMAT = 4
"""That of recorded runs, whose settings are not ours."""
OLDEST_FORMAT = 1
"""The oldest one that it reads."""
_AUTO_THREADS = 3
"""The first one in which `threads` may be `auto`, as it now usually is; before it was 1."""

_LONGEST_MANIFEST = 1 << 20
_LARGEST_ARRAY = 1 << 32
"""Bytes: more than that is none of our files."""

WRITTEN = re.compile(
    r"config\.json|events\.jsonl|metrics\.bin|labels\.u8|images\.(u8|f32)|predictions\.u8"
    r"|log_probabilities\.f16|weights\.f32|checkpoint\.pt|best\.pt|log\.txt|snapshots/\d{1,7}\.pt"
)
"""What a training writes, and nothing else."""

_MEMBER = re.compile(r"(.+)\.\d{2,}")
"""A member's name: that of its sweep, and its number."""


@dataclass(frozen=True)
class Recording:
    """Where a recorded run comes from."""

    script: str
    """The name of the file, as in `train.py`."""
    command: list[str] = field(default_factory=list)
    """The command line."""
    versions: dict[str, str] = field(default_factory=dict)
    """Of Python and of what the script has imported, as in `{"torch": "2.13.0"}`."""


@dataclass(frozen=True)
class _Manifest:
    """What `config.json` holds."""

    format: int
    config: dict[str, Any]
    recorded: Recording | None = None


def _config_in(manifest: bytes) -> RunConfig:
    read = from_json(_Manifest, manifest)
    if read.recorded:
        return RecordedConfig.of(read.recorded.script, read.config)
    usual = read.format < _AUTO_THREADS and read.config.get("threads") == 1
    return RunConfig.from_values(read.config | ({"threads": "auto"} if usual else {}))


@dataclass(frozen=True)
class Run(Folder):
    """A run folder, which may be read while it is written."""

    MANIFEST = "config.json"

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
        formats = range(OLDEST_FORMAT, RECORDED_FORMAT + 1)
        return self.read_manifest(_config_in, formats, _LONGEST_MANIFEST)

    def is_recorded(self) -> bool:
        """Whether a loop that is not this program's wrote it, or still does."""
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
        """Predicted classes after so many epochs, `(n,)`, read alone; None if not recorded."""
        count = len(self.labels())
        row = self._bytes("predictions.u8", offset=epochs * count, count=count)
        return row if count and len(row) == count else None

    def log_probabilities_after(self, epochs: int, classes: int) -> NDArray[np.float16] | None:
        """What the model said to the validation images after so many epochs, `(n, classes)`.

        None if that is not recorded.
        """
        size = 2 * classes * len(self.labels())
        row = self._bytes("log_probabilities.f16", offset=epochs * size, count=size)
        if not size or len(row) < size:
            return None
        return row.view("f2").reshape(-1, classes)

    def images(self, shape: tuple[int, int]) -> NDArray[np.float32]:
        """The validation images, `(n, height, width)` in [0, 1]; empty before training starts.

        Args:
            shape: height and width in pixels, as `RunStarted.image_shape` says.
        """
        pixels = max(1, shape[0] * shape[1])
        flat = self._pixels(0, -1)
        return flat[: len(flat) // pixels * pixels].reshape(-1, *shape)

    def image(self, row: int, shape: tuple[int, int]) -> NDArray[np.float32] | None:
        """One validation image, `(height, width)` in [0, 1], read alone; None if it is not there.

        Args:
            row: which, from 0.
            shape: height and width in pixels, as `RunStarted.image_shape` says.
        """
        pixels = shape[0] * shape[1]
        flat = self._pixels(row * pixels, pixels)
        return flat.reshape(shape) if pixels and len(flat) == pixels else None

    def keep_images(self, images: NDArray[np.float32]) -> None:
        """Writes the validation images, in a byte a pixel where that loses nothing.

        Args:
            images: `(n, height, width)` in [0, 1].
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
    """A run that is to go on."""

    run: Run
    epochs: int | None = None
    """How many it is to have in total from now on; None for as many as planned."""


def runs_folder() -> Path:
    """Where runs are kept: `$MNISTOP_RUNS`, else `mnistop/runs` in the user's state folder.

    Raises:
        RunError: this user has no home folder.
    """
    chosen = os.environ.get("MNISTOP_RUNS")
    if chosen:
        return Path(chosen).absolute()
    return user_folder(lambda: platformdirs.user_state_path("mnistop"), "MNISTOP_RUNS") / "runs"


def create(config: RunConfig, parent: Path, name: str = "") -> tuple[Run, IO[bytes]]:
    """A new run folder, and the open lock that marks this process as its training process.

    Args:
        config: the hyperparameters.
        parent: the folder to make it in, as `runs_folder` says.
        name: of the folder, which nobody else makes at this moment; empty for a new one.

    Raises:
        RunError: the folder cannot be made.
    """
    return _create({"format": FORMAT, "config": dict(config)}, parent, name)


def create_recorded(
    recording: Recording, settings: dict[str, Any], parent: Path
) -> tuple[Run, IO[bytes]]:
    """A new run folder for a loop that is not this program's, and the open lock of this process.

    Args:
        recording: where the run comes from.
        settings: the free configuration, of values that JSON holds.
        parent: the folder to make it in.

    Raises:
        RunError: the folder cannot be made.
    """
    manifest = {"format": RECORDED_FORMAT, "config": settings, "recorded": asdict(recording)}
    return _create(manifest, parent)


def _create(manifest: dict[str, Any], parent: Path, name: str = "") -> tuple[Run, IO[bytes]]:
    try:
        run = Run(_named_folder(parent / name) if name else new_folder(parent))
        return run, run.begin(json.dumps(manifest, indent=1).encode())
    except OSError as error:
        raise RunError(
            f"A run folder cannot be made in {parent}: {reason(error, parent)}. "
            "Set MNISTOP_RUNS to a folder that can be written."
        ) from None


def reopen(run: Run) -> IO[bytes]:
    """The lock of a run that goes on, taken by this process.

    Raises:
        RunError: the run is being trained already, or may not be written.
    """
    return run.take_lock("is being trained already")


def set_epochs(run: Run, epochs: int) -> None:
    """Write how many epochs a run is to have from now on; for the process that holds its lock.

    All else in `config.json` stays, the time at which it was made too.

    Raises:
        OSError: it cannot be written.
    """
    path = run.path / Run.MANIFEST
    with open_regular(path) as file:
        manifest = json.loads(file.read(_LONGEST_MANIFEST))
        made = os.fstat(file.fileno()).st_mtime_ns
    manifest["config"]["epochs"] = epochs
    write_atomically(path, json.dumps(manifest, indent=1).encode())
    os.utime(path, ns=(made, made))


def _named_folder(path: Path) -> Path:
    """Makes a folder that is not there, or only half made by a process that was killed.

    A member is open to those to whom its sweep is.
    """
    if os.path.lexists(path) and Run(path).is_gone():
        shutil.rmtree(path)
    path.mkdir(mode=0o700)
    sweep = path.with_name(Run(path).sweep) if Run(path).sweep else path
    if sweep.is_dir():
        open_like(path, sweep)
    return path


def list_runs() -> list[Run]:
    """All runs, newest first."""
    return newest_first(all_runs())


def all_runs() -> list[Run]:
    """All runs, in no order, which saves reading when each was started."""
    try:
        folders = list(runs_folder().iterdir())
    except OSError:
        return []
    found = []
    for folder in folders:
        with contextlib.suppress(OSError):  # no run, or not for us to read
            os.stat(folder / Run.MANIFEST)
            found.append(Run(folder))
    return found


def delete(run: Run) -> None:
    """Removes a run's folder with all that is in it.

    Raises:
        RunError: the run is being trained, or may not be removed.
    """
    if run.is_running():
        raise RunError(f"Run {run.name} is being trained: stop it first.")
    run.remove()
