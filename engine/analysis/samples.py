"""Images of a data set before training: `worker.ask(load_samples, …)`.

The interface names `load_samples`, so scikit-learn is imported only in what it calls.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.analysis.loading import progress_file
from mnistop.engine.config import LOADED_BY, SPLIT_BY, RunConfig
from mnistop.engine.data.doctor import Finding, examine, side_of_each
from mnistop.engine.data.notes import ClassCounts, data_notes
from mnistop.engine.data.sources import (
    Dataset,
    Description,
    class_counts,
    describe,
    file_stamp,
    load_data,
    split,
    split_by,
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
    total: int
    """The number of images to page through."""
    first: int
    """The place of the first image here among these."""
    images: NDArray[np.float32]
    """`(n, height, width)` or `(n, height, width, 3)` in [0, 1], in order."""
    labels: NDArray[np.int64]
    """`(n,)`"""
    names: tuple[str, ...]
    """Of each image: its number in the source, or as in `test 7`; `(n,)`."""
    sides: NDArray[np.uint8]
    """The place in `doctor.SIDES` of each image, `(n,)`."""
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
    config: RunConfig,
    first: int,
    count: int,
    progress: Path | None = None,
    chosen: NDArray[np.int64] | None = None,
) -> Samples:
    """Load some images of the data that a configuration would train on.

    Args:
        config: the configuration, the path of a source made absolute.
        first: the place of the first image to return, from 0.
        count: the number of images to return; fewer at the end.
        progress: a file to write the current activity to.
        chosen: the numbers of the images to page through, those of unseen images after the others;
            None for all that are not unseen.

    Raises:
        DataError: the source is missing or unfit, or cannot be split so.
    """
    dataset = load_dataset(config, progress_file(progress))
    known = _known(dataset, *(getattr(config, name) for name in SPLIT_BY))
    numbers = np.arange(len(dataset)) if chosen is None else chosen
    return _page(dataset, known, numbers, first, count)


def find_oddities(config: RunConfig) -> list[Finding]:
    """Find what is odd about the data that a configuration would train on, the worst first.

    Raises:
        DataError: the source is missing or unfit, or cannot be split so.
    """
    dataset = load_dataset(config, lambda text: None)
    _, val = split_by(dataset, config)
    return examine(dataset, val)


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
    known = _Known(
        describe(dataset), class_counts(dataset, none, every), side_of_each(dataset, every)
    )
    page = _page(dataset, known, every, first, count)
    return replace(page, recorded_notes=tuple(started.notes))


def _page(
    dataset: Dataset, known: _Known, numbers: NDArray[np.int64], first: int, count: int
) -> Samples:
    first = max(first, 0)
    here = numbers[first : first + max(count, 0)]
    images, labels = dataset.take(here)
    return Samples(
        known.description,
        known.counts,
        len(numbers),
        first,
        images,
        labels,
        tuple(map(dataset.name_of, here.tolist())),
        known.sides[here],
        dataset.fingerprint,
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
    sides: NDArray[np.uint8]


@functools.lru_cache(1)
def _known(dataset: Dataset, val_fraction: float, split_seed: int, stratify: str) -> _Known:
    train, val = split(dataset, val_fraction, split_seed, stratify == "on")
    counts = class_counts(dataset, train, val)
    return _Known(describe(dataset), counts, side_of_each(dataset, val))
