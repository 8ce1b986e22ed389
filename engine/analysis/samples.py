"""Images of a data set before training: `worker.ask(load_samples, …)`.

The interface names `load_samples`, so scikit-learn is imported only in what it calls.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.analysis.loading import progress_file
from mnistop.engine.config import LOADED_BY, SPLIT_BY, RunConfig
from mnistop.engine.data.notes import ClassCounts, data_notes
from mnistop.engine.data.sources import (
    Dataset,
    Description,
    class_counts,
    describe,
    file_stamp,
    load_data,
    split,
)
from mnistop.engine.errors import DataError
from mnistop.engine.events import RunStarted
from mnistop.engine.fingerprint import Fingerprint
from mnistop.engine.runs.event_log import last_of_kind
from mnistop.engine.runs.recorded import RecordedConfig
from mnistop.engine.runs.run_folder import Run


@dataclass(frozen=True, eq=False)
class Samples:
    """Some images of a data set, and facts about all of it."""

    description: Description
    counts: ClassCounts
    """The number of training and of validation images of each class."""
    first: int
    """The index of the first image here."""
    images: NDArray[np.float32]
    """`(n, height, width)` or `(n, height, width, 3)` in [0, 1], in the order of the source."""
    labels: NDArray[np.int64]
    """`(n,)`"""
    validation: NDArray[np.bool_]
    """True for each image kept for validation, `(n,)`."""
    fingerprint: Fingerprint
    """Of the whole data set."""
    recorded_notes: tuple[str, ...] | None = None
    """Of the validation images of a recorded run, what is odd about them; None for a data set."""

    @property
    def notes(self) -> list[str]:
        """Warnings about the data, in sentences."""
        if self.recorded_notes is not None:
            return list(self.recorded_notes)
        facts = self.description
        return [*facts.notes, *data_notes(self.counts, facts.pixels.clipping, facts.contrast)]


def load_samples(
    config: RunConfig, first: int, count: int, progress: Path | None = None
) -> Samples:
    """Load some images of the data that a configuration would train on.

    Args:
        config: the configuration, the path of a source made absolute.
        first: the index of the first image to return, from 0.
        count: the number of images to return; fewer at the end.
        progress: a file to write the current activity to.

    Raises:
        DataError: the source is missing or unfit, or cannot be split so.
    """
    dataset = load_dataset(config, progress_file(progress))
    known = _known(dataset, *(getattr(config, name) for name in SPLIT_BY))
    rows = slice(max(first, 0), max(first, 0) + max(count, 0))
    return Samples(
        known.description,
        known.counts,
        rows.start,
        dataset.images[rows],
        dataset.labels[rows],
        known.validation[rows],
        dataset.fingerprint,
    )


def load_recorded(run: Run, first: int, count: int) -> Samples:
    """Load some of the validation images of a recorded run; it keeps no others.

    Args:
        run: the run.
        first: the index of the first image to return, from 0.
        count: the number of images to return; fewer at the end.

    Raises:
        DataError: the run has no images.
        RunError: its folder cannot be read.
    """
    started = last_of_kind(run, RunStarted)
    if started is None or started.image_shape is None or started.data is None:
        raise DataError(f"Run {run.words} has no images: its script gave none to mnistop.init.")
    images, labels = run.images(started.shape), run.labels().astype(np.int64)
    if not len(images) == len(labels) == started.validation_images:
        raise DataError(f"The images of run {run.words} are damaged, or were never written.")
    config = run.config()
    script = config.script if isinstance(config, RecordedConfig) else "its script"
    dataset = Dataset(
        images,
        labels,
        tuple(started.class_names),
        source=script,
        provenance=f"validation images that {script} gave to mnistop.init",
        fingerprint=started.data,
    )
    every, none = np.arange(len(labels)), np.arange(0)
    rows = slice(max(first, 0), max(first, 0) + max(count, 0))
    return Samples(
        describe(dataset),
        class_counts(dataset, none, every),
        rows.start,
        images[rows],
        labels[rows],
        np.ones(len(labels[rows]), np.bool_),
        started.data,
        tuple(started.notes),
    )


_kept: dict[tuple[object, ...], Dataset] = {}
"""The last data set loaded, by the request and the state of its files."""


def load_dataset(config: RunConfig, report: Callable[[str], None]) -> Dataset:
    """Return a data set as `load_data` does; the last one is kept while its files stay the same."""
    key = *(getattr(config, name) for name in LOADED_BY), file_stamp(config.source)
    if key not in _kept:
        _kept.clear()
        _kept[key] = load_data(config, report)
    return _kept[key]


@dataclass(frozen=True, eq=False)
class _Known:
    description: Description
    counts: ClassCounts
    validation: NDArray[np.bool_]


@functools.lru_cache(1)
def _known(dataset: Dataset, val_fraction: float, split_seed: int, stratify: str) -> _Known:
    train, val = split(dataset, val_fraction, split_seed, stratify == "on")
    validation = np.zeros(len(dataset), np.bool_)
    validation[val] = True
    return _Known(describe(dataset), class_counts(dataset, train, val), validation)
