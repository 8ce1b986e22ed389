"""What a model says to an image of one's own: `worker.ask(classify, …)`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.errors import RunError
from mnistop.engine.questions import load_model
from mnistop.engine.runs import Run


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
