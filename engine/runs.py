"""The run folder: what is in it, and how it is made, found, read and deleted.

The training process writes it (`engine.recorder`), everybody else only reads it. Whoever holds
its lock (`engine.lock`) is the training process; a free lock without a last event means that it
died. A folder may come from elsewhere: whatever its files hold, reading them executes nothing and
raises nothing but `RunError`.

NumPy is imported by what reads or writes arrays only: listing runs does without it.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import platformdirs
from pydantic import BaseModel

from engine import events, lock
from engine.config import RunConfig
from engine.errors import RunError
from engine.files import open_regular, write_atomically

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FORMAT = 2
"""The version of the run folder's layout that this program writes."""
OLDEST_FORMAT = 1
"""The oldest one that it reads."""

_LONGEST_MANIFEST = 1 << 20
_LARGEST_ARRAY = 1 << 32
"""Bytes: more than that is none of our files."""

_MEMBER = re.compile(r"(.+)\.\d{2,}")
"""A member's name: that of its sweep, and its number."""

_FIRST_WORDS = "amber brave calm clear eager early fair gentle keen light mellow quick quiet sunny"
_SECOND_WORDS = "birch brook cedar cloud delta ember field finch harbor lark maple otter river wren"


class _Versioned(BaseModel):
    """What a `config.json` of any version holds."""

    format: int


class _Manifest(_Versioned):
    """What `config.json` holds."""

    config: RunConfig


@dataclass(frozen=True)
class Run:
    """A run folder, which may be read while it is written."""

    path: Path

    @property
    def name(self) -> str:
        """The folder's name, as in `20261123-142501-quiet-otter`."""
        return self.path.name

    @property
    def sweep(self) -> str:
        """The name of the sweep that the run is a member of; empty if of none."""
        match = _MEMBER.fullmatch(self.name)
        return match[1] if match else ""

    @property
    def log_path(self) -> Path:
        """Where the training process writes its warnings and its tracebacks."""
        return self.path / "log.txt"

    def config(self) -> RunConfig:
        """The hyperparameters.

        Raises:
            RunError: `config.json` is missing, damaged or of another format.
        """
        try:
            with open_regular(self.path / "config.json") as file:
                content = file.read(_LONGEST_MANIFEST)
            version = _Versioned.model_validate_json(content).format
            if version > FORMAT:
                raise RunError(
                    f"Run {self.name} was written by a newer mnistop (format {version}, "
                    f"this one reads up to {FORMAT}): update mnistop to open it."
                )
            if version < OLDEST_FORMAT:
                raise RunError(
                    f"Run {self.name} was written by an older mnistop (format {version}, "
                    f"this one reads from {OLDEST_FORMAT} on): open it with the one that wrote it."
                )
            return _Manifest.model_validate_json(content).config
        except OSError as error:
            raise RunError(f"Run {self.name} cannot be read: {error.strerror}.") from None
        except ValueError:
            raise RunError(f"Run {self.name} has a damaged config.json.") from None

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

    @property
    def lock_path(self) -> Path:
        """The file whose lock the training process holds."""
        return self.path / "lock"

    def is_running(self) -> bool:
        """Whether a training process holds the lock."""
        return lock.is_held(self.lock_path)

    def process_id(self) -> int | None:
        """The training process while it lives, else None."""
        return lock.holder(self.lock_path)


def _from_levels(levels: NDArray[np.uint8]) -> NDArray[np.float32]:
    import numpy as np

    return np.divide(levels, 255, dtype=np.float32)


class EventTail:
    """Reads a run's events from where the last reading ended; a torn last line waits.

    Args:
        run: the run to read.
    """

    CHUNK = 1 << 18

    def __init__(self, run: Run) -> None:
        self._path = run.path / "events.jsonl"
        self._offset = 0

    def read(self) -> list[events.Event]:
        """The events that have come, from some quarter of a megabyte at most; empty if none."""
        found: list[events.Event] = []
        while not found and (lines := self._whole_lines()):
            found = list(_readable(lines))
        return found

    def _whole_lines(self) -> list[bytes]:
        try:
            with open_regular(self._path) as file:
                file.seek(self._offset)
                chunk = file.read(self.CHUNK)
        except OSError:
            return []
        whole = chunk[: chunk.rfind(b"\n") + 1]
        if not whole and len(chunk) == self.CHUNK:
            whole = chunk
        self._offset += len(whole)
        return whole.splitlines()


def _readable(lines: list[bytes]) -> Iterator[events.Event]:
    for line in lines:
        try:
            yield events.from_json(line)
        except events.UnreadableEventError:
            continue


def read_events(run: Run) -> list[events.Event]:
    """All events of a run so far."""
    tail = EventTail(run)
    found = []
    while batch := tail.read():
        found += batch
    return found


def runs_folder() -> Path:
    """Where runs are kept: `$MNISTOP_RUNS`, else `mnistop/runs` in the user's state folder."""
    chosen = os.environ.get("MNISTOP_RUNS")
    return Path(chosen).absolute() if chosen else platformdirs.user_state_path("mnistop") / "runs"


def create(config: RunConfig, parent: Path, name: str = "") -> tuple[Run, IO[bytes]]:
    """A new run folder, and the open lock that marks this process as its training process.

    Args:
        config: the hyperparameters.
        parent: the folder to make it in, as `runs_folder` says.
        name: of the folder, which nobody else makes at this moment; empty for a new one.

    Raises:
        RunError: the folder cannot be made.
    """
    run = None
    try:
        run = Run(_named_folder(parent / name) if name else new_folder(parent))
        held = lock.create(run.lock_path)
        manifest = {"format": FORMAT, "config": config.model_dump(mode="json")}
        write_atomically(run.path / "config.json", json.dumps(manifest, indent=1).encode())
    except OSError as error:
        if run:
            shutil.rmtree(run.path, ignore_errors=True)
        raise RunError(
            f"A run folder cannot be made in {parent}: {error.strerror}. "
            "Set MNISTOP_RUNS to a folder that can be written."
        ) from None
    return run, held


def reopen(run: Run) -> IO[bytes]:
    """The lock of a run that goes on, taken by this process.

    Raises:
        RunError: the run is being trained already, or may not be written.
    """
    return take_lock(run.path, f"Run {run.name}", "is being trained already")


def take_lock(folder: Path, name: str, busy: str) -> IO[bytes]:
    """The lock of a folder that this process is to write.

    Args:
        folder: that of a run or a sweep.
        name: what it is called in a sentence.
        busy: what is said of it when another process has the lock.

    Raises:
        RunError: another process has it, the folder may not be written, or holds links.
    """
    links = [path for path in folder.rglob("*") if path.is_symlink()]
    if links:
        raise RunError(
            f"{name} cannot be resumed: {links[0]} is a link, and what it leads to would "
            "be written. Put the file itself there."
        )
    try:
        held = lock.take(folder / "lock")
    except OSError as error:
        raise RunError(f"{name} cannot be resumed: {hindrance(Run(folder), error)}.") from None
    if not held:
        raise RunError(f"{name} {busy}.")
    return held


def new_folder(parent: Path) -> Path:
    """Makes a folder with a new name, for a run or a sweep.

    Raises:
        OSError: it cannot be made.
    """
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    while True:
        words = (random.choice(words.split()) for words in (_FIRST_WORDS, _SECOND_WORDS))
        path = parent / "-".join([time.strftime("%Y%m%d-%H%M%S"), *words])
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            continue
        return path


def _named_folder(path: Path) -> Path:
    """Makes a folder that is not there, or only half made by a process that was killed."""
    if path.exists() and not (path / "config.json").exists():
        shutil.rmtree(path)
    path.mkdir(mode=0o700)
    return path


def list_runs() -> list[Run]:
    """All runs, newest first."""
    try:
        folders = list(runs_folder().iterdir())
    except OSError:
        return []
    found = []
    for folder in folders:
        with contextlib.suppress(OSError):  # no run, or not for us to read
            made = (folder / "config.json").stat().st_mtime_ns
            found.append((folder.name[: len("YYYYMMDD-HHMMSS")], made, folder))
    return [Run(folder) for *_, folder in sorted(found, reverse=True)]


def find(reference: str) -> Run:
    """The run of a name, its own or given by the user, a prefix of its own, its words, or `last`.

    Raises:
        RunError: there is none, or more than one.
    """
    found = list_runs()
    if not found:
        raise RunError("There are no runs yet: mnistop train makes one.")
    if reference == "last":
        return found[0]
    exact = [run for run in found if run.name == reference] or _named(found, reference)
    matches = exact or [
        run for run in found if fits(run.name, reference) or fits(run.sweep, reference)
    ]
    if not matches:
        raise RunError(f"There is no run {reference or repr('')}: mnistop runs lists them.")
    if len(matches) == 1:
        return matches[0]
    one_sweep = matches[0].sweep and len({run.sweep for run in matches}) == 1
    if one_sweep and fits(matches[0].sweep, reference):
        raise RunError(
            f"{reference} is a sweep of {len(matches)} runs: name one of them, as in "
            f"{matches[0].name}."
        )
    names = ", ".join(run.name for run in matches[:4])
    raise RunError(f"{reference} fits {len(matches)} runs ({names}): give more of the name.")


def fits(name: str, reference: str) -> bool:
    """Whether a name begins with what a person has typed, or ends in these two words."""
    return bool(reference) and (name.startswith(reference) or name.split("-", 2)[-1] == reference)


def _named(found: list[Run], name: str) -> list[Run]:
    """Those that the user has given a name, whatever the case of its letters."""
    from engine.about import read_about  # which needs this module

    wanted = " ".join(name.split()).casefold()
    return [run for run in found if wanted and read_about(run).name.casefold() == wanted]


def delete(run: Run) -> None:
    """Removes a run's folder with all that is in it.

    Raises:
        RunError: the run is being trained, or may not be removed.
    """
    if run.is_running():
        raise RunError(f"Run {run.name} is being trained: stop it first.")
    try:
        shutil.rmtree(run.path)
    except OSError as error:
        raise RunError(f"Run {run.name} cannot be deleted: {hindrance(run, error)}.") from None


def hindrance(run: Run, error: OSError) -> str:
    """What forbids to change a run's folder, in words."""
    if isinstance(error, PermissionError) and run.path.stat().st_uid != os.geteuid():
        return "it belongs to another user, who alone can do that"
    return error.strerror or type(error).__name__
