"""More models for what is found and proven about them, and the truth by trying very often."""

import functools
from typing import Any

import torch
from torch import Tensor

from mnistop.engine.activations import ACTIVATIONS
from mnistop.engine.attacks.base import Goal
from mnistop.engine.attacks.crown import Box, largest_root
from mnistop.engine.attacks.piecewise import Path, fgsm_path, layers_of
from mnistop.engine.config import RunConfig
from mnistop.engine.model import MLP
from tests.engine.attacks import attacked
from tests.helpers.small_runs import trained

SETTINGS: dict[str, dict[str, Any]] = {
    "robust in vain": {"adversarial_epsilon": 0.3, "epochs": 15},
    "two hidden layers": {"hidden": (64, 32), "epochs": 30},
    "three hidden layers": {"hidden": (32, 32, 32), "epochs": 30},
    "sigmoid": {"activation": "sigmoid", "optimizer": "adam", "lr": 0.003, "epochs": 10},
}

PIECEWISE = [*attacked.SETTINGS, "robust in vain", "two hidden layers", "three hidden layers"]
"""The trained models of ReLUs, or without any activation."""
SMOOTH = [name for name, record in ACTIVATIONS.items() if not record.is_relu]
for name in SMOOTH:
    SETTINGS.setdefault(name, {"activation": name, "hidden": (48, 24), "epochs": 20})


@functools.cache
def trained_model(name: str) -> MLP:
    """A model of these settings or of those for attacks, in evaluation mode."""
    if name in attacked.SETTINGS:
        return attacked.trained_model(name)
    training, _ = trained(RunConfig(**(attacked.MNIST | SETTINGS[name])))
    return training.model.eval()


def some_unseen(name: str, count: int) -> tuple[MLP, Tensor, Tensor]:
    """A trained model, and the first images that it has not seen."""
    images, labels = attacked.unseen()
    return trained_model(name), images[:count], labels[:count]


def any_deep_model(seed: int) -> tuple[MLP, Tensor, Tensor]:
    """An untrained model of 3 to 5 hidden layers, and images with pixels at and between 0 and 1."""
    random = torch.Generator().manual_seed(seed)
    sizes = torch.randint(1, 9, (4 + seed % 3,), generator=random).tolist()
    model = MLP((9, *sizes, 3), list(ACTIVATIONS)[seed % len(ACTIVATIONS)], generator=random)
    for layer in model.layers:
        layer.weight.data *= 3
    images = torch.rand(5, 9, generator=random).round(decimals=1)
    return model.eval(), images, torch.randint(0, 3, (5,), generator=random)


def blind_model(activation: str) -> MLP:
    """A model that takes every image of 20 pixels for the second of 4 classes."""
    model = MLP((20, 8, 4), activation)
    with torch.no_grad():
        model.layers[1].weight.zero_()
        model.layers[1].bias.copy_(torch.tensor([0.0, 1.0, 0.5, 0.0]))
    return model


def path_of(
    model: MLP, images: Tensor, labels: Tensor, targets: Tensor | None = None
) -> tuple[Path, Goal]:
    """The way that FGSM takes, and what it wants."""
    goal = Goal(labels, targets)
    return fgsm_path(model.eval(), images, goal), goal


@torch.no_grad()
def tried(model: MLP, path: Path, goal: Goal, row: int, epsilons: Tensor) -> Tensor:
    """Return whether each of some ε, `(points,)`, fools the float32 model with a row's image."""
    reached = [torch.empty(0, dtype=torch.bool)]
    for some in epsilons.split(1000):
        rows = torch.full_like(some, row, dtype=torch.int64)
        reached.append(goal.of(rows).reached(model(path[rows].at(some))))
    return torch.cat(reached)


@torch.no_grad()
def interval_radius(model: MLP, images: Tensor, labels: Tensor) -> Tensor:
    """A certified radius by interval arithmetic: Gowal et al. 2018, arXiv:1810.12715."""
    layers = layers_of(model)
    last = layers[-1]

    def least(rows: Tensor, epsilon: Tensor) -> Tensor:
        box = Box.around(images[rows].double(), epsilon)
        low, high = box.low, box.high
        for layer in layers[:-1]:
            middle, reach = layer((low + high) / 2), (high - low) / 2 @ layer.weight.abs().t()
            low, high = (middle - reach).relu(), (middle + reach).relu()
        forms = last.weight[labels[rows]][:, None] - last.weight
        middle = (forms @ ((low + high) / 2)[:, :, None])[..., 0]
        spread = (forms.abs() @ ((high - low) / 2)[:, :, None])[..., 0]
        offsets = last.bias[labels[rows]][:, None] - last.bias
        logit_margins = middle - spread + offsets
        return logit_margins.scatter(1, labels[rows][:, None], torch.inf).amin(1)

    everything = torch.arange(len(images))
    at_zero = least(everything, torch.zeros(len(images), dtype=torch.float64))
    return largest_root(least, at_zero, torch.full_like(at_zero, 0.01))
