"""How a model withstands attacks on its whole validation set: `worker.ask_at_leisure(robustness)`.

As in `engine.questions`, PyTorch is imported inside the question only.
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
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from engine.questions import load_model, validation
from engine.runs import Run
from engine.storage.files import make_folder, open_regular, write_atomically

if TYPE_CHECKING:
    from torch import Tensor

    from engine.model import MLP

EPSILONS = tuple(step / 80 for step in range(25))
"""Where FGSM's accuracy is measured: 0, 0.0125, … 0.3."""

_CHUNK = 50
"""Images that are attacked at once."""
Floats = NDArray[np.float32]


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
    """The smallest ε at which FGSM or FAB fooled it, `(done,)`; infinite where neither did."""
    certified: Floats
    """The ε below which nothing can fool it, `(done,)`; proven."""
    fgsm_right: NDArray[np.bool_]
    """Whether FGSM at each of `EPSILONS` leaves the prediction right, `(done, len(EPSILONS))`."""

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
        return float(np.median(self.found[right])), float(np.median(self.certified[right]))

    @property
    def fgsm(self) -> Floats:
        """Accuracy under FGSM at each of `EPSILONS`."""
        accuracy: Floats = self.fgsm_right.mean(0, dtype=np.float32)
        return accuracy

    def under_attack(self, epsilon: float) -> float:
        """Accuracy when the smallest perturbations that were found are used, up to size ε."""
        return float((self.found > epsilon).mean())

    def proven(self, epsilon: float) -> float:
        """The share of images that no perturbation of at most ε can fool."""
        return float((self.certified > epsilon).mean())

    @classmethod
    def nothing(cls, total: int, epochs: int) -> Self:
        """Before the first image."""
        none = np.empty(0, np.float32)
        return cls(total, epochs, none, none, none, np.empty((0, len(EPSILONS)), np.bool_))

    def and_then(self, more: Robustness) -> Robustness:
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
    images, labels, _ = validation(run)
    kept = _Kept(run.path / "robustness" / f"{trained}.npz", _fingerprint(model), len(labels))
    known = kept.read() or Robustness.nothing(len(labels), trained)
    end = time.monotonic() + seconds
    while not known.is_complete:
        rows = slice(known.done, known.done + _CHUNK)
        known = known.and_then(_measured(model, images[rows], labels[rows], known))
        if known.is_complete or time.monotonic() > end:
            kept.write(known)
            break
    return known


def accuracy_under_pgd(run: Run, known: Robustness, epsilon: float, epochs: int | None) -> float:
    """Accuracy under PGD, which is tried where neither fooling nor safety is known already.

    Args:
        run: the run.
        known: what is known of all its validation images.
        epsilon: the largest perturbation, in [0, 1].
        epochs: as `known` was measured.

    Raises:
        MnistopError: the weights or the images are gone.
    """
    import torch

    from engine.attacks import PGD

    model, _ = load_model(run, epochs)
    images, labels, _ = validation(run)
    open_ = torch.from_numpy((known.certified <= epsilon) & (epsilon < known.found))
    fooled = int((known.found <= epsilon).sum())
    if open_.any():
        fooled += int(PGD()(model, images[open_], labels[open_], epsilon).success.sum())
    return 1 - fooled / known.total


def _measured(model: MLP, images: Tensor, labels: Tensor, before: Robustness) -> Robustness:
    import torch

    from engine import attacks

    path = attacks.smallest_epsilon(model, images, labels).epsilon
    found = attacks.FAB("linf")(model, images, labels).smallest("linf")
    fgsm = [attacks.FGSM()(model, images, labels, epsilon).success for epsilon in EPSILONS]
    return Robustness(
        before.total,
        before.epochs,
        path.numpy(),
        torch.minimum(path, found).numpy(),
        attacks.certified_radius(model, images, labels).numpy(),
        ~torch.stack(fgsm, 1).numpy(),
    )


def _fingerprint(model: MLP) -> str:
    """Tells weights apart."""
    digest = hashlib.sha256()
    for value in model.state_dict().values():
        digest.update(value.numpy().tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class _Kept:
    """Where results are kept: unfinished ones by this process, finished ones in a file."""

    file: Path
    weights: str
    """The fingerprint of those that the results are about."""
    total: int

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
    shapes = [(known.total,)] * 3 + [(known.total, len(EPSILONS))]
    kinds = [np.float32] * 3 + [np.bool_]
    arrays = [getattr(known, name) for name in _ARRAYS]
    return all(
        array.shape == shape and array.dtype == kind
        for array, shape, kind in zip(arrays, shapes, kinds, strict=True)
    )


_unfinished: dict[str, Robustness] = {}
"""The results that are still growing, by the fingerprint of the weights."""
