"""The life of a training process, from the configuration to the run's last event."""

import os
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Any, NoReturn

import numpy as np
import torch

from engine import events, runs
from engine.config import RunConfig
from engine.data import is_at_hand, load
from engine.device import find_device
from engine.errors import MnistopError, RunError
from engine.examples import Examples, examples_of
from engine.process.detached import fork_off, leave, tell
from engine.process.failure import in_words
from engine.process.signal_control import SignalControl, StopRequestedError
from engine.process.stdio import log_to
from engine.runs import Run
from engine.storage.event_tail import read_events
from engine.storage.files import write_atomically
from engine.storage.recorder import Recorder
from engine.storage.safekeeping import newest_checkpoint
from engine.train import DivergedError, train
from engine.training import Training, accuracy, judge


def start(what: RunConfig | Run, folder: Path, answer: Connection) -> None:
    """Forks off the training process, which checks all that can be wrong and makes the run folder.

    The fork comes first, since what has looked for a CUDA device cannot be forked any more.

    Args:
        what: the configuration of a new run, or a run to go on with.
        folder: where new runs are made.
        answer: gets the run once its training process is sure to begin, or the `MnistopError`.
    """
    fork_off(lambda: _live(lambda: _prepare(what, folder), answer))


def train_member(
    caller: Connection, examples: Examples | None, what: RunConfig | Run, path: Path
) -> NoReturn:
    """The life of a process that trains a member of a sweep, as a task of `engine.sweep.nursery`.

    Args:
        caller: gets the run once it is sure to begin, or the `MnistopError`.
        examples: the data; None for those that are not at hand.
        what: the configuration of a new member, or one to go on with.
        path: the member's folder.
    """

    def data(config: RunConfig) -> Examples | None:
        find_device(config.device)
        return examples

    def prepare() -> Prepared:
        if isinstance(what, Run):
            return _reopened(what, data)
        here = data(what)
        return *runs.create(what, path.parent, path.name), what, here

    _live(prepare, caller, keeps=True)


Prepared = tuple[Run, IO[bytes], RunConfig, Examples | None]
"""A run, its open lock, its configuration, and its data if they are at hand."""


def _live(prepare: Callable[[], Prepared], caller: Connection, keeps: bool = False) -> NoReturn:
    """The life of a training process.

    Args:
        prepare: checks all that can be wrong, and makes or opens the run folder.
        caller: gets the answer.
        keeps: whether the connection stays open.
    """
    os.setsid()
    control = SignalControl()
    try:
        run, lock, config, examples = prepare()
    except MnistopError as error:
        tell(caller, error)
    except Exception as error:
        name = type(error).__name__
        fault = f"No run could be started, by a fault of the program, {name}: {error}."
        tell(caller, RunError(fault))
    else:
        tell(caller, run)
        if not keeps:
            caller.close()
        leave({lock.fileno(), caller.fileno()} if keeps else {lock.fileno()})
        log_to(run.log_path)
        _run(run, config, examples, control)
    os._exit(1)


def _prepare(what: RunConfig | Run, folder: Path) -> Prepared:
    if isinstance(what, Run):
        return _reopened(what, _data_if_here)
    examples = _data_if_here(what)
    return *runs.create(what, folder), what, examples


def _reopened(run: Run, data: Callable[[RunConfig], Examples | None]) -> Prepared:
    lock = runs.reopen(run)
    try:
        config = _resumable(run)
        return run, lock, config, data(config)
    except MnistopError:
        lock.close()
        raise


def _data_if_here(config: RunConfig) -> Examples | None:
    """The data, once the device is found; None if they are not at hand, which takes its time."""
    find_device(config.device)
    return _load(config) if is_at_hand(config.source) else None


def _resumable(run: Run) -> RunConfig:
    last = [event for event in read_events(run) if isinstance(event, events.LAST_EVENTS)]
    if last and isinstance(last[-1], events.RunFinished):
        raise RunError(f"Run {run.name} is finished: there is nothing left to resume.")
    return run.config()


def _load(config: RunConfig, say: Recorder | None = None) -> Examples:
    def progress(message: str) -> None:
        if say:
            say.say(events.Preparing, message=message)

    return examples_of(load(config.source, config.samples, progress), config)


def _run(
    run: Run, config: RunConfig, examples: Examples | None, control: SignalControl
) -> NoReturn:
    recorder = Recorder(run)
    control.recorder = recorder
    try:
        _train(run, config, examples, recorder, control)
    except StopRequestedError:
        recorder.end(events.RunStopped, epochs=0, step=0)
    except MnistopError as error:
        diverged = isinstance(error, DivergedError)
        if diverged:
            recorder.save_best()
        recorder.end(events.RunFailed, message=str(error), diverged=diverged)
    except Exception as error:  # said first: a full disk may have no room for the traceback
        recorder.end(events.RunFailed, message=in_words(error, run))
        traceback.print_exc()
    recorder.bring_to_disk()
    os._exit(0)


def _train(
    run: Run,
    config: RunConfig,
    examples: Examples | None,
    recorder: Recorder,
    control: SignalControl,
) -> None:
    torch.set_num_threads(config.threads)
    if examples is None:
        with control.stopping_at_once():
            examples = _load(config, recorder)
    device = find_device(config.device)
    shape, class_names = examples.image_shape, examples.class_names
    training = Training(config, shape, len(class_names), device)
    there = examples.to(device)
    images, validation = there.training, there.validation
    if saved := newest_checkpoint(run):
        _load_state(training, run, saved)
        recorder.say(events.RunResumed, pid=os.getpid(), epoch=training.epoch, step=training.step)
    else:
        labels = examples.validation.labels.numpy().astype(np.uint8)
        write_atomically(run.path / "labels.u8", labels.tobytes())
        run.keep_images(examples.validation.pixels.numpy().reshape(-1, *shape))
        said, val_loss, _ = judge(training.model, validation)
        predictions = said.argmax(1)
        recorder.write_judgements(0, said[None], predictions[None])
        recorder.say(
            events.RunStarted,
            pid=os.getpid(),
            class_names=list(class_names),
            image_shape=list(shape),
            training_images=len(images),
            validation_images=len(validation),
            layers=list(training.model.sizes),
            parameters=sum(parameter.numel() for parameter in training.model.parameters()),
            device=str(device),
            versions={"torch": str(torch.__version__), "numpy": np.__version__},
            val_loss=val_loss,
            val_acc=accuracy(predictions, validation.labels),
        )
    recorder.begin(training)
    train(training, images, validation, recorder, control)
    recorder.save_checkpoint(training)
    if training.is_over():
        reason = "early stopping" if training.stopped_early() else "all epochs"
        recorder.end(events.RunFinished, epochs=training.epoch, reason=reason)
    else:
        recorder.end(events.RunStopped, epochs=training.epoch, step=training.step)


def _load_state(training: Training, run: Run, state: dict[str, Any]) -> None:
    try:
        training.load_state_dict(state)
    except (KeyError, RuntimeError, ValueError, TypeError, AttributeError):
        raise RunError(
            f"Run {run.name} cannot go on: its checkpoint does not fit its configuration."
        ) from None
