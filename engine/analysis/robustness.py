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
"""The ε at which FGSM's accuracy is measured: 0, 0.005, … 0.3."""
Floats = NDArray[np.float32]


def shortest_float32(epsilon: float | np.floating[Any]) -> float:
    """Return the shortest decimal of a float32 ε: 0.1, where float64 has 0.10000000149.

    Every ε is a float32 number in an attack, and compared as such.
    """
    return float(str(np.float32(epsilon)))


@dataclass(frozen=True, eq=False)
class Robustness:
    """The robustness of the first `done` validation images, in L∞ and without targets."""

    total: int
    """The number of validation images."""
    epochs: int
    """The number of epochs the weights were trained for."""
    path: Floats
    """The smallest ε at which FGSM fools the model, `(done,)`; infinite where none does, 0 where
    the image is misclassified as it is."""
    found: Floats
    """The smallest ε at which any attack fooled it, `(done,)`; infinite where none did."""
    certified: Floats
    """The ε below which nothing can fool it, `(done,)`; proven."""
    fgsm_right: NDArray[np.bool_]
    """True where FGSM with each of `EPSILONS` leaves the prediction correct,
    `(done, len(EPSILONS))`."""
    found_by: NDArray[np.uint8]
    """The place in `mnistop.engine.attacks.FINDERS` of the attack that found it, `(done,)`."""
    deepfool: Floats
    """The size of DeepFool's perturbation, `(done,)`; infinite where it found none."""

    @property
    def done(self) -> int:
        """The number of images done."""
        return len(self.path)

    @property
    def is_complete(self) -> bool:
        """True if all validation images are done."""
        return self.done == self.total

    @property
    def clean(self) -> float:
        """Accuracy without an attack."""
        return float((self.path > 0).mean())

    @property
    def medians(self) -> tuple[float, float]:
        """The median ε found and the median ε certified of the correctly classified images.

        NaN if there are none.
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
        """Return the share of images whose smallest ε found is larger than this one."""
        return float((self.found > np.float32(epsilon)).mean())

    def proven(self, epsilon: float) -> float:
        """Return the share of images that no perturbation of at most ε can fool."""
        return float((self.certified > np.float32(epsilon)).mean())

    @classmethod
    def empty(cls, total: int, epochs: int) -> Self:
        """Return the state before the first image."""
        none = np.empty(0, np.float32)
        right = np.empty((0, len(EPSILONS)), np.bool_)
        return cls(total, epochs, none, none, none, right, np.empty(0, np.uint8), none)

    def extended(self, more: Robustness) -> Robustness:
        """Return both together: `more` has the images that come next."""
        return Robustness(
            self.total,
            self.epochs,
            *(np.concatenate([getattr(self, name), getattr(more, name)]) for name in _ARRAYS),
        )


_ARRAYS = tuple(field.name for field in fields(Robustness))[2:]


def robustness(run: Run, epochs: int | None = None, seconds: float = 0.4) -> Robustness:
    """Attack some more validation images; call it again until the result is complete.

    A complete result is stored in the run folder, if that is writable, and read from there later.

    Args:
        run: the run.
        epochs: use the newest weights saved after at most this many epochs; None for the newest of
            all.
        seconds: the approximate time to take.

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
    """Return the bounds of the smallest ε of a batch's images: stored ones, else from a search."""
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
    """Return where FGSM leaves the prediction correct at `EPSILONS`, consistent with
    `attack_batch`."""
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
    """Return a digest that identifies weights."""
    digest = hashlib.sha256()
    for value in model.state_dict().values():
        digest.update(value.numpy().tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class _Store:
    """The store of results: unfinished ones in this process, finished ones in a file."""

    file: Path
    weights: str
    """The fingerprint of the weights that the results are for."""
    total: int

    @classmethod
    def of(cls, run: Run, model: MLP, epochs: int) -> Self:
        """Return the store for a run's weights.

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
        with contextlib.suppress(OSError):  # another user's folder, or a full disk
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
"""The unfinished results, by the fingerprint of the weights."""
