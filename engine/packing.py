"""The layers of an MLP as one matrix each, with the bias as a column of its own."""

from collections.abc import Sequence

import torch
from torch import Tensor

MULTIPLE = 8
"""Rows are this long, or a multiple of it: matrix products are slow with odd lengths."""


class Packing:
    """Tensors of the shapes of an MLP's parameters, and matrices that hold the same numbers.

    A matrix is `(outputs, columns)`: a column for each input, one for the bias, whose input is
    always 1, and zeros up to a multiple of 8.

    Args:
        sizes: of the MLP, from its inputs to its classes.
        pixels: the inputs of the first layer that get a column, int64 in order; None for all.
    """

    def __init__(self, sizes: Sequence[int], pixels: Tensor | None = None) -> None:
        self._sizes = tuple(sizes)
        self._pixels = pixels
        first = sizes[0] if pixels is None else len(pixels)
        self._inputs = (first, *sizes[1:-1])
        self._columns = [-(-(inputs + 1) // MULTIPLE) * MULTIPLE for inputs in self._inputs]

    def pixels_of(self, images: Tensor) -> Tensor:
        """The pixels that have a column, of images `(n, pixels)`; no copy if all have one."""
        return images if self._pixels is None else images.index_select(1, self._pixels)

    @torch.no_grad()
    def pack(self, parameters: Sequence[Tensor]) -> list[Tensor]:
        """The matrices of an MLP's weight, bias, weight, bias, …"""
        matrices = []
        for number, (weight, bias) in enumerate(_pairs(parameters)):
            matrix = torch.zeros(len(bias), self._columns[number])
            matrix[:, : self._inputs[number]] = weight if number else self.pixels_of(weight)
            matrix[:, self._inputs[number]] = bias
            matrices.append(matrix)
        return matrices

    @torch.no_grad()
    def unpack(self, matrices: Sequence[Tensor], parameters: Sequence[Tensor]) -> None:
        """Writes the numbers of matrices into the parameters that they stand for."""
        views = zip(self.weights(matrices), matrices, _pairs(parameters), strict=True)
        for number, (columns, matrix, (weight, bias)) in enumerate(views):
            if number or self._pixels is None:
                weight.copy_(columns)
            else:
                weight.scatter_(1, self._pixels.expand_as(columns), columns)
            bias.copy_(matrix[:, self._inputs[number]])

    def weights(self, matrices: Sequence[Tensor]) -> list[Tensor]:
        """The weights in matrices, as views: all columns before that of the bias."""
        return [matrix[:, :inputs] for matrix, inputs in zip(matrices, self._inputs, strict=True)]

    def inputs(self, layer: int, batch: int) -> tuple[Tensor, Tensor]:
        """A matrix `(batch, columns)` for the inputs of a layer, and a view of where to write them.

        The column of the bias is 1.
        """
        matrix = torch.zeros(batch, self._columns[layer])
        matrix[:, self._inputs[layer]] = 1
        return matrix, matrix[:, : self._inputs[layer]]


def _pairs(parameters: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
    return list(zip(parameters[::2], parameters[1::2], strict=True))
