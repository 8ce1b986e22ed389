"""A search for doubted labels: a process that loads the data, and forks one for each fold.

They have a low priority, and end when whoever asked closes the connection, or dies.
"""

from __future__ import annotations

import os
import signal
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.analysis.label_doubts import Doubts, assign_folds, find_doubts
from mnistop.engine.config import RunConfig
from mnistop.engine.cores import available_memory, choose_threads, usable_cores
from mnistop.engine.data.dataset import Dataset
from mnistop.engine.data.sources import load_data
from mnistop.engine.errors import DataError, MnistopError, RunError, host_error
from mnistop.engine.process import fork_server
from mnistop.engine.process.answering import Niceness
from mnistop.engine.process.child import (
    as_sentence,
    close_inherited,
    detach_from_terminal,
    end_with,
)

_MODEL_BYTES = 200_000_000
"""Memory of a process that trains a model, beside the images."""
_COPIED = 1.1
"""The share of the images that it copies at most: two of the folds, and those to train on without
their unused pixels."""

_DIED = (
    "A process of the search was killed: there may be too little memory, or too many processes. "
    "Close some programs, and search again."
)


class DoubtSearch:
    """A search in processes of its own, which end with it.

    Args:
        config: the images, and the hyperparameters of the models.
        folds: how many models, 2 or more; each classifies its share of the images.

    Raises:
        MnistopError: no process can be started.
    """

    def __init__(self, config: RunConfig, folds: int) -> None:
        self.config = config
        self.folds = folds
        self.progress = "starting"
        """What is being done."""
        self.doubts: Doubts | None = None
        """The labels that are doubted; None before the end."""
        self.error = ""
        """Why the search has failed; empty if it has not."""
        self._connection, theirs = fork_server.context.Pipe()
        self.process = fork_server.context.Process(
            target=_search, args=(theirs, config, folds), daemon=True
        )
        """Loads the data, and forks off the others."""
        try:
            with theirs:
                fork_server.begin(self.process)
        except (OSError, EOFError) as error:
            raise (host_error(error) or RunError(_DIED)) from None

    @property
    def is_over(self) -> bool:
        """True once it has ended, failed, or been stopped."""
        return self._connection.closed

    def read(self, seconds: float = 0.0) -> bool:
        """Take what has come, and return whether anything has.

        Args:
            seconds: to wait for it at most.
        """
        changed = False
        while not self.is_over and self._connection.poll(0 if changed else seconds):
            changed = True
            try:
                result = self._connection.recv()
            except (EOFError, OSError):
                result = RunError(_DIED)
            if isinstance(result, str):
                self.progress = result
                continue
            self._connection.close()
            if isinstance(result, Doubts):
                self.doubts = result
            else:
                self.error = str(result)
        return changed

    def stop(self) -> None:
        """End the processes at once."""
        self._connection.close()


def _search(asked: Connection, config: RunConfig, folds: int) -> None:
    """Search, and send texts of progress, then `Doubts` or a `MnistopError`."""
    detach_from_terminal()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended children are no zombies then
    os.nice(Niceness.LOW)
    end_with(asked)
    result: Doubts | MnistopError
    try:
        dataset = load_data(config, asked.send)
        fold = assign_folds(dataset, folds, config.split_seed)
        result = find_doubts(_classify(asked, dataset, config, fold), dataset.labels)
    except Exception as error:
        result = as_sentence(error)
    asked.send(result)


class Resources(NamedTuple):
    """The share of the machine that the models get."""

    at_once: int
    """Models that are trained at the same time."""
    threads: int
    """Threads of each."""


def share_out(
    config: RunConfig, dataset: Dataset, folds: int, cores: int, memory: int, on_cpu: bool
) -> Resources:
    """Decide how many models are trained at once, and with how many threads each.

    Args:
        config: their hyperparameters.
        dataset: all images.
        folds: the number of models, 2 or more.
        cores: that may be used.
        memory: that is available, in bytes.
        on_cpu: false if they are trained on another device, which one model at a time fills: the
            others would only wait for it, and take its memory.
    """
    if not on_cpu:
        return Resources(1, 1)
    each = _MODEL_BYTES + _COPIED * dataset.images.nbytes
    at_once = max(1, min(folds, cores, int(memory / each)))
    layers = [dataset.images[0].size, *config.hidden, dataset.classes]
    checked = len(dataset) // folds
    threads = choose_threads(
        layers, config.batch_size, len(dataset) - checked, checked, cores // at_once
    )
    return Resources(at_once, threads)


def _classify(
    asked: Connection, dataset: Dataset, config: RunConfig, fold: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the probabilities of each image, `(n, classes)`, by models trained without its fold.

    Raises:
        MnistopError: there are too few different images, or a model cannot be trained.
    """
    from mnistop.engine.training.examples import find_device

    waiting = np.unique(fold).tolist()
    if len(waiting) < 2:
        raise DataError("Too few images differ to train on some and to check the others.")
    folds, epochs = len(waiting), 0
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"  # CUDA cannot be used in a fork once it was
    on_cpu = find_device(config.device).type == "cpu"
    at_once, threads = share_out(config, dataset, folds, usable_cores(), available_memory(), on_cpu)
    probabilities = np.empty((len(dataset), dataset.classes), np.float32)
    running: dict[Connection, int] = {}
    while waiting or running:
        while waiting and len(running) < at_once:
            number = waiting.pop(0)
            running[_forked(dataset, config, fold == number, threads)] = number
        done = folds - len(waiting) - len(running)
        asked.send(f"training {folds} models, each on other images: {done} done, {epochs:,} epochs")
        for ready in wait(list(running)):
            assert isinstance(ready, Connection)
            try:
                result = ready.recv()
            except (EOFError, OSError):
                raise RunError(_DIED) from None
            if isinstance(result, MnistopError):
                raise result
            if isinstance(result, int):
                epochs += 1
            else:
                probabilities[fold == running.pop(ready)] = result
                ready.close()
    return probabilities


def _forked(
    dataset: Dataset, config: RunConfig, fold: NDArray[np.bool_], threads: int
) -> Connection:
    """Fork off a process that classifies a fold; it sends numbers of epochs, then probabilities."""
    ours, theirs = Pipe()
    if os.fork():
        theirs.close()
        return ours
    try:
        import torch

        from mnistop.engine.training.folds import classify_fold

        close_inherited({theirs.fileno()})
        end_with(theirs)
        torch.set_num_threads(threads)
        theirs.send(classify_fold(dataset, config, fold, theirs.send))
    except Exception as error:
        theirs.send(as_sentence(error))
    finally:
        os._exit(0)
