"""Forward and backward pass of an MLP written out by hand."""

import itertools
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional

from mnistop.engine.model import MLP
from mnistop.engine.training.fast.packing import Inputs, Packing

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
        *self._hidden, last = matrices
        self._to_logits = last.t()
        self._back = [weights.t() for weights in packing.weights(matrices)]
        self._buffers = [packing.inputs(layer, largest) for layer in range(1, len(matrices))]
        self._resize(largest)

    def _resize(self, batch: int) -> None:
        self._batch = batch
        self._above = [each.of(slice(batch)) for each in self._buffers]
        """The inputs of each layer but the first."""

    def forward(self, images: Inputs, dropout: float) -> Tensor:
        """Logits `(classes, batch)`: softmax takes a fifth of the time along the columns.

        Args:
            images: the inputs of the first layer.
            dropout: the model's, or 0 to switch nothing off.
        """
        if images.matrix.shape[0] != self._batch:
            self._resize(images.matrix.shape[0])
        self._inputs = [images, *self._above]
        self._kept: list[Tensor] = []
        self._masks: list[Tensor] = []
        layers = itertools.pairwise(self._inputs)
        for matrix, (inputs, outputs) in zip(self._hidden, layers, strict=True):
            values = outputs.values
            torch.mm(inputs.matrix, matrix, out=values)
            if self._takes_sums:
                self._kept.append(values.clone())
            self._activate_(values)
            if dropout:
                if not self._takes_sums:
                    self._kept.append(values.clone())
                self._masks.append(self._model.dropout_mask(values))
                values.mul_(self._masks[-1])
        return torch.mm(self._to_logits, self._inputs[-1].transposed)

    def backward(self, error: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
        """The gradient of each layer's sums, from the last layer to the first.

        Args:
            error: the gradient of the logits, `(classes, batch)`.

        Yields:
            The layer's number, its inputs `(rows, batch)`, and the gradient `(batch, outputs)`:
            their product is the gradient of its matrix. The matrix may be changed at once.
        """
        delta = error.t()
        for number in range(len(self._hidden), 0, -1):
            below = torch.mm(delta, self._back[number])
            yield number, self._inputs[number].transposed, delta
            if self._masks:
                below.mul_(self._masks[number - 1])
            kept = self._kept[number - 1] if self._kept else self._inputs[number].values
            delta = self._derive(below, kept)
        yield 0, self._inputs[0].transposed, delta

    def input_gradient(self, error: Tensor) -> Tensor:
        """The gradient of the images, `(batch, pixels)`, from that of the logits."""
        for _, _, delta in self.backward(error):
            lowest = delta
        return torch.mm(lowest, self._back[0])
