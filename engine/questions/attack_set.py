"""All validation images of a run under one attack: to count them, or to take them away."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.methods import METHODS
from engine.questions import load_model, validation
from engine.questions.fragility import attack_with, targets_of
from engine.runs import Run

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class AttackedSet:
    """The images of a set before and after an attack."""

    originals: FloatArray
    """`(n, height, width)` in [0, 1]."""
    images: FloatArray
    """The adversarial versions, `(n, height, width)` in [0, 1]."""
    labels: NDArray[np.int64]
    """True classes, `(n,)`."""
    predictions: NDArray[np.int64]
    """What the adversarial versions are taken for, `(n,)`."""
    epochs: int
    """Epochs that the weights had been trained for."""

    @property
    def accuracy(self) -> float:
        """The share that is still predicted rightly."""
        return float((self.predictions == self.labels).mean())

    def to_npz(self) -> bytes:
        """The content of an `.npz` file, whose `images` and `labels` are a data source, too."""
        content = io.BytesIO()
        np.savez_compressed(
            content,
            images=self.images,
            labels=self.labels,
            originals=self.originals,
            predictions=self.predictions,
        )
        return content.getvalue()


def attack_all(
    run: Run,
    method: str,
    epsilon: float,
    epochs: int | None = None,
    target: int | None = None,
    row: int | None = None,
    levels: int | None = None,
) -> AttackedSet:
    """Attacks the validation images, or one of them.

    Args:
        run: the run.
        method: a name in `engine.methods.METHODS`.
        epsilon: the largest perturbation in the method's norm.
        epochs: with the weights after at most so many epochs, the nearest that are kept; None for
            the newest.
        target: the class to be reached; None where any but the label will do.
        row: the only image wanted; None for all.
        levels: round adversarial pixels to so many steps from 0 to 1, as 255 for image files; what
            they are taken for is what the model says to them then.

    Raises:
        MnistopError: no weights are saved yet, or there is no such image or class.
    """
    import torch

    model, trained = load_model(run, epochs)
    images, labels, shape = validation(run, row)
    targets = targets_of(run, model, target, len(images))
    attacked = attack_with(METHODS[method], model, images, labels, epsilon, targets).images
    if levels is not None:
        attacked = (attacked * levels).round() / levels
    with torch.no_grad():
        predictions = model(attacked).argmax(1)
    return AttackedSet(
        images.reshape(-1, *shape).numpy(),
        attacked.reshape(-1, *shape).numpy(),
        labels.numpy(),
        predictions.numpy(),
        trained,
    )
