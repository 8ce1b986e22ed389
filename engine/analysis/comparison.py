"""Runs side by side: the settings that differ, and two models' predictions for the same images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.config import NAMES, RunConfig
from mnistop.engine.evaluate import confusion_matrix
from mnistop.engine.files import open_regular
from mnistop.engine.formatting import UNKNOWN
from mnistop.engine.runs.recorded import RecordedConfig
from mnistop.engine.runs.run_folder import Run


def differing_settings(configs: Sequence[RunConfig]) -> dict[str, list[str]]:
    """Return the settings that differ between runs, with each run's value as text, by name.

    A recorded run has settings of its own; compared with one, hyperparameters that it does not name
    are left out. A run without a setting has `-` for it.
    """
    texts = [config.texts() for config in configs]
    recorded = [config for config in configs if isinstance(config, RecordedConfig)]
    names = [
        name
        for name in dict.fromkeys(name for each in texts for name in each)
        if name not in NAMES or all(name in config.settings for config in recorded)
    ]
    values = {name: [each.get(name, UNKNOWN) for each in texts] for name in names}
    return {name: each for name, each in values.items() if len(set(each)) > 1}


def same_validation_images(one: Run, other: Run) -> bool:
    """Return whether two runs have the same validation images."""
    names = ("labels.u8", "images.u8", "images.f32")
    contents = [[_content(run, name) for name in names] for run in (one, other)]
    return contents[0] == contents[1] and bool(contents[0][0])


def _content(run: Run, name: str) -> bytes:
    try:
        with open_regular(run.path / name) as file:
            return file.read()
    except OSError:
        return b""


@dataclass(frozen=True, eq=False)
class Duel:
    """Two models' predictions for the same validation images."""

    labels: NDArray[np.uint8]
    """True classes, `(n,)`."""
    first: NDArray[np.uint8]
    """The first model's predictions, `(n,)`."""
    second: NDArray[np.uint8]

    def difference(self, classes: int) -> NDArray[np.int64]:
        """Return the first model's confusion matrix minus the second's, `(classes, classes)`: rows
        true."""
        first = confusion_matrix(self.labels, self.first, classes)
        return first - confusion_matrix(self.labels, self.second, classes)

    @property
    def only_first(self) -> NDArray[np.intp]:
        """The images that only the first model classifies correctly, ascending."""
        return np.flatnonzero((self.first == self.labels) & (self.second != self.labels))

    @property
    def only_second(self) -> NDArray[np.intp]:
        """The images that only the second model classifies correctly, ascending."""
        return np.flatnonzero((self.first != self.labels) & (self.second == self.labels))

    @property
    def p_value(self) -> float:
        """The probability of a difference at least as large if both were equally good.

        The exact test on the images that only one of them classifies correctly, of which each then
        has half on average: McNemar 1947, Psychometrika 12:153.
        """
        return mcnemar(len(self.only_first), len(self.only_second))


def mcnemar(one: int, other: int) -> float:
    """Return the two-sided exact binomial probability of a division of `one + other` this
    uneven."""
    total = one + other
    tail = sum(math.comb(total, k) for k in range(min(one, other) + 1))
    return min(1.0, float(2 * tail / 2**total))


def duel(one: Run, other: Run, epochs: tuple[int, int], classes: int) -> Duel | None:
    """Pair two runs' predictions; None if their images differ, or were not recorded.

    Args:
        one: the first run.
        other: the second.
        epochs: the number of epochs of each before its predictions.
        classes: the number of classes.
    """
    if not same_validation_images(one, other):
        return None
    labels = one.labels()
    first, second = one.predictions_after(epochs[0]), other.predictions_after(epochs[1])
    if first is None or second is None:
        return None
    if max(int(values.max()) for values in (labels, first, second)) >= classes:
        return None
    return Duel(labels, first, second)
