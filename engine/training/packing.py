"""The layers and the batches of an MLP laid out for its matrix products.

A matrix has a row for each input and a column for each output, the other way round than
`nn.Linear`: so the batch and the matrix are both read along their rows when they are multiplied,
which takes two thirds of the time.
"""

from collections.abc import Sequence
from typing import NamedTuple, Self

import torch
from torch import Tensor

from mnistop.engine.training.state import TrainState

MULTIPLE = 8
"""The number of rows is a multiple of this: products of odd lengths are slow."""


class Inputs(NamedTuple):
    """A layer's inputs as three views of the same numbers, as creating a view takes time."""

    matrix: Tensor
    """`(batch, rows)`, whose column of the bias is 1."""
    transposed: Tensor
    """`(rows, batch)`."""
    values: Tensor
    """Without bias and padding, `(batch, inputs)`: where to write."""

    def of(self, images: slice) -> Self:
        """Return the inputs of some of the images."""
        return type(self)(self.matrix[images], self.transposed[:, images], self.values[images])


class Packing:
    """Tensors of the shapes of an MLP's parameters, and matrices that hold the same numbers.

    A matrix is `(rows, outputs)`: a row for each input, one for the bias, whose input is always 1,
    and zeros up to a multiple of 8.

    Args:
        sizes: of the MLP, from its inputs to its classes.
        pixels: the inputs of the first layer that get a row, int64 in order; None for all.
    """

    def __init__(self, sizes: Sequence[int], pixels: Tensor | None = None) -> None:
        self._pixels = pixels
        first = sizes[0] if pixels is None else len(pixels)
        self._inputs = (first, *sizes[1:-1])
        self._rows = [-(-(inputs + 1) // MULTIPLE) * MULTIPLE for inputs in self._inputs]

    def pixels_of(self, images: Tensor) -> Tensor:
        """Return the pixels that have a row, of images `(n, pixels)`; no copy if all have one."""
        return images if self._pixels is None else images.index_select(1, self._pixels)

    @torch.no_grad()
    def pack(self, parameters: Sequence[Tensor]) -> list[Tensor]:
        """Return the matrices of an MLP's weight, bias, weight, bias, …"""
        matrices = []
        for number, (weight, bias) in enumerate(_pairs(parameters)):
            matrix = torch.zeros(self._rows[number], len(bias))
            matrix[: self._inputs[number]] = (weight if number else self.pixels_of(weight)).t()
            matrix[self._inputs[number]] = bias
            matrices.append(matrix)
        return matrices

    @torch.no_grad()
    def unpack(self, matrices: Sequence[Tensor], parameters: Sequence[Tensor]) -> None:
        """Write matrices back into the parameters they represent."""
        views = zip(self.weights(matrices), matrices, _pairs(parameters), strict=True)
        for number, (rows, matrix, (weight, bias)) in enumerate(views):
            if number or self._pixels is None:
                weight.t().copy_(rows)
            else:
                weight.t().index_copy_(0, self._pixels, rows)
            bias.copy_(matrix[self._inputs[number]])

    def weights(self, matrices: Sequence[Tensor]) -> list[Tensor]:
        """Return the weights in matrices, as views: all rows before that of the bias."""
        return [matrix[:inputs] for matrix, inputs in zip(matrices, self._inputs, strict=True)]

    def inputs(self, layer: int, batch: int) -> Inputs:
        """Return inputs of a layer for a batch of images, all of them 0."""
        matrix = torch.zeros(batch, self._rows[layer])
        matrix[:, self._inputs[layer]] = 1
        return Inputs(matrix, matrix.t(), matrix[:, : self._inputs[layer]])


def _pairs(parameters: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
    return list(zip(parameters[::2], parameters[1::2], strict=True))


GATHERED = 256
"""Images gathered at once: as many as stay in the cache."""


class BatchGather:
    """The next batch of a training whose images are not augmented.

    Several batches are gathered at once, which takes half the time of one after the other.

    Args:
        training: its position determines the next batch.
        packing: the order of the numbers in the inputs.
        pixels: those of the training images that have a row in the packing, `(n, pixels)`.
        targets: one-hot columns of their labels, `(classes, n)`.
    """

    def __init__(
        self, training: TrainState, packing: Packing, pixels: Tensor, targets: Tensor
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
        """Return inputs of the next `batch` images, and targets `(classes, batch)`."""
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
