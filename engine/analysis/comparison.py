"""Runs side by side: which settings differ, and what two models make of the same images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.config import NAMES, RunConfig
from mnistop.engine.evaluate import confusion_matrix
from mnistop.engine.files import open_regular
from mnistop.engine.hyperparameters import as_text
from mnistop.engine.runs.run_folder import Run


def differing_settings(configs: Sequence[RunConfig]) -> dict[str, list[str]]:
    """The hyperparameters in which runs differ, with each run's value as a text, by name."""
    texts = {name: [as_text(getattr(config, name)) for config in configs] for name in NAMES}
    return {name: values for name, values in texts.items() if len(set(values)) > 1}


def same_validation_images(one: Run, other: Run) -> bool:
    """Whether two runs were judged on the same validation images."""
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
    """What two models say to the same validation images."""

    labels: NDArray[np.uint8]
    """True classes, `(n,)`."""
    first: NDArray[np.uint8]
    """What the first model takes them for, `(n,)`."""
    second: NDArray[np.uint8]

    def difference(self, classes: int) -> NDArray[np.int64]:
        """The first model's confusion matrix less the second's, `(classes, classes)`: rows true."""
        first, second = (
            confusion_matrix(self.labels, said, classes) for said in (self.first, self.second)
        )
        return first - second

    @property
    def only_first(self) -> NDArray[np.intp]:
        """The images that the first model alone gets right, rising."""
        return np.flatnonzero((self.first == self.labels) & (self.second != self.labels))

    @property
    def only_second(self) -> NDArray[np.intp]:
        """The images that the second model alone gets right, rising."""
        return np.flatnonzero((self.first != self.labels) & (self.second == self.labels))

    @property
    def p_value(self) -> float:
        """How probable a difference at least as large would be if both were equally good.

        The exact test on the images that one of them alone gets right, of which each is then as
        often right as the other: McNemar 1947, Psychometrika 12:153.
        """
        one, other = len(self.only_first), len(self.only_second)
        return mcnemar(one, other)


def mcnemar(one: int, other: int) -> float:
    """The two-sided exact binomial probability of so uneven a division of `one + other` images."""
    total = one + other
    tail = sum(math.comb(total, k) for k in range(min(one, other) + 1))
    return min(1.0, float(2 * tail / 2**total))


def duel(one: Run, other: Run, epochs: tuple[int, int], classes: int) -> Duel | None:
    """What two runs said to their images; None if these are not the same, or not recorded.

    Args:
        one: the first run.
        other: the second.
        epochs: after how many epochs of each.
        classes: how many there are.
    """
    if not same_validation_images(one, other):
        return None
    labels = one.labels()
    said = [run.predictions_after(after) for run, after in zip((one, other), epochs, strict=True)]
    first, second = said
    if first is None or second is None:
        return None
    if max(int(values.max()) for values in (labels, first, second)) >= classes:
        return None
    return Duel(labels, first, second)
