"""The first step of every analysis of a trained model: load its weights and validation images.

Analyses are run by `worker.ask(analysis, …)` in another process. The interface imports them to
name them, so they import PyTorch only when they are called.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.errors import RunError
from mnistop.engine.events import RunStarted
from mnistop.engine.formatting import count
from mnistop.engine.runs.event_log import EventTail, read_events
from mnistop.engine.runs.history import History, reduce
from mnistop.engine.runs.predictions import WEIGHTS_FILE, read_snapshot, snapshot_epochs
from mnistop.engine.runs.run_folder import Run

if TYPE_CHECKING:
    from torch import Tensor

    from mnistop.engine.model import MLP


def use_one_thread() -> None:
    """Prepare this process for analyses: one thread is fastest for such small models.

    Raises:
        FileNotFoundError: the working directory has been deleted. MKL would end the process.
    """
    os.getcwd()
    import torch

    torch.set_num_threads(1)


def load_model(run: Run, epochs: int | None = None) -> tuple[MLP, int]:
    """Return a run's model in evaluation mode, and the number of epochs it was trained for.

    Args:
        run: the run.
        epochs: choose the newest weights saved after at most this many epochs, or those of the best
            epoch if they match; None for the newest checkpoint or, before the first one, the newest
            weights saved.

    Raises:
        MnistopError: there are no such weights, or they are damaged.
    """
    if run.is_gone():
        raise RunError(f"Run {run.name} is gone: {run.path} was deleted or moved.")
    run.check_readable()
    checkpoint = run.path / "checkpoint.pt"
    if run.is_recorded():
        return _load_recorded(run, epochs)
    if epochs is None and os.path.exists(checkpoint):
        return load_model_in(run, checkpoint)
    kept = snapshot_epochs(run, _started(run).layers or ())
    fit = kept if epochs is None else [number for number in kept if number <= epochs]
    if epochs and epochs not in fit and (best := _best_model(run)) and best[1] == epochs:
        return best
    if not fit:
        which = "yet" if epochs is None else f"of epoch {epochs} or before"
        raise RunError(f"Run {run.name} has no weights {which}.")
    return load_snapshot(run, fit[-1]), fit[-1]


def _load_recorded(run: Run, epochs: int | None) -> tuple[MLP, int]:
    """Return the model of a recorded run, as `load_model` does; only its last one is kept."""
    history = _history(run)
    if problem := history.no_model(run.is_running()):
        raise RunError(f"Run {run.name} keeps no model. {problem}")
    if history.kept and epochs is not None and epochs < history.kept.epochs:
        after = count(history.kept.epochs, "epoch")
        raise RunError(f"Run {run.name} keeps its model as it was in the end only, after {after}.")
    return load_model_in(run, run.path / "checkpoint.pt")


def _best_model(run: Run) -> tuple[MLP, int] | None:
    """Return the model of the best epoch, as `load_model` does; None if it cannot be read."""
    with contextlib.suppress(RunError):
        return load_model_in(run, run.path / "best.pt")
    return None


def load_snapshot(run: Run, epochs: int) -> MLP:
    """Return the model of a snapshot after a number of epochs, in evaluation mode.

    Raises:
        MnistopError: there is no such model, or it is damaged.
    """
    of_format_1 = run.path / f"snapshots/{epochs}.pt"
    if os.path.exists(of_format_1):
        return load_model_in(run, of_format_1)[0]
    return _load_snapshot(run, epochs, _changed(run.path / WEIGHTS_FILE))


@functools.lru_cache(8)
def _load_snapshot(run: Run, epochs: int, changed: int) -> MLP:
    import torch
    from torch.nn.utils import vector_to_parameters

    from mnistop.engine.model import MLP

    layers, config = _started(run).layers or (), run.config()
    weights = read_snapshot(run, epochs, layers)
    if weights is None or not layers or layers[0] != math.prod(image_shape(run)):
        raise RunError(f"Run {run.name} has a damaged {WEIGHTS_FILE}.")
    model = MLP(layers, config.activation, config.dropout)
    vector_to_parameters(torch.from_numpy(weights), model.parameters())
    return model.eval()


def load_model_in(run: Run, path: Path) -> tuple[MLP, int]:
    """Return the model of one of a run's weight files, in evaluation mode.

    Returns:
        The model, and the number of epochs it was trained for; 0 if the file does not record it.

    Raises:
        MnistopError: there is no such file, or it is damaged.
    """
    try:
        changed = path.stat().st_mtime_ns
    except OSError:
        raise RunError(f"Run {run.name} has no {path.name} yet.") from None
    return _load_model(run, path, changed)


@functools.lru_cache(8)
def _load_model(run: Run, path: Path, changed: int) -> tuple[MLP, int]:
    from mnistop.engine.model import MLP
    from mnistop.engine.runs import checkpoint

    content = checkpoint.load(path)
    config = run.config()
    misfit = f"{path} is damaged: its weights fit no model of this run."
    try:
        weights = checkpoint.weights_of(content)
        matrices = [value for name, value in weights.items() if name.endswith(".weight")]
        sizes = [matrices[0].shape[1], *(len(matrix) for matrix in matrices)]
        kept = _history(run).kept if run.is_recorded() else None
        model = MLP(sizes, kept.activation if kept else config.activation, config.dropout)
        model.load_state_dict(weights)
        trained = int(content.get("epoch", 0))
    except (RuntimeError, IndexError, AttributeError, TypeError, ValueError):
        raise RunError(misfit) from None
    if sizes[0] != math.prod(image_shape(run)):
        raise RunError(misfit)
    return model.eval(), trained


def validation(run: Run, row: int | None = None) -> tuple[Tensor, Tensor, tuple[int, ...]]:
    """Return a run's validation images.

    Args:
        run: the run.
        row: the only one to return, from 0; None for all.

    Returns:
        Images `(n, pixels)` in [0, 1], labels `(n,)`, and the shape of an image.

    Raises:
        RunError: training has not started yet, the images are gone, or there is no such row.
    """
    changed = [_changed(run.path / name) for name in ("images.u8", "images.f32", "labels.u8")]
    images, labels, shape = _validation(run, *changed)
    if row is None:
        return images, labels, shape
    if not 0 <= row < len(labels):
        raise RunError(f"Run {run.name} has validation images 0 to {len(labels) - 1}, not {row}.")
    return images[row : row + 1], labels[row : row + 1], shape


@functools.lru_cache(4)
def _validation(run: Run, *changed: int) -> tuple[Tensor, Tensor, tuple[int, ...]]:
    import torch

    shape = image_shape(run)
    images, labels = run.images(shape), run.labels()
    if not len(images) or len(images) != len(labels):
        raise RunError(f"Run {run.name} has kept no validation images; train again to see them.")
    if labels.max() >= len(_started(run).class_names):
        raise RunError(f"Run {run.name} has a damaged labels.u8: it has labels beyond the classes.")
    pixels = torch.from_numpy(images).flatten(1)
    return pixels, torch.from_numpy(labels.astype(np.int64)), shape


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def check_pixels(run: Run, model: MLP, image: NDArray[np.float32]) -> None:
    """Check that an image has as many pixels as a run's model takes.

    Raises:
        RunError: it has not.
    """
    if image.size != model.sizes[0]:
        raise RunError(
            f"Run {run.name} takes images of {model.sizes[0]} pixels, not of {image.size}."
        )


def progress_file(path: Path | None) -> Callable[[str], None]:
    """Return a function that writes its text to a file, for another process to show."""

    def report(text: str) -> None:
        if path:
            with contextlib.suppress(OSError):  # the progress is not essential
                path.write_text(text, encoding="utf-8")

    return report


def image_shape(run: Run) -> tuple[int, ...]:
    """Return the shape of a run's images, see `RunStarted.shape`.

    Raises:
        RunError: training has not started yet.
    """
    return _started(run).shape


def _history(run: Run) -> History:
    """Return the history of a recorded run."""
    return _read_history(run, _changed(run.path / "events.jsonl"))


@functools.lru_cache(4)
def _read_history(run: Run, changed: int) -> History:
    return reduce(History(), read_events(run))


@functools.lru_cache(8)
def _started(run: Run) -> RunStarted:
    tail = EventTail(run)
    while events := tail.read():
        for event in events:
            if isinstance(event, RunStarted):
                return event
    raise RunError(f"Run {run.name} has not started training yet.")
