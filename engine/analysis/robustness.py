"""A model's robustness on its whole validation set: `worker.ask_at_low_priority(robustness)`.

It covers FGSM, and all attacks of `epsilon_bounds` together. Another attack in L∞ takes its ten or
more steps at each of 61 ε, and would show at most what that search has found: its accuracy at one ε
is `attack_all(run, method, epsilon).accuracy`.

As in `mnistop.engine.analysis.loading`, PyTorch is imported inside the question only.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import math
import time
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.analysis.batch import Batch, search_bounds
from mnistop.engine.analysis.loading import load_model, validation
from mnistop.engine.files import make_folder, open_regular, write_atomically
from mnistop.engine.runs.run_folder import Run

if TYPE_CHECKING:
    from mnistop.engine.attacks import EpsilonBounds
    from mnistop.engine.model import MLP

EPSILONS = tuple(step / 200 for step in range(61))
"""Where FGSM's accuracy is measured: 0, 0.005, … 0.3."""
Floats = NDArray[np.float32]


def shortest_float32(epsilon: float | np.floating[Any]) -> float:
    """The shortest number that float32 takes for this ε: 0.1, where float64 has 0.10000000149.

    Every ε is a float32 number when it comes to an attack, and compared as such.
    """
    return float(str(np.float32(epsilon)))


@dataclass(frozen=True, eq=False)
class Robustness:
    """What is known of the first validation images, `done` of them, in L∞ and without targets."""

    total: int
    """How many validation images there are."""
    epochs: int
    """Epochs that the weights had been trained for."""
    path: Floats
    """The smallest ε at which FGSM's image fools the model, `(done,)`; infinite where none does,
    0 where the image is predicted wrongly as it is."""
    found: Floats
    """The smallest ε at which any attack fooled it, `(done,)`; infinite where none did."""
    certified: Floats
    """The ε below which nothing can fool it, `(done,)`; proven."""
    fgsm_right: NDArray[np.bool_]
    """Whether FGSM at each of `EPSILONS` leaves the prediction right, `(done, len(EPSILONS))`."""
    found_by: NDArray[np.uint8]
    """Which of `mnistop.engine.attacks.FINDERS` found that, `(done,)`."""
    deepfool: Floats
    """The size of DeepFool's perturbation, `(done,)`; infinite where it found none."""

    @property
    def done(self) -> int:
        """How many images are known."""
        return len(self.path)

    @property
    def is_complete(self) -> bool:
        """Whether all validation images are known."""
        return self.done == self.total

    @property
    def clean(self) -> float:
        """Accuracy without an attack."""
        return float((self.path > 0).mean())

    @property
    def medians(self) -> tuple[float, float]:
        """Of the rightly predicted images, the median ε found and the median ε certified.

        NaN where there are none.
        """
        right = self.path > 0
        if not right.any():
            return math.nan, math.nan
        return shortest_float32(np.median(self.found[right])), shortest_float32(
            np.median(self.certified[right])
        )

    @property
    def fgsm(self) -> NDArray[np.float64]:
        """Accuracy under FGSM at each of `EPSILONS`."""
        accuracy: NDArray[np.float64] = self.fgsm_right.mean(0)
        return accuracy

    def under_attack(self, epsilon: float) -> float:
        """The share of images whose smallest ε that was found is larger than this one."""
        return float((self.found > np.float32(epsilon)).mean())

    def proven(self, epsilon: float) -> float:
        """The share of images that no perturbation of at most ε can fool."""
        return float((self.certified > np.float32(epsilon)).mean())

    @classmethod
    def empty(cls, total: int, epochs: int) -> Self:
        """Before the first image."""
        none = np.empty(0, np.float32)
        right = np.empty((0, len(EPSILONS)), np.bool_)
        return cls(total, epochs, none, none, none, right, np.empty(0, np.uint8), none)

    def extended(self, more: Robustness) -> Robustness:
        """With the images that come next."""
        return Robustness(
            self.total,
            self.epochs,
            *(np.concatenate([getattr(self, name), getattr(more, name)]) for name in _ARRAYS),
        )


_ARRAYS = tuple(field.name for field in fields(Robustness))[2:]


def robustness(run: Run, epochs: int | None = None, seconds: float = 0.4) -> Robustness:
    """Attacks some more validation images; ask again until the answer is complete.

    What is complete is kept in the run folder, where that can be written, and answered from there.

    Args:
        run: the run.
        epochs: with the weights after at most so many epochs, the nearest that are kept; None for
            the newest.
        seconds: how long to go on, about.

    Raises:
        MnistopError: no weights are saved yet, or no validation images.
    """
    model, trained = load_model(run, epochs)
    kept = _Store.of(run, model, trained)
    known = kept.read() or Robustness.empty(kept.total, trained)
    end = time.monotonic() + seconds
    while not known.is_complete:
        batch = Batch.with_(run, model, trained, known.done)
        known = known.extended(_measured(batch, known))
        if known.is_complete or time.monotonic() > end:
            kept.write(known)
            break
    return known


def bounds_of(batch: Batch) -> EpsilonBounds:
    """What is known of the smallest ε of a batch's images: stored, or else searched now."""
    import torch

    from mnistop.engine.attacks import EpsilonBounds

    if batch.target is None and batch.rows is not None:
        known = _Store.of(batch.run, batch.model, batch.epochs).read()
        if known and known.done >= min(batch.rows.stop, known.total):
            arrays = (known.certified, known.found, known.found_by, known.path, known.deepfool)
            return EpsilonBounds(*(torch.from_numpy(array[batch.rows]) for array in arrays))
    return search_bounds(batch)[0]


def _measured(batch: Batch, before: Robustness) -> Robustness:
    bounds, _ = search_bounds(batch)
    return Robustness(
        before.total,
        before.epochs,
        bounds.fgsm.numpy(),
        bounds.found.numpy(),
        bounds.certified.numpy(),
        _right_under_fgsm(batch, bounds),
        bounds.found_by.numpy(),
        bounds.deepfool.numpy(),
    )


def _right_under_fgsm(batch: Batch, bounds: EpsilonBounds) -> NDArray[np.bool_]:
    """Whether FGSM leaves each prediction right at each of `EPSILONS`, as `attack_batch` has it."""
    import torch

    from mnistop.engine.attacks import Goal
    from mnistop.engine.attacks.piecewise import fgsm_path

    images, labels, _ = batch.content
    goal = Goal(labels)
    path = fgsm_path(batch.model, images, goal)
    right = []
    with torch.no_grad():
        for epsilon in EPSILONS:
            logits = batch.model(path.at(images.new_full((len(images),), epsilon)))
            right.append(~goal.reached(logits) | (bounds.fgsm > epsilon))
    return torch.stack(right, 1).numpy()


def _fingerprint(model: MLP) -> str:
    """Tells weights apart."""
    digest = hashlib.sha256()
    for value in model.state_dict().values():
        digest.update(value.numpy().tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class _Store:
    """Where results are kept: unfinished ones by this process, finished ones in a file."""

    file: Path
    weights: str
    """The fingerprint of those that the results are about."""
    total: int

    @classmethod
    def of(cls, run: Run, model: MLP, epochs: int) -> Self:
        """Where those of a run's weights are kept.

        Raises:
            RunError: there are no validation images.
        """
        file = run.path / "robustness" / f"{epochs}.npz"
        return cls(file, _fingerprint(model), len(validation(run)[1]))

    def read(self) -> Robustness | None:
        return _unfinished.get(self.weights) or self._finished()

    def _finished(self) -> Robustness | None:
        try:
            with open_regular(self.file) as file, np.load(file, allow_pickle=False) as stored:
                if str(stored["weights"]) != self.weights:
                    return None
                arrays = [stored[name] for name in _ARRAYS]
                known = Robustness(self.total, int(stored["epochs"]), *arrays)
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
            return None
        return known if _is_whole(known) else None

    def write(self, known: Robustness) -> None:
        if not known.is_complete:
            _unfinished.clear()
            _unfinished[self.weights] = known
            return
        _unfinished.pop(self.weights, None)
        content = io.BytesIO()
        arrays = {name: getattr(known, name) for name in _ARRAYS}
        np.savez(content, weights=self.weights, epochs=known.epochs, **arrays)
        with contextlib.suppress(OSError):  # a folder of somebody else's, or a full disk
            make_folder(self.file.parent)
            write_atomically(self.file, content.getvalue())


def _is_whole(known: Robustness) -> bool:
    one = (known.total,)
    shapes = [one, one, one, (known.total, len(EPSILONS)), one, one]
    kinds = [np.float32] * 3 + [np.bool_, np.uint8, np.float32]
    arrays = [getattr(known, name) for name in _ARRAYS]
    return all(
        array.shape == shape and array.dtype == kind
        for array, shape, kind in zip(arrays, shapes, kinds, strict=True)
    )


_unfinished: dict[str, Robustness] = {}
"""The results that are still growing, by the fingerprint of the weights."""
