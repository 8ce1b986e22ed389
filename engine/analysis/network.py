"""What a network says to an image, what it has learned, and how an image goes through it: for
`worker.ask`.

As in `mnistop.engine.analysis.loading`, PyTorch is imported inside the questions only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.analysis.loading import image_shape, load_model, validation
from mnistop.engine.errors import RunError
from mnistop.engine.runs.run_folder import Run


@dataclass(frozen=True, eq=False)
class Classified:
    """What a model says to an image."""

    probabilities: NDArray[np.float32]
    """`(classes,)`"""
    epochs: int
    """Epochs that the weights had been trained for."""


def classify(run: Run, image: NDArray[np.float32], epochs: int | None = None) -> Classified:
    """The probabilities that a run's model gives to an image.

    Args:
        run: the run.
        image: `(height, width)` in [0, 1].
        epochs: with the weights after at most so many epochs, the nearest that are kept; None for
            the newest.

    Raises:
        MnistopError: no weights are saved yet, or the image has another size than the run's.
    """
    import torch

    model, trained = load_model(run, epochs)
    if image.size != model.sizes[0]:
        raise RunError(
            f"Run {run.name} takes images of {model.sizes[0]} pixels, not of {image.size}."
        )
    with torch.no_grad():
        logits = model(torch.from_numpy(image.astype(np.float32).reshape(1, -1)))
    return Classified(logits.softmax(1)[0].numpy(), trained)


FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class FirstLayer:
    """The weights of `linear_1`, and what its neurons do to the classes."""

    epochs: int
    """Epochs that the weights had been trained for."""
    sizes: tuple[int, ...]
    """Numbers of inputs, hidden neurons and classes, in order."""
    weights: FloatArray
    """`(neurons, height, width)`: one image a neuron."""
    biases: FloatArray
    """`(neurons,)`"""
    norms: FloatArray
    """`(neurons,)`: the Euclidean lengths of the weights."""
    to_classes: FloatArray
    """`(neurons, classes)`: what a neuron adds to each logit for every 1 that it puts out.

    With one hidden layer these are its outgoing weights. With more of them, the weights along a
    path to a class are multiplied and all paths added up, as if the activations in between let
    everything through. Without a hidden layer it is the identity: each neuron is a class.
    """

    @property
    def is_single(self) -> bool:
        """Whether there is no hidden layer, and each neuron is a class."""
        return len(self.sizes) == 2


@dataclass(frozen=True)
class Step:
    """One step of the way through a network."""

    name: str
    """`input`, `linear_1`, the name of the activation, …, `softmax`."""
    shape: tuple[int, ...]
    """Of the whole batch after the step, as in `(32, 128)`."""
    values: FloatArray
    """`(n,)`: what comes out for the one image."""
    parameters: int
    """Weights and biases of the step; 0 where there is nothing to learn."""


@dataclass(frozen=True)
class Walk:
    """The way of one validation image, and of the batch that it lies in, through a network."""

    row: int
    """Which validation image."""
    label: int
    epochs: int
    """Epochs that the weights had been trained for."""
    image_shape: tuple[int, int]
    """Height and width in pixels."""
    steps: tuple[Step, ...]
    """From the input to the probabilities."""


def first_layer(run: Run, epochs: int | None = None) -> FirstLayer:
    """The first layer's weights as images.

    Args:
        run: the run.
        epochs: with the weights after at most so many epochs, the nearest that are kept; None for
            the newest.

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
    """One validation image's way through the network, in the batch that it is judged in.

    Args:
        run: the run.
        row: which validation image, from 0.
        epochs: with the weights after at most so many epochs, the nearest that are kept; None for
            the newest.

    Raises:
        MnistopError: no weights are saved yet, or there is no such image.
    """
    import torch

    from mnistop.engine.activations import ACTIVATIONS

    model, trained = load_model(run, epochs)
    images, labels, shape = validation(run)
    if not 0 <= row < len(labels):
        raise RunError(f"Run {run.name} has validation images 0 to {len(labels) - 1}, not {row}.")
    size = run.config().batch_size
    place, start = row % size, row - row % size
    activate = ACTIVATIONS[model.activation].function()
    batch = images[start : start + size]
    values = [batch]
    with torch.no_grad():
        for layer in model.layers:
            values.append(layer(values[-1]))
            if layer is not model.layers[-1]:
                values.append(activate(values[-1]))
        values.append(values[-1].softmax(1))
    names = [name for name, _ in model.shapes(len(batch))] + ["softmax"]
    learned_numbers = {
        name: sum(parameter.numel() for parameter in layer.parameters())
        for name, layer in model.named_children()
    }
    return Walk(
        row=row,
        label=int(labels[row]),
        epochs=trained,
        image_shape=shape,
        steps=tuple(
            Step(name, tuple(after.shape), after[place].numpy(), learned_numbers.get(name, 0))
            for name, after in zip(names, values, strict=True)
        ),
    )
