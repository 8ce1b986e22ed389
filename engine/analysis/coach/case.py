"""A run's curves and derived values, which the rules read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.analysis.coach import accuracy
from mnistop.engine.config import RunConfig
from mnistop.engine.data.notes import ClassCounts
from mnistop.engine.learning_rate import mean_share
from mnistop.engine.runs.history import History
from mnistop.engine.runs.predictions import EpochPredictions

Curve = NDArray[np.float64]

RECENT = 5
"""Epochs whose median stands for now: one epoch alone may be a lucky or an unlucky one."""

STEADY, STEADY_EPOCHS = 0.8, 10
"""A loss that falls in this share of so many epochs falls steadily: a loss that goes nowhere falls
in half of them, and in 8 of 10 only once in 18 times."""

_ROUNDING = 1e-9
"""Of a sum of learning rates, as a share of it."""

COUNTABLE = 10
"""Validation images a class from which on their labels tell how frequent the classes are: the
entropy of so many is some 0.05 too low (Miller 1955)."""

TELLING = 20
"""Validation images from which on a neuron that is 0 for all of them is dead: one that is active on
every fifth image is 0 for all of so many once in 87 times, for all of 5 once in 3 times."""


@dataclass(frozen=True, eq=False)
class Case:
    """A run after its newest epoch."""

    history: History
    config: RunConfig
    predictions: EpochPredictions | None

    @property
    def epochs(self) -> int:
        """The number of finished epochs."""
        return len(self.history.epochs)

    @property
    def planned(self) -> int:
        """Epochs that the run will have had when it ends."""
        return self.epochs if self.history.ended else max(self.epochs, self.config.epochs)

    @property
    def classes(self) -> int:
        """The number of classes."""
        return max(2, len(self.history.started.class_names)) if self.history.started else 2

    @cached_property
    def counts(self) -> ClassCounts | None:
        """The images of each class; None in runs of before they were kept."""
        started = self.history.started
        return ClassCounts.of(started) if started else None

    @property
    def images(self) -> int:
        """Validation images."""
        return max(1, self.history.started.validation_images) if self.history.started else 1

    @property
    def steps(self) -> int:
        """Updates of the weights so far."""
        images = self.history.started.training_images if self.history.started else 0
        return self.epochs * math.ceil(images / self.config.batch_size)

    @property
    def start(self) -> float:
        """Validation loss of the untrained model."""
        return self.history.started.val_loss if self.history.started else math.nan

    @property
    def dead(self) -> float:
        """The newest share of dead ReLU neurons; 0 without any, and where few images tell."""
        if not self.history.epochs or self.images < TELLING:
            return 0.0
        return self.history.epochs[-1].dead or 0.0

    @property
    def could_use_more(self) -> bool:
        """True if `samples` left images of the source unused, as far as is known."""
        started, most = self.history.started, self.config.samples
        if started is None or most is None:
            return False
        return started.training_images + started.validation_images >= most

    @property
    def stopped_early(self) -> bool:
        """True if early stopping ended the run."""
        return getattr(self.history.ended, "reason", "") == "early stopping"

    @property
    def chance(self) -> str:
        """The loss of guessing, in words."""
        return f"ln {self.classes} = {math.log(self.classes):.2f}"

    @cached_property
    def guessing(self) -> float:
        """The loss of knowing nothing but how frequent the classes are; ln k if all are alike.

        Also ln k where too few validation images tell how frequent they are.
        """
        if not self.predictions or len(self.predictions) < COUNTABLE * self.classes:
            return math.log(self.classes)
        counts = np.bincount(self.predictions.labels)
        shares = counts[counts > 0] / len(self.predictions)
        entropy = float(-(shares * np.log(shares)).sum())
        return entropy or math.log(self.classes)

    @cached_property
    def train(self) -> Curve:
        """Training loss, `(epochs,)`."""
        return np.array([epoch.train_loss for epoch in self.history.epochs])

    @cached_property
    def val(self) -> Curve:
        """Validation loss, `(epochs,)`: of each epoch and its two neighbours the median."""
        return _median_of_three(np.array([epoch.val_loss for epoch in self.history.epochs]))

    @cached_property
    def lowest(self) -> int:
        """The epoch of the lowest validation loss, as `val` has it."""
        return int(self.val.argmin())

    @cached_property
    def val_now(self) -> float:
        """The recent epochs' median validation loss."""
        return median(self.val[-RECENT:])

    @cached_property
    def late(self) -> int:
        """Epochs that had the last half of all that the learning rate has been so far."""
        rates = np.array([epoch.lr for epoch in self.history.epochs])
        before = np.cumsum(rates) - rates
        return max(1, int((before > (0.5 - _ROUNDING) * rates.sum()).sum()))

    @cached_property
    def left(self) -> float:
        """Epochs to come, each counted as its learning rate by the mean one of the late epochs."""
        if self.planned == self.epochs:
            return 0.0
        late = sum(epoch.lr for epoch in self.history.epochs[-self.late :]) / self.late
        to_come = self.config.lr * mean_share(self.config, self.epochs, self.planned)
        return (self.planned - self.epochs) * to_come / max(late, math.ulp(0))

    @property
    def accuracy_now(self) -> str:
        """The validation accuracy of the newest epoch, as the log shows it, with its interval."""
        return accuracy(self.history.epochs[-1].val_acc, self.images)

    def accuracy_around(self, epoch: int) -> float:
        """The median validation accuracy of an epoch and its neighbours."""
        first = max(0, min(epoch - RECENT // 2, self.epochs - RECENT))
        around = self.history.epochs[first : first + RECENT]
        return median(np.array([each.val_acc for each in around]))


def median(values: Curve) -> float:
    """The middle value, or the mean of the middle two.

    As NumPy's for numbers, which imports its masked arrays first, and lets a key wait for that.
    """
    ordered = np.sort(values)
    return float(ordered[(len(values) - 1) // 2] + ordered[len(values) // 2]) / 2


def falls_steadily(curve: Curve) -> bool:
    """Return whether a loss falls in nearly all recent epochs."""
    return bool((np.diff(curve[-STEADY_EPOCHS - 1 :]) < 0).mean() >= STEADY)


def _median_of_three(values: Curve) -> Curve:
    if len(values) < 3:
        return values
    before, here, after = values[:-2], values[1:-1], values[2:]
    middle = np.maximum(np.minimum(before, here), np.minimum(np.maximum(before, here), after))
    return np.concatenate([values[:1], middle, values[-1:]])
