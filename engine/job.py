"""The life of a training process, from the configuration to the run's last event."""

import contextlib
import errno
import itertools
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Collection, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import IO, Any, NoReturn

import numpy as np
import torch

from engine import events, runs
from engine.config import RunConfig
from engine.data import is_at_hand, load
from engine.device import find_device
from engine.errors import MnistopError, RunError
from engine.examples import Examples, examples_of
from engine.files import open_private, write_atomically
from engine.recorder import Recorder
from engine.runs import Run
from engine.safekeeping import newest_checkpoint
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
    if os.fork():
        return
    try:
        _live(lambda: _prepare(what, folder), answer)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def train_member(
    caller: Connection, examples: Examples | None, what: RunConfig | Run, path: Path
) -> NoReturn:
    """The life of a process that trains a member of a sweep, as a task of `engine.nursery`.

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
        _answer(caller, error)
    except Exception as error:
        name = type(error).__name__
        fault = f"No run could be started, by a fault of the program, {name}: {error}."
        _answer(caller, RunError(fault))
    else:
        _answer(caller, run)
        if not keeps:
            caller.close()
        leave({lock.fileno(), caller.fileno()} if keeps else {lock.fileno()})
        log_to(run.log_path)
        _run(run, config, examples, control)
    os._exit(1)


def _answer(connection: Connection, answer: Run | MnistopError) -> None:
    """Tells whoever waits for it; a run goes on also if they are gone since, as on a hang-up."""
    with contextlib.suppress(OSError):
        connection.send(answer)


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
    last = [event for event in runs.read_events(run) if isinstance(event, events.LAST_EVENTS)]
    if last and isinstance(last[-1], events.RunFinished):
        raise RunError(f"Run {run.name} is finished: there is nothing left to resume.")
    return run.config()


def _load(config: RunConfig, say: Recorder | None = None) -> Examples:
    def progress(message: str) -> None:
        if say:
            say.say(events.Preparing, message=message)

    return examples_of(load(config.source, config.samples, progress), config)


def leave(kept: Collection[int]) -> None:
    """No file and no folder of the process that this one came from.

    Args:
        kept: descriptors that stay open, beside the standard ones.
    """
    os.chdir("/")
    bounds = [2, *sorted(kept), os.sysconf("SC_OPEN_MAX")]
    for one, next_one in itertools.pairwise(bounds):
        os.closerange(one + 1, next_one)


def log_to(path: Path) -> None:
    """Has what is written to standard output and errors appended to a file."""
    null = os.open(os.devnull, os.O_RDWR)
    try:
        log = open_private(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    except OSError:
        log = os.dup(null)
    for number, descriptor in enumerate((null, null, log)):
        os.dup2(descriptor, number)
    os.close(null)
    os.close(log)
    sys.stdout = sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115


def _run(
    run: Run, config: RunConfig, examples: Examples | None, control: "SignalControl"
) -> NoReturn:
    recorder = Recorder(run)
    control.recorder = recorder
    try:
        _train(run, config, examples, recorder, control)
    except StopRequestedError:
        recorder.end(events.RunStopped, epochs=0, step=0)
    except MnistopError as error:
        diverged = isinstance(error, DivergedError)
        recorder.end(events.RunFailed, message=str(error), diverged=diverged)
    except Exception as error:  # said first: a full disk may have no room for the traceback
        recorder.end(events.RunFailed, message=in_words(error, run))
        traceback.print_exc()
    recorder.bring_to_disk()
    os._exit(0)


def in_words(error: Exception, run: Run) -> str:
    """What has ended a run, and what to do, in one sentence."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "The disk is full: free some space, then resume the run."
    if isinstance(error, OSError):
        return f"{run.path} cannot be written ({error.strerror}): mend that, then resume the run."
    if any(map(_is_lack_of_memory, _with_causes(error))):
        return (
            "The memory is full: free some, then resume the run. One with fewer samples, smaller "
            "layers or smaller batches needs less."
        )
    return (
        f"The training process met a fault of the program, {type(error).__name__}: "
        f"the traceback is in {run.log_path}."
    )


def _is_lack_of_memory(error: BaseException) -> bool:
    told = isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    return told or isinstance(error, (MemoryError, torch.OutOfMemoryError))


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what it came from: PyTorch's writer hides a lack of memory behind its own."""
    following: BaseException | None = error
    while following:
        yield following
        following = following.__cause__ or following.__context__


def _train(
    run: Run,
    config: RunConfig,
    examples: Examples | None,
    recorder: Recorder,
    control: "SignalControl",
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
        recorder.keep_judgement(0, said)
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
            versions={"torch": torch.__version__, "numpy": np.__version__},
            val_loss=val_loss,
            val_acc=accuracy(said, validation.labels),
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


class StopRequestedError(Exception):
    """A stop came while something was being waited for."""


class SignalControl:
    """Control by signals: SIGTERM and SIGINT stop, SIGUSR1 pauses, SIGUSR2 lets go on."""

    def __init__(self) -> None:
        self.recorder: Recorder | None = None
        self._at_once = False
        self._stop = False
        self._paused = False
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGUSR1, self._on_pause)
        signal.signal(signal.SIGUSR2, self._on_unpause)

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop = True
        if self._at_once:
            self._at_once = False
            raise StopRequestedError

    def _on_pause(self, number: int, frame: FrameType | None) -> None:
        self._paused = True

    def _on_unpause(self, number: int, frame: FrameType | None) -> None:
        self._paused = False

    @contextlib.contextmanager
    def stopping_at_once(self) -> Iterator[None]:
        """For what takes long before training: a stop ends it by `StopRequestedError`."""
        self._at_once = True
        try:
            if self._stop:
                raise StopRequestedError
            yield
        finally:
            self._at_once = False

    def wants_stop(self) -> bool:
        """Whether a stop has been asked for."""
        return self._stop

    def wait_while_paused(self) -> float:
        """Waits until SIGUSR2 or a stop; returns the seconds waited."""
        if not self._paused or self._stop:
            return 0.0
        started = time.perf_counter()
        if self.recorder:
            self.recorder.say(events.RunPaused)
        while self._paused and not self._stop:
            time.sleep(0.02)
        if self.recorder:
            self.recorder.say(events.RunUnpaused)
        return time.perf_counter() - started
