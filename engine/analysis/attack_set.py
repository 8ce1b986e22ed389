"""A run's validation images under one attack: a batch of them, or all, to count or to save."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.analysis.batch import Batch, search_bounds
from mnistop.engine.analysis.loading import load_model
from mnistop.engine.analysis.methods import METHODS, Method
from mnistop.engine.analysis.robustness import bounds_of
from mnistop.engine.runs.run_folder import Run

if TYPE_CHECKING:
    from torch import Tensor

    from mnistop.engine.attacks import Adversarial

FloatArray = NDArray[np.float32]


_UNCLEAR = 1e-3
"""Where FGSM's margin is less than this share of the largest logit, the success may be due to the
rounding of float32, or lie between two points of the grid on which other networks than those of
ReLUs are search_bounds."""


def attack_batch(
    batch: Batch, method: Method, epsilon: float | None, wanted: slice = slice(None)
) -> Adversarial:
    """Attack a batch, in accord with the smallest ε of its images.

    Args:
        batch: the images.
        method: the attack.
        epsilon: the largest perturbation in the method's norm; None, for a method that searches for
            the smallest perturbation itself, for no limit.
        wanted: the images whose outcome is needed.
    """
    from mnistop.engine.attacks import Adversarial, Goal, MinimalAttack, reconciled
    from mnistop.engine.attacks.norms import size

    model, (images, labels, _), targets = batch.model, batch.content, batch.targets
    goal = Goal(labels, targets)
    attack = method.make()
    if isinstance(attack, MinimalAttack):
        attacked = attack(model, images, labels, targets)
        if epsilon is None:
            return attacked
        far = size(attacked.perturbations, method.norm) > epsilon
        return Adversarial.of(model, images, attacked.images.where(~far[:, None], images), goal)
    assert epsilon is not None
    attacked = attack(model, images, labels, epsilon, targets)
    if method.norm != "linf":
        return attacked
    doubtful = attacked.success
    if method.bound == "fgsm":
        margins = goal.margins(attacked.logits) / attacked.logits.abs().amax(1)
        doubtful = doubtful & (margins < _UNCLEAR)
    if method.bound != "found" and not doubtful[wanted].any():
        return attacked
    known = bounds_of(batch)
    nearest = None
    if method.bound == "found" and (~attacked.success & (known.found <= epsilon))[wanted].any():
        nearest = search_bounds(batch)[1]
    smallest = getattr(known, method.bound or "found")
    return reconciled(attacked, model, goal, smallest, known.certified, epsilon, nearest)


@dataclass(frozen=True, eq=False)
class AttackedSet:
    """The images of a set before and after an attack."""

    originals: FloatArray
    """`(n, height, width)` or `(n, height, width, 3)` in [0, 1]."""
    images: FloatArray
    """The adversarial versions, in the same shape and range."""
    labels: NDArray[np.int64]
    """True classes, `(n,)`."""
    predictions: NDArray[np.int64]
    """The predicted classes of the adversarial versions, `(n,)`."""
    epochs: int
    """The number of epochs the weights were trained for."""

    @property
    def accuracy(self) -> float:
        """The share still predicted correctly."""
        return float((self.predictions == self.labels).mean())

    def to_npz(self) -> bytes:
        """Return the content of an `.npz` file, which is also a data source."""
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
    epsilon: float | None,
    epochs: int | None = None,
    target: int | None = None,
    row: int | None = None,
    levels: int | None = None,
) -> AttackedSet:
    """Attack the validation images, or one of them.

    Args:
        run: the run.
        method: a name in `mnistop.engine.analysis.methods.METHODS`.
        epsilon: the largest perturbation in the method's norm. If a method that searches for the
            smallest perturbation finds none within it, the image stays as it is. None, for such a
            method only, for no limit.
        epochs: use the newest weights saved after at most this many epochs; None for the newest of
            all.
        target: the class to reach; None for any but the label.
        row: the only image to attack; None for all.
        levels: round adversarial pixels to multiples of 1/levels, as 255 for image files, but no
            further from the originals than they were; the predictions are for the rounded ones.

    Raises:
        MnistopError: no weights are saved yet, or there is no such image or class.
    """
    import torch

    model, trained = load_model(run, epochs)
    if row is None:
        batches, wanted = list(Batch.all_of(run, model, trained, target)), slice(None)
    else:
        batches = [Batch.with_(run, model, trained, row, target)]
        place = batches[0].place(row)
        wanted = slice(place, place + 1)
    parts = []
    for batch in batches:
        images, labels, shape = batch.content
        attacked = attack_batch(batch, METHODS[method], epsilon, wanted)
        moved, logits = attacked.images, attacked.logits
        if levels is not None:
            moved = _in_levels(images, moved, levels)
            with torch.no_grad():
                logits = model(moved)
        parts.append((images[wanted], moved[wanted], labels[wanted], logits[wanted].argmax(1)))
    originals, moved, labels, predictions = map(torch.cat, zip(*parts, strict=True))
    return AttackedSet(
        originals.reshape(-1, *shape).numpy(),
        moved.reshape(-1, *shape).numpy(),
        labels.numpy(),
        predictions.numpy(),
        trained,
    )


def _in_levels(originals: Tensor, images: Tensor, levels: int) -> Tensor:
    """Round pixels to multiples of 1/levels, towards the originals."""
    steps, rounding = levels * images.double(), 1e-3
    inwards = (steps - rounding).ceil().where(images < originals, (steps + rounding).floor())
    return (inwards / levels).float()
