"""The multi-layer perceptron: layers `linear_1`, `linear_2`, … with an activation between them."""

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mnistop.engine.activations import ACTIVATIONS


class MLP(nn.Module):
    """Linear layers with an activation and dropout after each but the last.

    Args:
        sizes: numbers of inputs, hidden neurons and classes, as in `(784, 128, 10)`.
        activation: a name in `mnistop.engine.activations.ACTIVATIONS`.
        dropout: share of hidden activations dropped in training mode, in [0, 1).
        generator: source of the first weights, which are `nn.Linear`'s defaults: uniform in
            ±1/√inputs (He et al. 2015, the `kaiming_uniform_` of PyTorch with a = √5).
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str = "relu",
        dropout: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.sizes = tuple(sizes)
        self.activation = activation
        self.dropout = dropout
        self.dropout_generator: torch.Generator | None = None
        self.layers: list[nn.Linear] = []
        for number, (inputs, outputs) in enumerate(itertools.pairwise(sizes), start=1):
            layer = nn.Linear(inputs, outputs)
            bound = 1 / math.sqrt(inputs)
            for parameter in layer.parameters():
                nn.init.uniform_(parameter, -bound, bound, generator=generator)
            self.add_module(f"linear_{number}", layer)
            self.layers.append(layer)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits `(batch, classes)` of flat images `(batch, inputs)`."""
        return self.outputs(images)[-1]

    def outputs(self, images: Tensor) -> list[Tensor]:
        """Return each layer's output for flat images `(batch, inputs)`; the last are the logits."""
        activate = ACTIVATIONS[self.activation].function()
        outputs = [images]
        for layer in self.layers[:-1]:
            values = activate(layer(outputs[-1]))
            if self.dropout and self.training:
                values = values * self.dropout_mask(values)
            outputs.append(values)
        return [*outputs[1:], self.layers[-1](outputs[-1])]

    def dropout_mask(self, values: Tensor) -> Tensor:
        """Return random factors for activations, of their shape: 0 for `dropout` of them on
        average."""
        kept = 1 - self.dropout
        mask = torch.empty_like(values).bernoulli_(kept, generator=self.dropout_generator)
        return mask.div_(kept)

    def shapes(self, batch: int) -> list[tuple[str, tuple[int, int]]]:
        """Return each step's name and the shape after it, from `input` to the logits."""
        steps = [("input", (batch, self.sizes[0]))]
        for number, outputs in enumerate(self.sizes[1:], start=1):
            steps.append((f"linear_{number}", (batch, outputs)))
            if number < len(self.layers):
                steps.append((self.activation, (batch, outputs)))
        return steps
