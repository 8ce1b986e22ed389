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
        dataset: all images.
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
    counts = np.bincount(dataset.labels[~fold], minlength=dataset.classes).tolist()
    training = TrainState(config, dataset.image_shape, counts, device)
    lowest = _LowestLoss(after_epoch)
    train(
        training,
        _labelled(dataset, ~fold, device),
        _labelled(dataset, fold, device),
        lowest,
        _Unstoppable(),
    )
    probabilities: NDArray[np.float32] = lowest.log_probabilities.exp().cpu().numpy()
    return probabilities


def _labelled(dataset: Dataset, chosen: NDArray[np.bool_], device: torch.device) -> Labelled:
    pixels = torch.from_numpy(dataset.images[chosen]).flatten(1)
    return Labelled(pixels.to(device), torch.from_numpy(dataset.labels[chosen]).to(device))


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
