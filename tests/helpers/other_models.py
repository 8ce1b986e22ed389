"""Models that are no MLPs, each with the sentence in which it is refused."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.helpers.mlps import CHANNEL, FLAT, SQUARE, Notebook, sequential


class Convolutions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.out = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.relu(self.conv(x)).flatten(1))


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(36, 36), nn.Linear(36, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(x + torch.relu(self.first(x)))


class Joined(Residual):
    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.cat([x[:, :18], torch.relu(self.first(x))[:, 18:]], 1))


class AlwaysDrops(Notebook):
    def forward(self, x: Tensor) -> Tensor:
        return self.linear_2(functional.dropout(functional.relu(self.linear_1(x))))


class Noisy(Notebook):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x + 0.1 * torch.randn(36))


class NoisyByNumPy(Notebook):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x * float(np.random.rand()) * random.random())


class BranchesOnPixels(Notebook):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x / 255 if x.max() > 1 else x)


class OneNumber(Notebook):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[:, 0]


class AndHidden(Notebook):
    """A model that returns its hidden values after the logits."""

    def forward(self, x: Tensor) -> Any:
        hidden = self.relu(self.linear_1(x))
        return self.linear_2(hidden), hidden


class ByName(Notebook):
    def forward(self, x: Tensor) -> Any:
        return {"out": super().forward(x)}


class NeedsMore(Notebook):
    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        return super().forward(x)


class Counts(Notebook):
    """A model that changes with every call."""

    times = 0

    def forward(self, x: Tensor) -> Tensor:
        type(self).times += 1
        return super().forward(x) * type(self).times


class UsesTwice(Notebook):
    def forward(self, x: Tensor) -> Tensor:
        hidden = self.linear_1(x)
        return self.linear_2(hidden.view(-1, 8).relu_()) + hidden.sum()


class CannotBeCopied(Notebook):
    def __deepcopy__(self, memo: object) -> "CannotBeCopied":
        raise TypeError("no copies")


REFUSED: dict[str, tuple[Callable[[], Any], tuple[int, ...], str]] = {
    "function": (lambda: functional.relu, FLAT, "A function is no torch.nn.Module"),
    "convolutions": (Convolutions, CHANNEL, "Conv2d is no part of an MLP"),
    "layer norm": (lambda: sequential(nn.LayerNorm(8)), FLAT, "LayerNorm is no part of an MLP"),
    "max pooling": (
        lambda: nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(9, 10)),
        CHANNEL,
        "MaxPool2d is no part of an MLP",
    ),
    "residual": (Residual, FLAT, "The model joins several layers (a residual or skip connection)"),
    "joined": (Joined, FLAT, "The model joins several layers (a residual or skip connection)"),
    "leaky": (
        lambda: sequential(nn.LeakyReLU()),
        FLAT,
        "LeakyReLU is none of the activations relu, tanh, sigmoid, gelu, silu",
    ),
    "another gelu": (
        lambda: sequential(nn.GELU(approximate="tanh")),
        FLAT,
        "GELU as it is set here is none of the activations relu, tanh, sigmoid, gelu, silu",
    ),
    "mixed": (
        lambda: sequential(nn.ReLU(), nn.Linear(8, 8), nn.Tanh()),
        FLAT,
        "The model has both relu and tanh",
    ),
    "activation last": (
        lambda: sequential(nn.ReLU(), last=nn.Sigmoid()),
        FLAT,
        "Sigmoid comes after the last linear layer",
    ),
    "activation first": (
        lambda: nn.Sequential(nn.Tanh(), nn.Linear(36, 10)),
        FLAT,
        "Tanh comes before the first linear layer",
    ),
    "softmax within": (
        lambda: sequential(nn.Softmax(1)),
        FLAT,
        "The model goes on after its softmax",
    ),
    "drops always": (
        AlwaysDrops,
        FLAT,
        "The model draws random numbers in evaluation mode too (as F.dropout does without "
        "training=self.training)",
    ),
    "noisy": (
        Noisy,
        FLAT,
        "The model draws random numbers in evaluation mode too (as F.dropout does without "
        "training=self.training)",
    ),
    "noisy by numpy": (
        NoisyByNumPy,
        FLAT,
        "What was found in the model computes other outputs than the model",
    ),
    "counts": (Counts, FLAT, "What was found in the model computes other outputs than the model"),
    "branches on pixels": (BranchesOnPixels, FLAT, "max is no part of an MLP"),
    "rows of an image": (
        lambda: nn.Sequential(nn.Linear(6, 10), nn.Flatten()),
        SQUARE,
        "A linear layer gets other numbers than all those of one image",
    ),
    "one number": (OneNumber, FLAT, "The model's outputs (3,) are not one row an image"),
    "by name": (ByName, FLAT, "The model gives a dict and no tensor of logits"),
    "no layer": (
        nn.Flatten,
        FLAT,
        "The model has no linear layer between pixels and outputs",
    ),
    "batch statistics": (
        lambda: sequential(nn.BatchNorm1d(8, track_running_stats=False)),
        FLAT,
        "BatchNorm without running statistics looks at the whole batch",
    ),
    "lazy": (
        lambda: nn.Sequential(nn.LazyLinear(10)),
        FLAT,
        "The model has lazy layers that have not seen an image",
    ),
    "no copies": (
        CannotBeCopied,
        FLAT,
        "The model cannot be copied (TypeError: no copies)",
    ),
}
