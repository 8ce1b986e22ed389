"""MLPs in the ways in which people write them."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from mnistop.engine.model import MLP
from mnistop.engine.recording.mlp import FoundMLP

MEAN, STD = 0.1307, 0.3081


def images(*shape: int) -> Tensor:
    return torch.rand(20, *shape, generator=torch.Generator().manual_seed(1))


def logits_of(found: FoundMLP, pixels: Tensor) -> Tensor:
    """The logits of the program's own model with what was found."""
    model = MLP(found.layers, found.activation)
    model.load_state_dict(found.weights)
    with torch.no_grad():
        return model.eval()(pixels.flatten(1))


def trained_a_little(model: nn.Module, inputs: Tensor) -> nn.Module:
    """The model after a few steps, so that no bias and no statistic is what it was at first."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for _ in range(3):
        optimizer.zero_grad()
        functional.cross_entropy(model(inputs), torch.arange(20) % 10).backward()
        optimizer.step()
    return model


class Notebook(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(36, 8)
        self.relu = nn.ReLU()
        self.linear_2 = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_2(self.relu(self.linear_1(x)))


class OtherOrder(nn.Module):
    """Attributes in another order than they are used in, and other names."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(8, 10, bias=False)
        self.act = functional.relu
        self.drop = nn.Dropout(0.5)
        self.second = nn.Linear(12, 8)
        self.first = nn.Linear(36, 12)

    def forward(self, x: Tensor) -> Tensor:
        x = self.drop(x.view(x.size(0), -1))
        x = functional.dropout(self.act(self.first(x)), 0.2, training=self.training)
        return self.out(torch.relu(self.second(x)))


class Branches(nn.Module):
    """Looks at shapes, has its layers in a list, and keeps its hidden values."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(36, 8), nn.Linear(8, 8), nn.Linear(8, 10)])
        self.hidden: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() > 2:
            x = x.reshape(len(x), -1)
        for layer in self.layers[:-1]:
            x = torch.tanh(layer(x))
            self.hidden.append(x)
        return self.layers[-1](x)


class ByHand(nn.Module):
    """Weights as bare parameters, `(inputs, outputs)`."""

    def __init__(self) -> None:
        super().__init__()
        self.w1 = nn.Parameter(torch.randn(36, 8) / 6)
        self.b1 = nn.Parameter(torch.randn(8))
        self.w2 = nn.Parameter(torch.randn(8, 10))
        self.b2 = nn.Parameter(torch.randn(10))

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.activate(torch.flatten(x, 1) @ self.w1 + self.b1)
        return hidden.matmul(self.w2) + self.b2

    def activate(self, x: Tensor) -> Tensor:
        return x.clamp(min=0)


class ByProduct(ByHand):
    def activate(self, x: Tensor) -> Tensor:
        return x * (x > 0)


class ByMaximum(ByHand):
    def activate(self, x: Tensor) -> Tensor:
        return torch.maximum(x, torch.tensor(0.0))


class ByWhere(ByHand):
    def activate(self, x: Tensor) -> Tensor:
        return torch.where(x > 0, x, torch.zeros_like(x))


class InPlace(ByHand):
    def activate(self, x: Tensor) -> Tensor:
        x[x < 0] = 0
        return x


class SigmoidByHand(ByHand):
    def activate(self, x: Tensor) -> Tensor:
        return 1 / (1 + torch.exp(-x))


class SiLUByHand(ByHand):
    def activate(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(x)


class Columns(ByHand):
    """Images in columns, as in a textbook."""

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.relu(self.w1.T @ x.flatten(1).T + self.b1[:, None])
        return (self.w2.T @ hidden).T + self.b2


class Einsum(ByHand):
    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.relu(torch.einsum("ij,bi->bj", self.w1, x.flatten(1)) + self.b1)
        return torch.einsum("bi,ij->bj", hidden, self.w2)


class Normalises(Notebook):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward((x.flatten(1) - MEAN) / STD)


class NormalisesInPlace(Notebook):
    def forward(self, x: Tensor) -> Tensor:
        x = x.view(-1, 36)
        x -= MEAN
        return super().forward(x.div_(STD))


class NormalisesByBuffers(Notebook):
    """A model with a mean for each pixel as buffer, and a plain tensor that is no buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.rand(36))
        self.std = torch.rand(36) + 0.5
        self.temperature = 2.0

    def forward(self, x: Tensor) -> Tensor:
        x = (x.flatten(1) - self.mean) / self.std
        return super().forward(x) / self.temperature


class Crops(nn.Module):
    """Cuts the margin off, swaps height and width, and gives the classes in reverse."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(16, 8), nn.GELU(), nn.Linear(8, 10))

    def forward(self, x: Tensor) -> Tensor:
        x = x.squeeze(1)[:, 1:5, 1:5].permute(0, 2, 1)
        return self.net(x.flatten(1)).flip(1)


class Tied(nn.Module):
    """One layer twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.again, self.last = nn.Linear(36, 8), nn.Linear(8, 8), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.again(torch.relu(self.first(x.flatten(1)))))
        return self.last(torch.relu(self.again(x)))


class ToItsDevice(Notebook):
    """Converts what it gets, as many scripts do."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.to("cpu").float().flatten(start_dim=1)).to(torch.float32)


def sequential(*hidden: nn.Module, last: nn.Module | None = None) -> nn.Sequential:
    layers = [nn.Flatten(), nn.Linear(36, 8), *hidden, nn.Linear(8, 10), last or nn.Identity()]
    return nn.Sequential(*layers)


FLAT, SQUARE, CHANNEL, CHANNEL_LAST = (36,), (6, 6), (1, 6, 6), (6, 6, 1)

FOUND: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], tuple[int, ...], str]] = {
    "notebook": (Notebook, FLAT, (36, 8, 10), "relu"),
    "other order": (OtherOrder, CHANNEL, (36, 12, 8, 10), "relu"),
    "branches": (Branches, SQUARE, (36, 8, 8, 10), "tanh"),
    "by hand": (ByHand, FLAT, (36, 8, 10), "relu"),
    "relu by product": (ByProduct, FLAT, (36, 8, 10), "relu"),
    "relu by maximum": (ByMaximum, FLAT, (36, 8, 10), "relu"),
    "relu by where": (ByWhere, FLAT, (36, 8, 10), "relu"),
    "sigmoid by hand": (SigmoidByHand, FLAT, (36, 8, 10), "sigmoid"),
    "silu by hand": (SiLUByHand, FLAT, (36, 8, 10), "silu"),
    "columns": (Columns, CHANNEL_LAST, (36, 8, 10), "relu"),
    "einsum": (Einsum, SQUARE, (36, 8, 10), "relu"),
    "normalises": (Normalises, CHANNEL, (36, 8, 10), "relu"),
    "normalises in place": (NormalisesInPlace, CHANNEL, (36, 8, 10), "relu"),
    "normalises by buffers": (NormalisesByBuffers, CHANNEL, (36, 8, 10), "relu"),
    "crops": (Crops, CHANNEL, (36, 8, 10), "gelu"),
    "tied": (Tied, FLAT, (36, 8, 8, 8, 10), "relu"),
    "converts": (ToItsDevice, CHANNEL, (36, 8, 10), "relu"),
    "relu in place": (lambda: sequential(nn.ReLU(inplace=True)), CHANNEL, (36, 8, 10), "relu"),
    "sigmoid": (lambda: sequential(nn.Sigmoid()), SQUARE, (36, 8, 10), "sigmoid"),
    "silu": (lambda: sequential(nn.SiLU(inplace=True)), FLAT, (36, 8, 10), "silu"),
    "identity, dropout": (
        lambda: sequential(nn.Identity(), nn.Dropout(0.3), nn.Tanh(), nn.AlphaDropout(0.1)),
        FLAT,
        (36, 8, 10),
        "tanh",
    ),
    "batch norm before": (
        lambda: sequential(nn.BatchNorm1d(8), nn.GELU(), nn.Dropout()),
        CHANNEL,
        (36, 8, 10),
        "gelu",
    ),
    "batch norm after": (
        lambda: sequential(nn.ReLU(), nn.BatchNorm1d(8, affine=False)),
        CHANNEL,
        (36, 8, 10),
        "relu",
    ),
    "batch norm of pixels": (
        lambda: nn.Sequential(nn.BatchNorm2d(1), *sequential(nn.ReLU())),
        CHANNEL,
        (36, 8, 10),
        "relu",
    ),
    "no hidden layer": (lambda: nn.Sequential(nn.Linear(36, 10)), FLAT, (36, 10), "relu"),
    "nothing between two layers": (sequential, FLAT, (36, 10), "relu"),
    "weight norm": (
        lambda: sequential(nn.ReLU(), nn.utils.parametrizations.weight_norm(nn.Linear(8, 8))),
        FLAT,
        (36, 8, 10),
        "relu",
    ),
    "lazy": (
        lambda: nn.Sequential(nn.Flatten(), nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(10)),
        CHANNEL,
        (36, 8, 10),
        "relu",
    ),
    "our own": (lambda: MLP((36, 8, 8, 10), "gelu", 0.2), FLAT, (36, 8, 8, 10), "gelu"),
    "data parallel": (lambda: nn.DataParallel(Notebook()), FLAT, (36, 8, 10), "relu"),
}
