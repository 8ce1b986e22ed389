"""The life of a training process, from the configuration to the run's last event."""

import os
import shutil
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Any, NoReturn

import numpy as np
import torch

from mnistop.engine import events
from mnistop.engine.config import RunConfig
from mnistop.engine.cores import choose_threads, usable_cores
from mnistop.engine.data.sources import load, loads_quickly
from mnistop.engine.errors import MnistopError, RunError, host_error
from mnistop.engine.files import reason, write_atomically
from mnistop.engine.process.child import fork_off, in_words, leave, tell
from mnistop.engine.process.resuming import config_to_go_on, load_for
from mnistop.engine.process.signal_control import SignalControl, StopRequestedError
from mnistop.engine.process.stdio import log_to, set_title
from mnistop.engine.process.unseen import evaluate_on_unseen
from mnistop.engine.recording.recorder import Recorder
from mnistop.engine.runs import glance, lock, run_folder
from mnistop.engine.runs.checkpoint import newest_checkpoint
from mnistop.engine.runs.run_folder import Continuation, Run
from mnistop.engine.training.examples import Examples, find_device, make_examples
from mnistop.engine.training.loop import DivergedError, train
from mnistop.engine.training.state import TrainState, accuracy, evaluate


def start(what: RunConfig | Continuation, folder: Path, answer: Connection) -> None:
    """Forks off the training process, which checks all that can be wrong and makes the run folder.

    The fork comes first, since what has looked for a CUDA device cannot be forked any more.

    Args:
        what: the configuration of a new run, or a run that is to go on.
        folder: where new runs are made.
        answer: gets the run once its training process is sure to begin, or the `MnistopError`.
    """
    fork_off(lambda: _live(lambda: _prepare(what, folder), answer))


def train_member(
    caller: Connection, examples: Examples | None, what: RunConfig | Run, path: Path, cores: int
) -> NoReturn:
    """Train a member of a sweep, as a task of `mnistop.engine.sweep.member_server`.

    Args:
        caller: gets the run once it is sure to begin, or the `MnistopError`.
        examples: the data; None for those that are not at hand.
        what: the configuration of a new member, or one to go on with.
        path: the member's folder.
        cores: how many processor threads it may have at most where it chooses.
    """

    def data(config: RunConfig) -> Examples | None:
        find_device(config.device)
        return examples

    def prepare() -> Prepared:
        if isinstance(what, Run):
            return replace(_reopened(Continuation(what), data), cores=cores)
        here = data(what)
        run, lock = run_folder.create(what, path.parent, path.name)
        return Prepared(run, lock, what, here, cores=cores)

    _live(prepare, caller, keeps=True)


@dataclass(frozen=True)
class Prepared:
    """A run that is sure to begin or to go on."""

    run: Run
    lock: IO[bytes]
    """Open, and held by this process."""
    config: RunConfig
    examples: Examples | None
    """The data, if they are at hand."""
    goes_on: bool = False
    """Whether there was a run before."""
    warning: str = ""
    """Why it is not certain that its data are those that it began with."""
    ended: events.RunFinished | events.RunStopped | events.RunFailed | None = None
    """How it ended before, if it did."""
    cores: int = field(default_factory=usable_cores)
    """How many processor threads it may have at most where it chooses."""


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
        prepared = prepare()
    except MnistopError as error:
        tell(caller, error)
    except Exception as error:
        name = type(error).__name__
        fault = f"No run could be started, by a fault of the program, {name}: {error}."
        tell(caller, host_error(error) or RunError(fault))
    else:
        set_title(f"mnistop: {prepared.run.words}")
        leave({prepared.lock.fileno(), caller.fileno()})
        log_to(prepared.run.log_path)
        try:
            recorder = Recorder(prepared.run)
        except OSError as error:
            tell(caller, _without_files(prepared, error))
            os._exit(1)
        tell(caller, (prepared.run, prepared.warning))
        if not keeps:
            caller.close()
        _run(prepared, recorder, control)
    os._exit(1)


def _without_files(prepared: Prepared, error: OSError) -> MnistopError:
    """Why a run cannot have its files; the folder of a new one is removed again."""
    run = prepared.run
    why = f"{run.path} cannot be written: {reason(error, run.path)}."
    if prepared.goes_on:
        return host_error(error) or RunError(f"{run.full_name} cannot be resumed: {why}")
    shutil.rmtree(run.path, ignore_errors=True)
    remedy = "Make room, or set MNISTOP_RUNS to a folder elsewhere."
    return host_error(error) or RunError(f"A run cannot begin: {why} {remedy}")


def _prepare(what: RunConfig | Continuation, folder: Path) -> Prepared:
    if isinstance(what, Continuation):
        return _reopened(what, _data_if_here)
    examples = _data_if_here(what)
    return Prepared(*run_folder.create(what, folder), what, examples)


def _reopened(what: Continuation, data: Callable[[RunConfig], Examples | None]) -> Prepared:
    run, held = what.run, run_folder.reopen(what.run)
    try:
        config, remark = config_to_go_on(what)
        examples, warning = load_for(run, config, lambda: data(config))
        words = " ".join(filter(None, (warning, remark)))
        return Prepared(run, held, config, examples, True, words, glance.ended(run))
    except MnistopError:
        lock.release(held)
        raise


def _data_if_here(config: RunConfig) -> Examples | None:
    """The data, once the device is found; None if they are not at hand, which takes its time."""
    find_device(config.device)
    return _load(config) if loads_quickly(config.source) else None


def _load(config: RunConfig, say: Recorder | None = None) -> Examples:
    def progress(message: str) -> None:
        if say:
            say.say(events.Preparing, message=message)

    return make_examples(load(config.source, config.samples, progress, config.pixel_range), config)


class _NotResumedError(MnistopError):
    """The data of a run that was to go on came to light as others, or could not be had."""


def _run(prepared: Prepared, recorder: Recorder, control: SignalControl) -> NoReturn:
    run = prepared.run
    control.recorder = recorder
    try:
        _train(prepared, recorder, control)
    except StopRequestedError:
        if isinstance(prepared.ended, events.RunFinished):
            _end_as_before(prepared, recorder, "")
        else:
            recorder.end(events.RunStopped, epochs=0, step=0)
    except _NotResumedError as error:
        _end_as_before(prepared, recorder, str(error))
    except MnistopError as error:
        diverged = isinstance(error, DivergedError)
        if diverged:
            recorder.save_best()
        recorder.end(events.RunFailed, message=str(error), diverged=diverged)
    except Exception as error:  # said first: a full disk may have no room for the traceback
        recorder.end(events.RunFailed, message=in_words(error, run))
        traceback.print_exc()
    recorder.bring_to_disk()
    lock.release(prepared.lock)
    os._exit(0)


def _end_as_before(prepared: Prepared, recorder: Recorder, message: str) -> None:
    """End a run that did not go on, in the state that it was in."""
    match prepared.ended:
        case events.RunFinished(epochs=epochs, reason=reason):
            if tested := glance.newest_test(prepared.run):
                recorder.say_again(tested)
            recorder.end(events.RunFinished, epochs=epochs, reason=reason, message=message)
        case events.RunFailed(diverged=diverged):
            recorder.end(events.RunFailed, message=message, diverged=diverged)
        case events.RunStopped(epochs=epochs, step=step):
            recorder.end(events.RunStopped, epochs=epochs, step=step, message=message)
        case _:
            epochs = glance.epochs_trained(prepared.run)
            recorder.end(events.RunStopped, epochs=epochs, step=0, message=message)


def _load_late(prepared: Prepared, recorder: Recorder) -> tuple[Examples, str]:
    """Load data that were not at hand, and compare them as `load_for` does."""
    run, config = prepared.run, prepared.config
    if not prepared.goes_on:
        return _load(config, recorder), ""
    try:
        examples, warning = load_for(run, config, lambda: _load(config, recorder))
    except MnistopError as error:
        raise _NotResumedError(str(error)) from None
    assert examples
    if warning:
        recorder.say(events.Preparing, message=warning)
    return examples, warning


def _train(prepared: Prepared, recorder: Recorder, control: SignalControl) -> None:
    run, config = prepared.run, prepared.config
    examples, warning = prepared.examples, prepared.warning
    torch.set_num_threads(1)
    if examples is None:
        with control.stopping_at_once():
            examples, warning = _load_late(prepared, recorder)
    device = find_device(config.device)
    shape, class_names = examples.image_shape, examples.class_names
    training = TrainState(config, shape, len(class_names), device)
    there = examples.to(device)
    images, validation = there.training, there.validation
    threads = _threads(training, len(images), len(validation), prepared.cores)
    torch.set_num_threads(threads)
    if saved := newest_checkpoint(run):
        _load_state(training, run, saved)
        if run.config().epochs != config.epochs:
            run_folder.set_epochs(run, config.epochs)
        recorder.say(
            events.RunResumed,
            pid=os.getpid(),
            epoch=training.epoch,
            step=training.step,
            epochs=config.epochs,
            data=examples.fingerprint if warning else None,
        )
    else:
        labels = examples.validation.labels.numpy().astype(np.uint8)
        write_atomically(run.path / "labels.u8", labels.tobytes())
        run.keep_images(examples.validation.pixels.numpy().reshape(-1, *shape))
        said, val_loss, _ = evaluate(training.model, validation)
        predictions = said.argmax(1)
        recorder.record_predictions(0, said[None], predictions[None])
        recorder.say(
            events.RunStarted,
            pid=os.getpid(),
            class_names=list(class_names),
            training_counts=list(examples.counts.training),
            validation_counts=list(examples.counts.validation),
            source_counts=list(examples.counts.source),
            contrast=examples.contrast,
            notes=list(examples.notes),
            image_shape=list(shape),
            training_images=len(images),
            validation_images=len(validation),
            layers=list(training.model.sizes),
            parameters=sum(parameter.numel() for parameter in training.model.parameters()),
            device=str(device),
            versions={"torch": str(torch.__version__), "numpy": np.__version__},
            val_loss=val_loss,
            val_acc=accuracy(predictions, validation.labels),
            data=examples.fingerprint,
            test_images=len(examples.unseen),
            threads=threads,
        )
    recorder.begin(training)
    train(training, images, validation, recorder, control)
    recorder.save_checkpoint(training)
    if training.is_over() and evaluate_on_unseen(training, examples.unseen, recorder, control):
        reason = "early stopping" if training.stopped_early() else "all epochs"
        recorder.end(events.RunFinished, epochs=training.epoch, reason=reason)
    else:
        recorder.end(events.RunStopped, epochs=training.epoch, step=training.step)


def _threads(training: TrainState, images: int, validation: int, cores: int) -> int:
    """How many processor threads a training gets; beside another device there is little to do."""
    config = training.config
    if config.threads != "auto":
        return config.threads
    if training.device.type != "cpu":
        return 1
    return choose_threads(training.model.sizes, config.batch_size, images, validation, cores)


def _load_state(training: TrainState, run: Run, state: dict[str, Any]) -> None:
    try:
        training.load_state_dict(state)
    except (KeyError, RuntimeError, ValueError, TypeError, AttributeError):
        raise RunError(
            f"Run {run.name} cannot go on: its checkpoint does not fit its configuration."
        ) from None
