"""The layers of an MLP as one matrix each, with the bias as a row of its own.

A matrix has a row for each input and a column for each output, the other way round than
`nn.Linear`: so the batch and the matrix are both read along their rows when they are multiplied,
which takes two thirds of the time.
"""

from collections.abc import Sequence
from typing import NamedTuple, Self

import torch
from torch import Tensor

MULTIPLE = 8
"""Products sum over so many inputs, or a multiple of it: they are slow with odd lengths."""


class Inputs(NamedTuple):
    """What a layer is given, as three views of the same numbers: to make a view takes its time."""

    matrix: Tensor
    """`(batch, rows)`, whose column of the bias is 1."""
    transposed: Tensor
    """`(rows, batch)`."""
    values: Tensor
    """Without bias and padding, `(batch, inputs)`: where to write."""

    def of(self, images: slice) -> Self:
        """Those of some of the images."""
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
        self._sizes = tuple(sizes)
        self._pixels = pixels
        first = sizes[0] if pixels is None else len(pixels)
        self._inputs = (first, *sizes[1:-1])
        self._rows = [-(-(inputs + 1) // MULTIPLE) * MULTIPLE for inputs in self._inputs]

    def pixels_of(self, images: Tensor) -> Tensor:
        """The pixels that have a row, of images `(n, pixels)`; no copy if all have one."""
        return images if self._pixels is None else images.index_select(1, self._pixels)

    @torch.no_grad()
    def pack(self, parameters: Sequence[Tensor]) -> list[Tensor]:
        """The matrices of an MLP's weight, bias, weight, bias, …"""
        matrices = []
        for number, (weight, bias) in enumerate(_pairs(parameters)):
            matrix = torch.zeros(self._rows[number], len(bias))
            matrix[: self._inputs[number]] = (weight if number else self.pixels_of(weight)).t()
            matrix[self._inputs[number]] = bias
            matrices.append(matrix)
        return matrices

    @torch.no_grad()
    def unpack(self, matrices: Sequence[Tensor], parameters: Sequence[Tensor]) -> None:
        """Writes the numbers of matrices into the parameters that they stand for."""
        views = zip(self.weights(matrices), matrices, _pairs(parameters), strict=True)
        for number, (rows, matrix, (weight, bias)) in enumerate(views):
            if number or self._pixels is None:
                weight.t().copy_(rows)
            else:
                weight.t().index_copy_(0, self._pixels, rows)
            bias.copy_(matrix[self._inputs[number]])

    def weights(self, matrices: Sequence[Tensor]) -> list[Tensor]:
        """The weights in matrices, as views: all rows before that of the bias."""
        return [matrix[:inputs] for matrix, inputs in zip(matrices, self._inputs, strict=True)]

    def inputs(self, layer: int, batch: int) -> Inputs:
        """Inputs of a layer for so many images, all of them 0."""
        matrix = torch.zeros(batch, self._rows[layer])
        matrix[:, self._inputs[layer]] = 1
        return Inputs(matrix, matrix.t(), matrix[:, : self._inputs[layer]])


def _pairs(parameters: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
    return list(zip(parameters[::2], parameters[1::2], strict=True))
