"""Data with planted faults."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.analysis.label_doubts import Doubts
from mnistop.engine.config import RunConfig
from mnistop.engine.data.dataset import Dataset, Unseen
from mnistop.engine.data.sources import load
from mnistop.engine.fingerprint import take_fingerprint


def dataset_of(
    images: NDArray[np.float32],
    labels: NDArray[np.int64],
    unseen: Unseen | None = None,
    classes: int = 0,
) -> Dataset:
    """A data set of these images."""
    names = tuple(map(str, range(classes or int(labels.max()) + 1)))
    fingerprint = take_fingerprint([images], labels, len(names), 0, 1)
    return Dataset(
        images, labels, names, "here", unseen=unseen or Unseen(), fingerprint=fingerprint
    )


def with_wrong_labels(count: int, wrong: int, seed: int = 0) -> tuple[Dataset, NDArray[np.int64]]:
    """The first of scikit-learn's digits, and the rows of those that got another label."""
    digits, random = load("digits", count), np.random.default_rng(seed)
    rows = np.sort(random.choice(count, wrong, replace=False))
    labels = digits.labels.copy()
    labels[rows] = (labels[rows] + random.integers(1, 10, wrong)) % 10
    return dataset_of(digits.images, labels), rows


class MadeUpSearch:
    """A search for doubted labels that starts no process, and finds what a test says.

    Args:
        config: the images, and the hyperparameters of the models.
        folds: how many models.
    """

    begun: ClassVar[list[MadeUpSearch]] = []

    def __init__(self, config: RunConfig, folds: int) -> None:
        self.config, self.folds = config, folds
        self.progress, self.error = "training 5 models", ""
        self.doubts: Doubts | None = None
        self.is_over = False
        self._result: Doubts | str | None = None
        self.begun.append(self)

    def find(self, images: list[int], given: list[int], believed: list[int]) -> None:
        """Let it find doubted labels."""
        self._result = Doubts(
            images=np.array(images, np.int64),
            given=np.array(given, np.int64),
            believed=np.array(believed, np.int64),
            confidence=np.linspace(0.99, 0.9, len(images), dtype=np.float32),
            self_confidence=np.full(len(images), 0.01, np.float32),
            joint=np.eye(10, dtype=np.int64),
            total=100,
            accuracy=0.9,
        )

    def fail(self, words: str) -> None:
        """Let it fail."""
        self._result = words

    def read(self, seconds: float = 0.0) -> bool:
        """End once something was found, or went wrong."""
        if isinstance(self._result, str):
            self.error, self.is_over = self._result, True
        elif self._result:
            self.doubts, self.is_over = self._result, True
        return True

    def stop(self) -> None:
        """End."""
        self.is_over = True


def write_odd(path: Path) -> str:
    """Write 100 training and 20 test digits of 8 × 8 as `.npz`; return its path.

    Training image 30 is 10 again, 31 is 11 with another label, test image 3 is training image 12,
    and training image 40 is blank.
    """
    digits = load("digits", 120)
    images = np.rint(16 * digits.images).astype(np.uint8)
    labels = digits.labels.copy()
    images[[30, 31, 103]], labels[30] = images[[10, 11, 12]], labels[10]
    labels[31], labels[103] = (labels[11] + 1) % 10, labels[12]
    images[40] = 0
    np.savez(
        path,
        x_train=images[:100] * 15,
        y_train=labels[:100],
        x_test=images[100:] * 15,
        y_test=labels[100:],
    )
    return str(path)
