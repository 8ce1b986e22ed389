"""A network's probabilities for an image, its first weights, and an image's path through it.

For `worker.ask`: as in `mnistop.engine.analysis.loading`, PyTorch is imported in functions only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.analysis.loading import (
    check_pixels,
    image_shape,
    load_model,
    progress_file,
    validation,
)
from mnistop.engine.analysis.samples import load_dataset
from mnistop.engine.config import RunConfig
from mnistop.engine.data.sources import split_by
from mnistop.engine.runs.run_folder import Run

if TYPE_CHECKING:
    from torch import Tensor

    from mnistop.engine.model import MLP


@dataclass(frozen=True, eq=False)
class Classified:
    """A model's probabilities for an image."""

    probabilities: NDArray[np.float32]
    """`(classes,)`"""
    epochs: int
    """The number of epochs the weights were trained for."""


def classify(run: Run, image: NDArray[np.float32], epochs: int | None = None) -> Classified:
    """Return the probabilities of a run's model for an image.

    Args:
        run: the run.
        image: `(height, width)` or `(height, width, 3)` in [0, 1].
        epochs: use the newest weights saved after at most this many epochs; None for the newest of
            all.

    Raises:
        MnistopError: no weights are saved yet, or the image has another size than the run's.
    """
    import torch

    model, trained = load_model(run, epochs)
    check_pixels(run, model, image)
    with torch.no_grad():
        logits = model(torch.from_numpy(image.astype(np.float32).reshape(1, -1)))
    return Classified(logits.softmax(1)[0].numpy(), trained)


FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class FirstLayer:
    """The weights of `linear_1`, and the effect of its neurons on the classes."""

    epochs: int
    """The number of epochs the weights were trained for."""
    sizes: tuple[int, ...]
    """Numbers of inputs, hidden neurons and classes, in order."""
    weights: FloatArray
    """`(neurons, height, width)`, or with a last axis of 3: an image for each neuron."""
    biases: FloatArray
    """`(neurons,)`"""
    norms: FloatArray
    """`(neurons,)`: the Euclidean lengths of the weights."""
    to_classes: FloatArray
    """`(neurons, classes)`: what a neuron's output of 1 adds to each logit.

    With one hidden layer these are its outgoing weights. With more, the weights along each path to
    a class are multiplied and all paths added up, as if the activations in between were the
    identity. Without a hidden layer it is the identity: each neuron is a class.
    """

    @property
    def is_single(self) -> bool:
        """True if there is no hidden layer, so that each neuron is a class."""
        return len(self.sizes) == 2


@dataclass(frozen=True)
class Step:
    """One step of the path through a network."""

    name: str
    """`input`, `linear_1`, the name of the activation, …, `softmax`."""
    shape: tuple[int, ...]
    """The shape of the whole batch after the step, as in `(32, 128)`."""
    values: FloatArray
    """`(n,)`: the output for the one image."""
    parameters: int
    """The number of weights and biases of the step; 0 if it has none."""


@dataclass(frozen=True)
class Walk:
    """The path of one validation image, and of the batch that it is in, through a network."""

    row: int
    """The number of the validation image."""
    label: int
    epochs: int
    """The number of epochs the weights were trained for."""
    image_shape: tuple[int, ...]
    """Height and width in pixels, and 3 if the image is in colour."""
    steps: tuple[Step, ...]
    """From the input to the probabilities."""


def first_layer(run: Run, epochs: int | None = None) -> FirstLayer:
    """Return the first layer's weights as images.

    Args:
        run: the run.
        epochs: use the newest weights saved after at most this many epochs; None for the newest of
            all.

    Raises:
        MnistopError: no weights are saved yet, or they are damaged.
    """
    import torch

    model, trained = load_model(run, epochs)
    first, *rest = model.layers
    with torch.no_grad():
        to_classes = torch.eye(first.out_features)
        for layer in rest:
            to_classes = to_classes @ layer.weight.T
        return FirstLayer(
            epochs=trained,
            sizes=model.sizes,
            weights=first.weight.reshape(-1, *image_shape(run)).numpy(),
            biases=first.bias.numpy(),
            norms=first.weight.norm(dim=1).numpy(),
            to_classes=to_classes.numpy(),
        )


def walk(run: Run, row: int, epochs: int | None = None) -> Walk:
    """Follow one validation image through the network, in the batch that it is evaluated in.

    Args:
        run: the run.
        row: the number of the validation image, from 0.
        epochs: use the newest weights saved after at most this many epochs; None for the newest of
            all.

    Raises:
        MnistopError: no weights are saved yet, or there is no such image.
    """
    model, trained = load_model(run, epochs)
    validation(run, row)  # checks the row
    images, labels, shape = validation(run)
    size = run.config().batch_size
    start = row - row % size
    batch = slice(start, start + size)
    return _walk(model, trained, images[batch], row - start, row, int(labels[row]), shape)


@dataclass(frozen=True)
class FirstWalk:
    """The path of an image through a network that has not been trained."""

    walk: Walk
    class_names: tuple[str, ...]
    images: int
    """The number of validation images."""


def first_walk(config: RunConfig, row: int, progress: Path | None = None) -> FirstWalk:
    """Follow a validation image through the network that a run of these settings begins with.

    Args:
        config: the settings, the path of a source made absolute.
        row: the number of the validation image, from 0; counted on from the first after the last.
        progress: a file to write to what is being loaded.

    Raises:
        MnistopError: the data cannot be loaded or split.
    """
    import torch

    from mnistop.engine.model import MLP

    report = progress_file(progress)
    dataset = load_dataset(config, report)
    _, rows = split_by(dataset, config)
    row %= len(rows)
    start = row - row % config.batch_size
    batch = torch.from_numpy(dataset.images[rows[start : start + config.batch_size]]).flatten(1)
    sizes = (batch.shape[1], *config.hidden, dataset.classes)
    model = MLP(sizes, config.activation, generator=torch.Generator().manual_seed(config.seed))
    label = int(dataset.labels[rows[row]])
    walk = _walk(model, 0, batch, row - start, row, label, dataset.image_shape)
    return FirstWalk(walk, dataset.class_names, len(rows))


def _walk(
    model: MLP, epochs: int, batch: Tensor, place: int, row: int, label: int, shape: tuple[int, ...]
) -> Walk:
    """Follow the image at a place of a batch through a network."""
    import torch

    from mnistop.engine.activations import ACTIVATIONS

    activate = ACTIVATIONS[model.activation].function()
    values = [batch]
    with torch.no_grad():
        for layer in model.layers:
            values.append(layer(values[-1]))
            if layer is not model.layers[-1]:
                values.append(activate(values[-1]))
        values.append(values[-1].softmax(1))
    names = [name for name, _ in model.shapes(len(batch))] + ["softmax"]
    parameters = {
        name: sum(parameter.numel() for parameter in layer.parameters())
        for name, layer in model.named_children()
    }
    return Walk(
        row=row,
        label=label,
        epochs=epochs,
        image_shape=shape,
        steps=tuple(
            Step(name, tuple(after.shape), after[place].numpy(), parameters.get(name, 0))
            for name, after in zip(names, values, strict=True)
        ),
    )
