"""The checks before a run is resumed: its hyperparameters, and the data that it began with."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec
import numpy as np

from mnistop.engine import events
from mnistop.engine.config import RunConfig
from mnistop.engine.data.sources import source_exists
from mnistop.engine.errors import DataError, RunError, TooFewImagesError
from mnistop.engine.events import Event, RunResumed, RunStarted
from mnistop.engine.files import open_regular, write_atomically
from mnistop.engine.fingerprint import Fingerprint, cannot_go_on, changes, without_data
from mnistop.engine.runs.checkpoint import newest_checkpoint
from mnistop.engine.runs.event_log import epochs_trained, final_event, read_events
from mnistop.engine.runs.run_folder import SPLIT_FORMAT, Continuation, Run
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.engine.training.examples import Examples


def config_to_go_on(what: Continuation) -> tuple[RunConfig, str]:
    """Return the hyperparameters of a run to resume, and a remark on them; empty if none.

    Raises:
        MnistopError: it cannot be resumed, or cannot have that many epochs.
    """
    run, config = what.run, what.run.config_to_resume()
    ended = final_event(run)
    if what.epochs is None:
        if isinstance(ended, events.RunFinished):
            raise RunError(_nothing_left(run, ended))
        return config, ""
    longer = replace(config, epochs=what.epochs)
    _check_length(run, longer)
    if isinstance(ended, events.RunFinished):
        _check_end(run, config, ended)
    if longer.epochs == config.epochs or config.schedule == "constant":
        return longer, ""
    return longer, (
        f"From here on the learning rate is that of a {config.schedule} schedule over "
        f"{longer.epochs:,} epochs; before, it was of one over {config.epochs:,}."
    )


def _nothing_left(run: Run, ended: events.RunFinished) -> str:
    if ended.reason == "early stopping" or _sweep_of(run):
        return f"Run {run.name} is finished: there is nothing left to resume."
    return (
        f"Run {run.name} is finished: to train it on to N epochs in total, resume it with "
        "--epochs N."
    )


def _check_length(run: Run, longer: RunConfig) -> None:
    trained = epochs_trained(run)
    if longer.epochs <= trained:
        raise RunError(
            f"Run {run.name} has {trained:,} epochs already: the number of epochs is that in "
            f"total, from {trained + 1:,} up."
        )
    if sweep := _sweep_of(run):
        raise RunError(
            f"Run {run.name} belongs to sweep {sweep.name}, which compares runs of the same "
            f"length: mnistop train --config {run.path / Run.MANIFEST} --epochs {longer.epochs} "
            "trains a longer one of its own."
        )


def _check_end(run: Run, config: RunConfig, ended: events.RunFinished) -> None:
    """Check that more epochs would change how a run ended, and that its last weights exist."""
    if ended.reason == "early stopping":
        raise RunError(
            f"Run {run.name} was ended by early stopping after {ended.epochs:,} epochs, and would "
            "be at once with any number of them: train a new one with a larger early stopping "
            f"than {config.early_stopping:,}, or 0 for none."
        )
    if newest_checkpoint(run) is None:
        raise RunError(
            f"Run {run.name} cannot be trained on: it has lost its checkpoint.pt, which holds the "
            "weights after its last epoch."
        )


def _sweep_of(run: Run) -> Sweep | None:
    """Return the sweep of a run; None if it has none, or that was deleted."""
    sweep = Sweep(run.path.with_name(run.sweep)) if run.sweep else None
    return sweep if sweep and sweep.is_there() else None


def set_epochs(run: Run, epochs: int) -> None:
    """Change the planned number of epochs of a run whose lock this process holds.

    Everything else in `config.json` stays, its time of change too.

    Raises:
        OSError: it cannot be written.
    """
    path = run.path / Run.MANIFEST
    with open_regular(path) as file:
        manifest = json.loads(file.read())
        made = os.fstat(file.fileno()).st_mtime_ns
    manifest["config"]["epochs"] = epochs
    write_atomically(path, json.dumps(manifest, indent=1).encode())
    os.utime(path, ns=(made, made))


def load_for(
    run: Run, config: RunConfig, load: Callable[[], Examples | None]
) -> tuple[Examples | None, str]:
    """Load the data of a run to resume, and compare them with those that it was trained on.

    Args:
        run: the run.
        config: its hyperparameters.
        load: returns the data, or None if they must be fetched first: nothing is compared then.

    Returns:
        The data, and a warning if the run is too old to be certain that they are the same.

    Raises:
        RunError: they have changed.
        MnistopError: raised by `load`.
    """
    try:
        examples = load()
    except TooFewImagesError as error:
        raise _refusal(run, config, error.difference) from None
    except DataError:
        if source_exists(config.source):
            raise
        raise RunError(without_data("run", run.name, config.source)) from None
    started, then = _began_with(read_events(run))
    if not (started and examples):
        return examples, ""
    if difference := changes(then or _recorded_parts(started, examples), examples.fingerprint):
        raise _refusal(run, config, difference)
    if then:
        return examples, ""
    if difference := _changes_of_validation(run, examples):
        raise _refusal(run, config, difference)
    return examples, (
        f"Run {run.name} was begun by an older mnistop, which kept no fingerprint of its data: "
        f"what it validates with in {config.source} is unchanged, what it trains on could not be "
        "compared."
    )


def _refusal(run: Run, config: RunConfig, difference: str) -> RunError:
    is_old = run.format() < SPLIT_FORMAT
    return RunError(cannot_go_on("run", run.name, config.source, difference, is_old))


def _began_with(logged: Sequence[Event]) -> tuple[RunStarted | None, Fingerprint | None]:
    """Return the start of a run and the fingerprint of its data; None for what it lacks."""
    started, data = None, None
    for event in logged:
        match event:
            case RunStarted():
                started, data = event, event.data
            case RunResumed(data=Fingerprint()):
                data = event.data
    return started, data


def _recorded_parts(started: RunStarted, examples: Examples) -> Fingerprint:
    """Return the fingerprint now, with what a run without one has recorded of its data."""
    height, width, *channels = started.shape
    return msgspec.structs.replace(
        examples.fingerprint,
        images=(started.training_images or 0) + started.validation_images,
        height=height,
        width=width,
        channels=math.prod(channels),
        classes=len(started.class_names),
    )


def _changes_of_validation(run: Run, examples: Examples) -> str:
    """Describe how the validation images differ from the recorded ones; empty if they do not."""
    kept = run.images(examples.image_shape)
    now = examples.validation.pixels.numpy().reshape(-1, *examples.image_shape)
    if len(kept) and not np.array_equal(kept, now):
        return "other pixels"
    labels = run.labels()
    same = np.array_equal(labels, examples.validation.labels.numpy())
    return "" if same or not len(labels) else "other labels"
