"""Models and images for attacks: made up at random, or trained."""

import functools
from typing import Any

import torch
from torch import Tensor

from mnistop.engine.activations import ACTIVATIONS
from mnistop.engine.config import RunConfig
from mnistop.engine.data.sources import load
from mnistop.engine.model import MLP
from tests.helpers.small_runs import trained


def some_batch(
    seed: int, batch: int = 6, pixels: int = 20, classes: int = 4
) -> tuple[MLP, Tensor, Tensor]:
    """An untrained model with dropout, and images with pixels at and between 0 and 1."""
    random = torch.Generator().manual_seed(seed)
    model = MLP((pixels, 8, classes), dropout=0.5, generator=random)
    model.dropout_generator = random
    images = torch.rand(batch, pixels, generator=random)
    images[0, : pixels // 2] = (torch.arange(pixels // 2) % 2).float()
    return model, images, torch.randint(0, classes, (batch,), generator=random)


def any_model(seed: int) -> tuple[MLP, Tensor, Tensor]:
    """One of many: 0 to 2 hidden layers, any activation, 2 to 100 classes, oblong images."""
    random = torch.Generator().manual_seed(seed)

    def pick(*choices: Any) -> Any:
        return choices[int(torch.randint(0, len(choices), (), generator=random))]

    height, width, classes = pick(8, 3, 1), pick(8, 5), pick(2, 3, 10, 100)
    sizes = (height * width, *pick((), (6,), (12, 5)), classes)
    model = MLP(sizes, pick(*ACTIVATIONS), pick(0.0, 0.5), random)
    model.dropout_generator = random
    for layer in model.layers:
        layer.weight.data *= pick(1, 5)
    images = torch.rand(5, sizes[0], generator=random).round(decimals=1)
    return model, images, torch.randint(0, classes, (5,), generator=random)


# Trained ones, each once a session.

MNIST = {"samples": 1000, "device": "cpu"}
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {"epochs": 40},
    "confident": {"optimizer": "adam", "lr": 0.003, "epochs": 40},
    "robust": {"adversarial_epsilon": 0.1, "epochs": 20},
    "single layer": {"hidden": (), "epochs": 30},
}


@functools.cache
def trained_model(name: str) -> MLP:
    """The model of `SETTINGS`, trained on the first bundled images, in evaluation mode."""
    training, _ = trained(RunConfig(**(MNIST | SETTINGS[name])))
    return training.model.eval()


@functools.cache
def unseen() -> tuple[Tensor, Tensor]:
    """The bundled images that none of these has seen, and their labels."""
    dataset = load("bundled")
    rest = slice(MNIST["samples"], None)
    return (
        torch.from_numpy(dataset.images[rest]).flatten(1),
        torch.from_numpy(dataset.labels[rest]),
    )


def some_right(name: str, count: int) -> tuple[MLP, Tensor, Tensor]:
    """A trained model, and the first unseen images that it gets right."""
    model, (images, labels) = trained_model(name), unseen()
    with torch.no_grad():
        right = (model(images).argmax(1) == labels).nonzero()[:count, 0]
    assert len(right) == count
    return model, images[right], labels[right]
