"""Models of people's own loops: MLPs found in whatever way they are written, others refused."""

import copy
import random
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from mnistop.engine.model import MLP
from mnistop.engine.recording.mlp import NOT_POSSIBLE, FoundMLP, find

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


@pytest.mark.parametrize("name", FOUND)
def test_an_mlp_is_found_in_whatever_way_it_is_written(name: str) -> None:
    make, shape, layers, activation = FOUND[name]
    torch.manual_seed(2)
    inputs = images(*shape)
    model = trained_a_little(make(), inputs.clone())

    found = find(model, inputs, None)

    assert isinstance(found, FoundMLP), found
    assert (found.layers, found.activation, found.note) == (layers, activation, "")
    assert found.parameters == sum(each.numel() for each in MLP(layers).parameters())
    with torch.no_grad():
        expected = model.eval()(inputs.clone())
    torch.testing.assert_close(logits_of(found, inputs), expected, rtol=1e-4, atol=1e-5)


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


@pytest.mark.parametrize("name", REFUSED)
def test_any_other_model_is_refused_in_a_sentence(name: str) -> None:
    make, shape, sentence = REFUSED[name]
    assert find(make(), images(*shape)) == sentence + NOT_POSSIBLE


def test_a_model_that_fails_or_needs_more_is_refused_in_a_sentence() -> None:
    for model, shape in ((NeedsMore(), FLAT), (Notebook(), (35,)), (UsesTwice(), FLAT)):
        said = find(model, images(*shape))
        assert isinstance(said, str)
        assert said.endswith(NOT_POSSIBLE)
        assert "\n" not in said


def test_logits_may_come_with_more() -> None:
    found = find(AndHidden(), images(36))
    assert isinstance(found, FoundMLP), found
    assert found.layers == (36, 8, 10)


@pytest.mark.process
def test_finding_does_not_load_the_compiler() -> None:
    """It would take longer than everything else that a recording does."""
    script = (
        "import sys, torch\n"
        "from mnistop.engine.recording.mlp import FoundMLP, find\n"
        "from torch import nn\n"
        "model = nn.Sequential(nn.Linear(36, 8), nn.ReLU(), nn.Linear(8, 10))\n"
        "assert isinstance(find(model, torch.rand(5, 36)), FoundMLP)\n"
        "assert 'torch._dynamo' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_weights_that_are_not_finite_are_refused() -> None:
    model = Notebook()
    nn.init.constant_(model.linear_2.bias, float("nan"))
    said = find(model, images(36))
    assert said == "The model's weights are not all finite numbers" + NOT_POSSIBLE


@pytest.mark.parametrize(
    ("last", "kind"),
    [
        (nn.Softmax(1), "probabilities"),
        (nn.LogSoftmax(-1), "log-probabilities"),
    ],
)
def test_softmax_at_the_end_is_left_out_and_that_is_noted(last: nn.Module, kind: str) -> None:
    inputs = images(1, 6, 6)
    model = sequential(nn.ReLU(), last=last)
    found = find(model, inputs)
    assert isinstance(found, FoundMLP), found
    assert found.note == f"The model gives {kind}; it is kept without its softmax and gives logits."
    outputs = model(inputs)
    outputs = outputs.log() if kind == "probabilities" else outputs
    torch.testing.assert_close(logits_of(found, inputs).log_softmax(1), outputs.detach())


def test_the_normalisation_goes_into_the_first_layer() -> None:
    pixels = images(1, 6, 6)
    inputs = (pixels - MEAN) / STD
    model = trained_a_little(sequential(nn.ReLU()), inputs)

    found = find(model, inputs, (MEAN, STD))

    assert isinstance(found, FoundMLP), found
    with torch.no_grad():
        expected = model(inputs)
    torch.testing.assert_close(logits_of(found, pixels), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_models_in_another_precision_are_found(dtype: torch.dtype) -> None:
    model = Notebook().to(dtype)
    found = find(model, images(36))
    assert isinstance(found, FoundMLP), found
    assert next(model.parameters()).dtype is dtype
    torch.testing.assert_close(found.weights["linear_1.weight"], model.linear_1.weight.float())


@pytest.mark.filterwarnings("ignore")  # TorchScript is deprecated, and says so
def test_compiled_and_scripted_models_are_found() -> None:
    inputs = images(1, 6, 6)
    inside = nn.Sequential(torch.compile(sequential(nn.ReLU())), nn.Identity())
    in_place = sequential(nn.ReLU())
    in_place.compile()
    for model in (
        torch.compile(sequential(nn.ReLU())),
        inside,
        in_place,
        torch.jit.script(sequential(nn.ReLU())),
        torch.jit.trace(sequential(nn.ReLU()).eval(), inputs),
    ):
        found = find(model, inputs)
        assert isinstance(found, FoundMLP), found
        assert found.layers == (36, 8, 10)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_ways_of_normalising_the_weights_are_found() -> None:
    from torch.nn.utils import parametrizations, prune

    for change in (
        parametrizations.weight_norm,
        parametrizations.spectral_norm,
        nn.utils.weight_norm,
        lambda layer: prune.l1_unstructured(layer, "weight", 0.3),
    ):
        model = Notebook()
        change(model.linear_1)
        trained_a_little(model, images(36))
        found = find(model, images(36))
        assert isinstance(found, FoundMLP), found


@pytest.mark.parametrize("name", ["batch norm before", "drops always", "by hand", "noisy by numpy"])
def test_nothing_of_the_callers_changes(name: str) -> None:
    make, shape = {**FOUND, **REFUSED}[name][:2]
    inputs = images(*shape)
    model = trained_a_little(make(), inputs)
    next(iter(model.parameters())).requires_grad_(False)
    for module in model.modules():
        module.training = random.random() < 0.5
    before = copy.deepcopy((model.state_dict(), inputs))
    kept = [(each, each.grad, each.requires_grad, each.data_ptr()) for each in model.parameters()]
    modes = [module.training for module in model.modules()]
    states = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()
    grad_mode = torch.is_grad_enabled()

    find(model, inputs)

    for each, grad, required, place in kept:
        assert (each.grad is grad, each.requires_grad, each.data_ptr()) == (True, required, place)
    assert [module.training for module in model.modules()] == modes
    assert random.getstate() == states[0]
    assert (np.random.get_state()[1] == states[1]).all()
    assert torch.equal(torch.get_rng_state(), states[2])
    assert torch.is_grad_enabled() == grad_mode
    assert all(torch.equal(value, before[0][key]) for key, value in model.state_dict().items())
    assert torch.equal(inputs, before[1])


def test_a_model_is_found_under_any_setting_of_the_caller() -> None:
    inputs = images(1, 6, 6)
    model = Normalises()
    expected = find(model, inputs)
    assert isinstance(expected, FoundMLP)
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"), torch.autocast("cpu"), torch.inference_mode():
            found = find(model, inputs)
    finally:
        torch.set_default_dtype(torch.float32)
    assert isinstance(found, FoundMLP), found
    assert torch.equal(found.weights["linear_1.bias"], expected.weights["linear_1.bias"])


def test_the_copy_that_is_read_reports_to_nobody() -> None:
    """The model itself is called once, as for an evaluation."""
    seen: list[int] = []
    model = Notebook()
    model.linear_1.register_forward_hook(lambda *_: seen.append(1))
    assert isinstance(find(model, images(36)), FoundMLP)
    assert len(seen) == 1
