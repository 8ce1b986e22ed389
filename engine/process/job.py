"""The life of a training process, from the configuration to the run's last event."""

import os
import shutil
import traceback
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn

from mnistop.engine import events
from mnistop.engine.config import RunConfig
from mnistop.engine.data.sources import loads_quickly
from mnistop.engine.errors import MnistopError, RunError, host_error
from mnistop.engine.files import reason
from mnistop.engine.process.child import (
    close_inherited,
    describe_error,
    fork_off,
    log_to,
    prepare_or_exit,
    send_result,
    set_title,
)
from mnistop.engine.process.control import SignalControl, StopRequestedError
from mnistop.engine.process.resuming import config_to_go_on, load_for
from mnistop.engine.process.train_run import NotResumedError, PreparedRun, load_examples, train_run
from mnistop.engine.recording.recorder import Recorder
from mnistop.engine.runs import lock, run_folder
from mnistop.engine.runs.event_log import epochs_trained, final_event, last_of_kind
from mnistop.engine.runs.run_folder import Continuation, Run
from mnistop.engine.training.examples import Examples, find_device
from mnistop.engine.training.loop import DivergedError


def start(what: RunConfig | Continuation, folder: Path, answer: Connection) -> None:
    """Fork off a training process, which makes or opens the run folder.

    It also finds the device: a process that has initialized CUDA cannot be forked.

    Args:
        what: the configuration of a new run, or a run to resume.
        folder: the folder to make a new run in.
        answer: gets the run once its training process is sure to begin, or the `MnistopError`.
    """
    fork_off(lambda: _live(lambda: _prepare(what, folder), answer))


def train_member(
    caller: Connection, examples: Examples | None, what: RunConfig | Run, path: Path, cores: int
) -> NoReturn:
    """Train a member of a sweep, as a task of `mnistop.engine.sweep.member_server`.

    Args:
        caller: gets the run once it is sure to begin, or the `MnistopError`.
        examples: the data; None if they must be fetched first.
        what: the configuration of a new member, or one to resume.
        path: the member's folder.
        cores: the most processor threads that it may choose.
    """

    def data(config: RunConfig) -> Examples | None:
        find_device(config.device)
        return examples

    def prepare() -> PreparedRun:
        if isinstance(what, Run):
            return replace(_reopen(Continuation(what), data), cores=cores)
        data(what)
        run, held = run_folder.create(what, path.parent, path.name)
        return PreparedRun(run, held, what, examples, cores=cores)

    _live(prepare, caller, keep_open=True)


def _prepare(what: RunConfig | Continuation, folder: Path) -> PreparedRun:
    if isinstance(what, Continuation):
        return _reopen(what, _data_if_here)
    examples = _data_if_here(what)
    return PreparedRun(*run_folder.create(what, folder), what, examples)


def _reopen(what: Continuation, data: Callable[[RunConfig], Examples | None]) -> PreparedRun:
    run, held = what.run, what.run.take_lock()
    try:
        config, remark = config_to_go_on(what)
        examples, warning = load_for(run, config, lambda: data(config))
        warning = " ".join(filter(None, (warning, remark)))
        return PreparedRun(run, held, config, examples, True, warning, final_event(run))
    except MnistopError:
        lock.release(held)
        raise


def _data_if_here(config: RunConfig) -> Examples | None:
    """Find the device and load the data; None if they must be fetched first."""
    find_device(config.device)
    return load_examples(config) if loads_quickly(config.source) else None


def _live(
    prepare: Callable[[], PreparedRun], caller: Connection, keep_open: bool = False
) -> NoReturn:
    """Run a training process from its first to its last moment.

    Args:
        prepare: checks everything that can be wrong, and makes or opens the run folder.
        caller: gets the run or the error.
        keep_open: whether its connection stays open.
    """
    os.setsid()
    control = SignalControl()
    prepared = prepare_or_exit(prepare, caller, "run")
    run = prepared.run
    set_title(f"mnistop: {run.words}")
    close_inherited({prepared.lock.fileno(), caller.fileno()})
    log_to(run.log_path)
    try:
        control.recorder = recorder = Recorder(run)
    except OSError as error:
        send_result(caller, _not_writable(prepared, error))
        os._exit(1)
    send_result(caller, (run, prepared.warning))
    if not keep_open:
        caller.close()
    try:
        train_run(prepared, recorder, control)
    except StopRequestedError:
        if isinstance(prepared.ended, events.RunFinished):
            _end_as_before(prepared, recorder, "")
        else:
            recorder.end(events.RunStopped, epochs=0, step=0)
    except NotResumedError as error:
        _end_as_before(prepared, recorder, str(error))
    except MnistopError as error:
        diverged = isinstance(error, DivergedError)
        if diverged:
            recorder.save_best()
        recorder.end(events.RunFailed, message=str(error), diverged=diverged)
    except Exception as error:  # recorded first: a full disk may have no room for the traceback
        recorder.end(events.RunFailed, message=describe_error(error, run))
        traceback.print_exc()
    recorder.bring_to_disk()
    lock.release(prepared.lock)
    os._exit(0)


def _not_writable(prepared: PreparedRun, error: OSError) -> MnistopError:
    """Explain why a run cannot have its files; the folder of a new one is removed again."""
    run = prepared.run
    why = f"{run.path} cannot be written: {reason(error, run.path)}."
    if prepared.is_resumed:
        return host_error(error) or RunError(f"{run.full_name} cannot be resumed: {why}")
    shutil.rmtree(run.path, ignore_errors=True)
    remedy = "Make room, or set MNISTOP_RUNS to a folder elsewhere."
    return host_error(error) or RunError(f"A run cannot begin: {why} {remedy}")


def _end_as_before(prepared: PreparedRun, recorder: Recorder, message: str) -> None:
    """End a run that was not resumed, in the state that it was in."""
    match prepared.ended:
        case events.RunFinished(epochs=epochs, reason=reason):
            if tested := last_of_kind(prepared.run, events.RunTested):
                recorder.record_again(tested)
            recorder.end(events.RunFinished, epochs=epochs, reason=reason, message=message)
        case events.RunFailed(diverged=diverged):
            recorder.end(events.RunFailed, message=message, diverged=diverged)
        case events.RunStopped(epochs=epochs, step=step):
            recorder.end(events.RunStopped, epochs=epochs, step=step, message=message)
        case _:
            epochs = epochs_trained(prepared.run)
            recorder.end(events.RunStopped, epochs=epochs, step=0, message=message)
