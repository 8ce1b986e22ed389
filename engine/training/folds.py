"""A fold of a data set, classified by a model that is trained on the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mnistop.engine.config import RunConfig
from mnistop.engine.data.dataset import Dataset
from mnistop.engine.training.examples import find_device
from mnistop.engine.training.loop import train
from mnistop.engine.training.state import Epoch, Labelled, TrainState

PATIENCE = 5
"""Epochs without a lower loss on the fold after which training ends, unless the run stops early."""
MOST_IMAGES = 2_000_000
"""Images that a model is trained on in all its epochs, at most: many need fewer epochs."""


def classify_fold(
    dataset: Dataset,
    config: RunConfig,
    fold: NDArray[np.bool_],
    after_epoch: Callable[[int], None] = lambda epoch: None,
) -> NDArray[np.float32]:
    """Train a model on all images but a fold, and return the probabilities of its classes.

    They are those of the epoch in which the fold's loss was lowest, the best calibrated one.

    Args:
        dataset: all images; their order is changed, which needs less memory than copies of all.
        config: the hyperparameters; training is shorter, and stops early if not so configured.
        fold: true for its images, `(n,)`.
        after_epoch: called with the number of epochs done.

    Returns:
        `(images of the fold, classes)`.

    Raises:
        DivergedError: the loss is no longer finite.
    """
    most = max(PATIENCE, MOST_IMAGES // int(np.count_nonzero(~fold)))
    patience = config.early_stopping or PATIENCE
    config = replace(config, epochs=min(config.epochs, most), early_stopping=patience)
    device = find_device(config.device)
    training_images, held_out = split_fold(dataset, fold, device)
    counts = np.bincount(training_images.labels.cpu(), minlength=dataset.classes).tolist()
    lowest = _LowestLoss(after_epoch)
    training = TrainState(config, dataset.image_shape, counts, device)
    train(training, training_images, held_out, lowest, _Unstoppable())
    probabilities: NDArray[np.float32] = lowest.log_probabilities.exp().cpu().numpy()
    return probabilities


def split_fold(
    dataset: Dataset, fold: NDArray[np.bool_], device: torch.device
) -> tuple[Labelled, Labelled]:
    """Return the images outside a fold, and those of the fold in their order, on a device.

    The latter are moved to the end, and the last images to their places, so that both are views. A
    process that was forked to do this copies two folds only, and shares the rest.
    """
    images, labels = dataset.images, dataset.labels
    held_out = images[fold], labels[fold]
    kept = len(fold) - len(held_out[1])
    gaps, late = np.flatnonzero(fold[:kept]), kept + np.flatnonzero(~fold[kept:])
    for gap, row in zip(gaps, late, strict=True):
        images[gap], labels[gap] = images[row], labels[row]
    images[kept:], labels[kept:] = held_out
    parts = [
        Labelled(
            torch.from_numpy(images[rows]).flatten(1).to(device),
            torch.from_numpy(labels[rows]).to(device),
        )
        for rows in (slice(kept), slice(kept, None))
    ]
    return parts[0], parts[1]


class _LowestLoss:
    """The log-probabilities of the epoch with the lowest validation loss.

    Args:
        after_epoch: called with the number of epochs done.
    """

    log_probabilities: Tensor

    def __init__(self, after_epoch: Callable[[int], None]) -> None:
        self._after_epoch = after_epoch

    def step_done(self, training: TrainState, labels: Tensor) -> None:
        """Do nothing."""

    def epoch_done(self, training: TrainState, epoch: Epoch) -> None:
        """Keep the predictions of the lowest loss so far."""
        if training.epochs_since_lowest == 0:
            self.log_probabilities = epoch.log_probabilities
        self._after_epoch(training.epoch)


class _Unstoppable:
    """No request; the process is ended instead."""

    def wait_while_paused(self) -> float:
        """Go on at once."""
        return 0.0

    def wants_stop(self) -> bool:
        """Never stop."""
        return False
