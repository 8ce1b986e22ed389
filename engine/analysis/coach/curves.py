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
from mnistop.engine.events import RunStarted
from mnistop.engine.learning_rate import mean_share
from mnistop.engine.runs.history import History, or_nan
from mnistop.engine.runs.predictions import EpochPredictions
from mnistop.engine.runs.recorded import RecordedConfig, planned_epochs

Curve = NDArray[np.float64]

RECENT = 5
"""Epochs whose median is the current value: a single epoch may be lucky or unlucky."""

STEADY, STEADY_EPOCHS = 0.8, 10
"""A loss that falls in this share of this many epochs falls steadily: a loss without a trend falls
in half of them, and in 8 of 10 only once in 18 times."""

_ROUNDING = 1e-9
"""Relative error of a sum of learning rates."""

COUNTABLE = 10
"""Validation images per class from which their labels tell the frequencies of the classes: the
entropy estimated from this many is about 0.05 too low (Miller 1955)."""

TELLING = 20
"""Validation images from which a neuron that is 0 for all of them counts as dead: one that is
active on every fifth image is 0 for all 20 once in 87 times, for all of 5 once in 3 times."""


@dataclass(frozen=True, eq=False)
class Curves:
    """A run after its newest epoch."""

    history: History
    config: RunConfig
    predictions: EpochPredictions | None

    @property
    def started(self) -> RunStarted:
        """The run's first event, without which there are no curves."""
        assert self.history.started
        return self.history.started

    @property
    def epochs(self) -> int:
        """The number of finished epochs."""
        return len(self.history.epochs)

    @property
    def planned(self) -> int:
        """The number of epochs when the run ends."""
        planned = self.history.planned or planned_epochs(self.config)
        return self.epochs if self.history.ended else max(self.epochs, planned)

    @property
    def classes(self) -> int:
        """The number of classes."""
        return max(2, len(self.started.class_names))

    @cached_property
    def counts(self) -> ClassCounts | None:
        """The images of each class; None in older runs, which did not record them."""
        return ClassCounts.of(self.started)

    @property
    def images(self) -> int:
        """Validation images."""
        return max(1, self.started.validation_images)

    @property
    def steps(self) -> int:
        """Updates of the weights so far."""
        return self.epochs * math.ceil((self.started.training_images or 0) / self.config.batch_size)

    @property
    def start(self) -> float:
        """Validation loss of the untrained model; the first known loss where it is not known."""
        losses = [self.started.val_loss]
        if self.epochs:
            first = self.history.epochs[0]
            losses += [first.train_loss, first.val_loss]
        return next((loss for loss in losses if loss is not None), math.nan)

    @property
    def dead(self) -> float:
        """The newest share of dead ReLU neurons; 0 without any, or with too few images to tell."""
        if not self.history.epochs or self.images < TELLING:
            return 0.0
        return self.history.epochs[-1].dead or 0.0

    @property
    def could_use_more(self) -> bool:
        """True if `samples` left images of the source unused, as far as is known."""
        most, trained = self.config.samples, self.started.training_images
        return most is not None and trained is not None and trained + self.images >= most

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
        """The loss of a model that knows the frequencies of the classes only: ln k if all are
        equal.

        It is also ln k where there are too few validation images to estimate the frequencies.
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
        return np.array([or_nan(epoch.train_loss) for epoch in self.history.epochs])

    @cached_property
    def val(self) -> Curve:
        """Validation loss, `(epochs,)`: the median of each epoch and its two neighbours."""
        return _median_of_three(np.array([or_nan(epoch.val_loss) for epoch in self.history.epochs]))

    @cached_property
    def lowest(self) -> int:
        """The epoch of the lowest validation loss in `val`."""
        return int(self.val.argmin())

    @cached_property
    def val_now(self) -> float:
        """The recent epochs' median validation loss."""
        return median(self.val[-RECENT:])

    @cached_property
    def late(self) -> int:
        """Epochs in the last half of training, each counted as its learning rate."""
        rates = np.array([or_nan(epoch.lr) for epoch in self.history.epochs])
        before = np.cumsum(rates) - rates
        return max(1, int((before > (0.5 - _ROUNDING) * rates.sum()).sum()))

    @cached_property
    def left(self) -> float:
        """Remaining epochs, each counted as its learning rate over the mean one of the late
        epochs."""
        if self.planned == self.epochs:
            return 0.0
        if isinstance(self.config, RecordedConfig):
            return float(self.planned - self.epochs)
        late = sum(or_nan(epoch.lr) for epoch in self.history.epochs[-self.late :]) / self.late
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
        return median(np.array([or_nan(each.val_acc) for each in around]))


def median(values: Curve) -> float:
    """The middle value, or the mean of the middle two.

    The same as `numpy.median`, which first imports masked arrays, long enough to delay a key.
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
