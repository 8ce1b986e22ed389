"""The beginning of a recording: its run folder, and what it says first."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from mnistop.engine import events
from mnistop.engine.errors import DataError, RunError
from mnistop.engine.files import write_atomically
from mnistop.engine.recording import metrics
from mnistop.engine.recording.metrics import MetricsReader
from mnistop.engine.recording.own_loop import Recording
from mnistop.engine.recording.settings import read_settings, short
from mnistop.engine.recording.troubles import Troubles
from mnistop.engine.recording.validation import Validation, read_validation
from mnistop.engine.runs import run_folder
from mnistop.engine.runs.entry import About, write_about
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.history import History, reduce
from mnistop.engine.runs.lookup import find_run
from mnistop.engine.runs.recorded import Origin
from mnistop.engine.runs.run_folder import Run

_LIBRARIES = ("torch", "numpy", "sklearn", "jax", "tensorflow", "keras", "lightning")
"""Of those that the loop has imported, the versions are kept."""
_MOST_NOTES = 10


def start(
    config: Any,
    validation: Any,
    test: Any,
    classes: int | Sequence[str] | None,
    normalize: tuple[Any, Any] | None,
    name: str | None,
    notes: str | None,
    resume: str | None,
) -> Recording | None:
    """Start recording, as `mnistop.init`; None if no run folder can be created."""
    troubles = Troubles()
    images, tested = (
        _read_images(what, given, classes, normalize, troubles)
        for what, given in (("validation", validation), ("test", test))
    )
    try:
        found = _resumed(str(resume), troubles) if resume else None
        recording = (
            _go_on(*found, images, tested, troubles)
            if found
            else _begin(read_settings(config, troubles), images, tested, troubles)
        )
    except (RunError, OSError) as error:
        troubles.warn("folder", f"Nothing is recorded. {error}")
        return None
    if name or notes:
        try:
            write_about(recording.run, About(str(name or ""), str(notes or "")))
        except RunError as error:
            troubles.warn("about", str(error))
    recording.is_distributed = _world_size() > 1
    return recording


def _read_images(
    what: str, given: Any, classes: Any, normalize: Any, troubles: Troubles
) -> Validation | None:
    if given is None:
        return None
    try:
        images = read_validation(given, classes, normalize)
    except DataError as error:
        troubles.warn(f"init {what}", f"{what} cannot be used, only metrics are recorded. {error}")
    except Exception as error:  # of a dataset of the loop's own
        why = f"{type(error).__name__}: {error}"
        troubles.warn(f"init {what}", f"{what} cannot be read, only metrics are recorded. {why}")
    else:
        for note in images.notes:
            troubles.warn(note, f"{what}: {note}")
        return images
    return None


# A new run


def _begin(
    settings: dict[str, Any],
    images: Validation | None,
    test: Validation | None,
    troubles: Troubles,
) -> Recording:
    origin = Origin(script(), list(map(short, sys.argv)), _versions())
    run, held = run_folder.create_recorded(origin, settings, run_folder.runs_folder())
    _keep_images(run, images, troubles)
    begun = Recording(run, held, images, test, troubles)
    begun.begin(events.RunStarted, **_facts(images, test))
    return begun


def _facts(images: Validation | None, test: Validation | None) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "pid": os.getpid(),
        "class_names": [],
        "image_shape": None,
        "training_images": None,
        "validation_images": 0,
        "layers": None,
        "parameters": None,
        "device": "",
        "versions": _versions(),
        "val_loss": None,
        "val_acc": None,
        "test_images": len(test) if test else None,
    }
    if images:
        facts |= {
            "class_names": list(images.class_names),
            "image_shape": list(images.image_shape),
            "validation_images": len(images),
            "validation_counts": images.counts(),
            "notes": list(images.notes[:_MOST_NOTES]),
            "data": images.fingerprint(),
        }
    return facts


def _keep_images(run: Run, images: Validation | None, troubles: Troubles) -> None:
    if images is None:
        return
    try:
        write_atomically(run.path / "labels.u8", images.labels.tobytes())
        run.keep_images(images.pixels)
    except OSError as error:
        why = run.why_not_writable(error)
        troubles.warn("disk", f"The validation images cannot be written to {run.path}: {why}.")


def script() -> str:
    """Return the name of the script that runs, as in `train.py`; `notebook` or `python` else."""
    main = sys.modules.get("__main__")
    path = getattr(main, "__vsc_ipynb_file__", None) or os.environ.get("JPY_SESSION_NAME")
    path = path or getattr(main, "__file__", None)
    if isinstance(path, str) and "ipykernel" not in path:
        return short(Path(path).name)
    return "notebook" if "ipykernel" in sys.modules else "python"


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in _LIBRARIES:
        version = getattr(sys.modules.get(name), "__version__", None)
        if version is not None:
            versions[name] = short(version)
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        versions["mnistop"] = importlib.metadata.version("mnistop")
    return versions


# A run that goes on


def _resumed(name: str, troubles: Troubles) -> tuple[Run, IO[bytes]] | None:
    """Return the run to go on with and its lock; None, with a warning, if there is no such run."""
    try:
        run = find_run(name)
        run.check_ours()
        if not run.is_recorded():
            raise RunError(
                f"{run.full_name} was not recorded: resume it by mnistop train --resume."
            )
        return run, run.take_lock()
    except RunError as error:
        troubles.warn("resume", f"A new run is recorded. {error}")
        return None


def _go_on(
    run: Run,
    held: IO[bytes],
    images: Validation | None,
    test: Validation | None,
    troubles: Troubles,
) -> Recording:
    history = reduce(History(), read_events(run))
    started, epochs = history.started, len(history.epochs)
    if started and images and len(started.shape) < len(images.image_shape):
        images = images.in_gray()  # as this run has kept them
    if started is None:
        _keep_images(run, images, troubles)
    elif images and not _same_images(run, started, images):
        troubles.warn(
            "validation",
            "These are not the validation images that the run began with: "
            "its model is not evaluated.",
        )
        images = None
    elif images:
        images = dataclasses.replace(
            images, class_names=tuple(started.class_names), names_given=True
        )
    begun = Recording(run, held, images, test, troubles, epochs, _known_metrics(run))
    if started is None:
        begun.begin(events.RunStarted, **_facts(images, test))
    else:
        begun.begin(events.RunResumed, pid=os.getpid(), epoch=epochs, step=0)
    return begun


def _same_images(run: Run, started: events.RunStarted, images: Validation) -> bool:
    if images.names_given and list(images.class_names) != started.class_names:
        return False
    if len(images.class_names) > len(started.class_names):
        return False
    kept = run.images(started.shape)
    return (
        np.array_equal(run.labels(), images.labels)
        and kept.shape == images.pixels.shape
        and np.allclose(kept, images.pixels, rtol=0, atol=1e-6)
    )


def _known_metrics(run: Run) -> dict[str, tuple[int, int]]:
    """Return the id and the next step of each metric that a run has."""
    reader = MetricsReader(run.path)
    while reader.read():
        pass
    return {
        name: (reader.name_id(name), min(int(reader.series(name).steps[-1]) + 1, metrics.LAST_STEP))
        for name in reader.names
    }


# Distributed training


def rank() -> int:
    """Return which of the processes of a distributed training this is; 0 of a single one."""
    distributed = sys.modules.get("torch.distributed")
    if distributed and distributed.is_available() and distributed.is_initialized():
        return int(distributed.get_rank())
    names = ["RANK", "LOCAL_RANK"]
    if _number("SLURM_NTASKS", 1) > 1:
        names.append("SLURM_PROCID")
    return next((_number(name, 0) for name in names if name in os.environ), 0)


def _world_size() -> int:
    distributed = sys.modules.get("torch.distributed")
    if distributed and distributed.is_available() and distributed.is_initialized():
        return int(distributed.get_world_size())
    return _number("WORLD_SIZE", 1)


def _number(name: str, usual: int) -> int:
    try:
        return int(os.environ.get(name, usual))
    except ValueError:
        return usual
