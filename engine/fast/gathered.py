"""The batches of a training, laid out for its matrices."""

import torch
from torch import Tensor

from mnistop.engine.fast.packing import Inputs, Packing
from mnistop.engine.training import Training

GATHERED = 256
"""So many images are put in the order of their batches at once: as many as stay in the cache."""


class Gathered:
    """The next batch of a training whose images are learned from as they are.

    Several batches are gathered at once, which takes half the time of one after the other.

    Args:
        training: says which batch is next.
        packing: the order of the numbers in the inputs.
        pixels: those of the training images that have a row in the packing, `(n, pixels)`.
        targets: one-hot columns of their labels, `(classes, n)`.
    """

    def __init__(
        self, training: Training, packing: Packing, pixels: Tensor, targets: Tensor
    ) -> None:
        self._training, self._pixels, self._targets = training, pixels, targets
        size = training.config.batch_size
        self._size = min(max(1, GATHERED // size) * size, len(pixels))
        self._inputs = packing.inputs(0, self._size)
        self._columns = torch.empty(len(targets), self._size)
        batches = [slice(start, start + size) for start in range(0, self._size, size)]
        self._batches = [(self._inputs.of(each), self._columns[:, each]) for each in batches]
        self._gathered = (-1, 0)
        """The epoch of these batches, and the step of the first."""

    def next(self, batch: int) -> tuple[Inputs, Tensor]:
        """Inputs of the next batch, of so many images, and targets `(classes, batch)`."""
        training = self._training
        number = training.step % len(self._batches)
        first = training.epoch, training.step - number
        if first != self._gathered:
            start = first[1] * training.config.batch_size
            self._gather(training.order[start : start + self._size])
            self._gathered = first
        inputs, targets = self._batches[number]
        if batch < targets.shape[1]:
            return inputs.of(slice(batch)), targets[:, :batch]
        return inputs, targets

    def _gather(self, rows: Tensor) -> None:
        here = slice(len(rows))
        torch.index_select(self._pixels, 0, rows, out=self._inputs.values[here])
        torch.index_select(self._targets, 1, rows, out=self._columns[:, here])
