"""Forward and backward pass of an MLP written out by hand."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional

from engine.model import MLP
from engine.packing import Packing

_relu_backward = torch.ops.aten.threshold_backward.default

ACTIVATE_: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu_,
    "tanh": torch.tanh_,
    "sigmoid": torch.sigmoid_,
    "gelu": lambda sums: sums.copy_(functional.gelu(sums)),
}
"""The activations, in place."""
DERIVE: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "relu": lambda error, values: _relu_backward(error, values, 0),
    "tanh": torch.ops.aten.tanh_backward.default,
    "sigmoid": torch.ops.aten.sigmoid_backward.default,
    "gelu": torch.ops.aten.gelu_backward.default,
}
"""The gradient before an activation, from the one after it and the activation's values (of GELU:
what it was given)."""


class Backprop:
    """The passes of one batch after the other through the same buffers.

    Args:
        model: says how its neurons activate and drop out.
        packing: the order of the numbers in the matrices.
        matrices: the model's weights and biases, which may change between the batches.
        largest: the most images in a batch.
    """

    def __init__(self, model: MLP, packing: Packing, matrices: list[Tensor], largest: int) -> None:
        self._model = model
        self._activate_, self._derive = ACTIVATE_[model.activation], DERIVE[model.activation]
        self._takes_sums = model.activation == "gelu"
        self._transposed = [matrix.t() for matrix in matrices]
        self._weights = packing.weights(matrices)
        self._buffers = [packing.inputs(layer, largest) for layer in range(1, len(matrices))]
        self._resize(largest)

    def _resize(self, batch: int) -> None:
        self._batch = batch
        self._above = [each[:batch] for each, _ in self._buffers]
        """The inputs of each layer but the first, with a column of ones."""
        self._values = [each[:batch] for _, each in self._buffers]
        """The same without it."""

    def forward(self, images: Tensor, dropout: float) -> Tensor:
        """Logits `(batch, classes)`.

        Args:
            images: as `Packing.inputs` has them for the first layer, `(batch, columns)`.
            dropout: the model's, or 0 to switch nothing off.
        """
        if images.shape[0] != self._batch:
            self._resize(images.shape[0])
        self._inputs = [images, *self._above]
        self._kept: list[Tensor] = []
        self._masks: list[Tensor] = []
        *below_hidden, below_last = zip(self._inputs, self._transposed, strict=True)
        for (inputs, matrix), values in zip(below_hidden, self._values, strict=True):
            torch.mm(inputs, matrix, out=values)
            if self._takes_sums:
                self._kept.append(values.clone())
            self._activate_(values)
            if dropout:
                if not self._takes_sums:
                    self._kept.append(values.clone())
                self._masks.append(self._model.dropout_mask(values))
                values.mul_(self._masks[-1])
        return torch.mm(*below_last)

    def backward(self, error: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
        """The gradient of each layer's sums, from the last layer to the first.

        Args:
            error: the gradient of the logits, `(batch, classes)`.

        Yields:
            The layer's number, the gradient `(batch, outputs)`, and the inputs of the layer, so
            that their product is the gradient of its matrix. The matrix may be changed at once.
        """
        for number in range(len(self._weights) - 1, 0, -1):
            below = torch.mm(error, self._weights[number])
            yield number, error, self._inputs[number]
            if self._masks:
                below.mul_(self._masks[number - 1])
            kept = self._kept[number - 1] if self._kept else self._values[number - 1]
            error = self._derive(below, kept)
        yield 0, error, self._inputs[0]

    def input_gradient(self, error: Tensor) -> Tensor:
        """The gradient of the images, `(batch, pixels)`, from that of the logits."""
        for _, delta, _ in self.backward(error):
            lowest = delta
        return torch.mm(lowest, self._weights[0])
