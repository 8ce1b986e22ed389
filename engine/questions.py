"""Questions to a trained model, answered by the pool process: `worker.ask(question, …)`.

The interface names these functions, so PyTorch is imported inside them only.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.errors import RunError
from engine.runs import Run

if TYPE_CHECKING:
    from torch import Tensor

    from engine.model import MLP

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class AttackedImage:
    """A validation image, its adversarial version, and what a model says to both."""

    row: int
    """Which validation image."""
    label: int
    epsilon: float
    epochs: int
    """Epochs that the weights had been trained for."""
    image: FloatArray
    """`(height, width)` in [0, 1]."""
    adversarial: FloatArray
    """`(height, width)` in [0, 1]; at most ε from `image`."""
    clean_probabilities: FloatArray
    """`(classes,)`"""
    adversarial_probabilities: FloatArray
    """`(classes,)`"""


def attack_image(run: Run, row: int, epsilon: float, epochs: int | None = None) -> AttackedImage:
    """One validation image attacked by FGSM.

    Args:
        run: the run.
        row: which validation image, from 0.
        epsilon: the most that a pixel changes, in [0, 1].
        epochs: with the weights after at most so many epochs, the nearest that are kept; None for
            the newest.

    Raises:
        MnistopError: no weights are saved yet, there is no such row, or the data are gone.
    """
    import torch

    from engine.attacks import FGSM

    model, trained = load_model(run, epochs)
    images, labels, shape = _validation(run)
    if not 0 <= row < len(labels):
        raise RunError(f"Run {run.name} has validation images 0 to {len(labels) - 1}, not {row}.")
    image = images[row : row + 1]
    label = labels[row : row + 1]
    attacked = FGSM()(model, image, label, epsilon)
    with torch.no_grad():
        logits = torch.cat([model(image), attacked.logits])
    clean, adversarial = logits.softmax(1).numpy()
    return AttackedImage(
        row=row,
        label=int(label),
        epsilon=epsilon,
        epochs=trained,
        image=image.reshape(shape).numpy(),
        adversarial=attacked.images.reshape(shape).numpy(),
        clean_probabilities=clean,
        adversarial_probabilities=adversarial,
    )


def load_model(run: Run, epochs: int | None = None) -> tuple[MLP, int]:
    """A run's model in evaluation mode, and how many epochs it was trained for.

    Args:
        run: the run.
        epochs: at most so many epochs, the nearest that are kept; None for the newest.

    Raises:
        MnistopError: there are no such weights, or they are damaged.
    """
    kept = [number for number in run.snapshots() if epochs is None or number <= epochs]
    if epochs is None:
        path = run.path / "checkpoint.pt"
    elif kept:
        path = run.path / f"snapshots/{kept[-1]}.pt"
    else:
        raise RunError(f"Run {run.name} has no weights of epoch {epochs} or before.")
    try:
        changed = path.stat().st_mtime_ns
    except OSError:
        raise RunError(f"Run {run.name} has no {path.name} yet.") from None
    model, trained = _load_model(run, path, changed)
    return model, trained if epochs is None else kept[-1]


@functools.lru_cache(8)
def _load_model(run: Run, path: Path, changed: int) -> tuple[MLP, int]:
    from engine import checkpoint
    from engine.model import MLP

    content = checkpoint.load(path)
    weights = checkpoint.weights_of(content)
    config = run.config()
    matrices = [value for name, value in weights.items() if name.endswith(".weight")]
    try:
        sizes = [matrices[0].shape[1], *(len(matrix) for matrix in matrices)]
        model = MLP(sizes, config.activation, config.dropout)
        model.load_state_dict(weights)
    except (RuntimeError, IndexError, AttributeError, TypeError):
        raise RunError(f"{path} is damaged: its weights fit no model.") from None
    return model.eval(), int(content.get("epoch", 0))


def _validation(run: Run) -> tuple[Tensor, Tensor, tuple[int, int]]:
    config = run.config()
    return _validation_images(config.source, config.samples, config.val_fraction, config.split_seed)


@functools.lru_cache(2)
def _validation_images(
    source: str, samples: int | None, fraction: float, seed: int
) -> tuple[Tensor, Tensor, tuple[int, int]]:
    import torch

    from engine.data import load, split

    dataset = load(source, samples)
    _, rows = split(dataset, fraction, seed)
    images = torch.from_numpy(dataset.images[rows]).flatten(1)
    return images, torch.from_numpy(dataset.labels[rows]), dataset.image_shape
