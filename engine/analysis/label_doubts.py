"""Labels that models doubt which were trained without them: confident learning.

C. Northcutt, L. Jiang and I. Chuang, "Confident Learning: Estimating Uncertainty in Dataset
Labels", JAIR 70, 2021. With p(j; x) the probability of class j for an image x by a model that was
not trained on it, ỹ the given label and X_j the images labelled j:

- A class is believed with confidence where its probability reaches its threshold, the mean
  self-confidence of its own images (equation 2): t_j = 1/|X_j| · Σ_{x ∈ X_j} p(j; x).
- The confident joint counts the images labelled i that are believed to be j (equation 1):
  C_ij = |{x ∈ X_i : p(j; x) ≥ t_j, j = argmax_{l : p(l; x) ≥ t_l} p(l; x)}|.
- Its images off the diagonal are the doubted ones (section 3.2, method 2), the first of them that
  of the smallest normalised margin, p(ỹ; x) − max_{j ≠ ỹ} p(j; x) (method 4). As in cleanlab, the
  authors' program, an image whose most probable class is its label is not doubted: the threshold of
  a class that models hardly know is so low that they would believe it of many.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.data.dataset import Dataset
from mnistop.engine.data.doctor import Finding, first_alike, in_batches
from mnistop.engine.formatting import count, percent

Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]

FOLDS = 5
"""Parts of the images: each is classified by a model trained on the others."""


@dataclass(frozen=True, eq=False)
class Doubts:
    """Images whose label is doubted, the most doubtful first; `(m,)` each."""

    images: Numbers
    """Their numbers."""
    given: Numbers
    """Their labels."""
    believed: Numbers
    """The classes that are believed instead."""
    confidence: Floats
    """The probabilities of these."""
    self_confidence: Floats
    """The probabilities of the given labels."""
    joint: Numbers
    """The confident joint, `(classes, classes)`: rows given."""
    total: int
    """The number of images that were checked."""
    accuracy: float
    """The share of these whose most probable class is the label."""


def find_doubts(probabilities: Floats, labels: Numbers) -> Doubts:
    """Find the labels that are doubted.

    Args:
        probabilities: of each class, by a model that was not trained on the image,
            `(n, classes)`.
        labels: the given ones, `(n,)`.
    """
    number, classes = probabilities.shape
    images = np.arange(number)
    given = probabilities[images, labels]
    sizes = np.bincount(labels, minlength=classes)
    sums = np.bincount(labels, given, minlength=classes)
    thresholds = np.where(sizes > 0, sums / np.maximum(sizes, 1), np.inf)
    confident = np.where(probabilities >= thresholds, probabilities, -np.inf)
    believed, sure = confident.argmax(1), np.isfinite(confident.max(1))
    joint = np.bincount(labels[sure] * classes + believed[sure], minlength=classes * classes)
    others = probabilities.copy()
    others[images, labels] = -np.inf
    margin = given - others.max(1)
    likeliest = probabilities.argmax(1)
    doubted = np.flatnonzero(sure & (believed != labels) & (likeliest != labels))
    doubted = doubted[np.argsort(margin[doubted], kind="stable")]
    return Doubts(
        images=doubted,
        given=labels[doubted],
        believed=believed[doubted],
        confidence=probabilities[doubted, believed[doubted]],
        self_confidence=given[doubted],
        joint=joint.reshape(classes, classes),
        total=number,
        accuracy=float((likeliest == labels).mean()),
    )


def assign_folds(dataset: Dataset, folds: int, seed: int) -> Numbers:
    """Return the fold of each image, `(n,)`: of each class as many in each as can be.

    Images that are the same are in one fold, so that no model is tested on a copy of what it knows.

    Args:
        dataset: the images.
        folds: how many there are, 2 or more.
        seed: decides which image is in which.
    """
    shuffled = np.random.RandomState(seed).permutation(len(dataset))
    by_class = shuffled[np.argsort(dataset.labels[shuffled], kind="stable")]
    fold = np.empty(len(dataset), np.int64)
    fold[by_class] = np.arange(len(dataset)) % folds
    return fold[first_alike(in_batches(dataset, unseen=False))]


def as_finding(doubts: Doubts, folds: int, names: tuple[str, ...]) -> Finding:
    """Return doubted labels as a finding.

    Args:
        doubts: the labels.
        folds: the number of models.
        names: of the classes.
    """
    number = len(doubts.images)
    doubted = f"{number:,}" if number else "None"
    sentence = (
        f"{doubted} of {count(doubts.total, 'label')} {'are' if number > 1 else 'is'} doubted by "
        f"{folds} models, each trained without the images that it was asked about; they agree with "
        f"{percent(doubts.accuracy)} of all labels."
    )
    if number:
        sentence += " The most doubtful come first; images that are hard to read are among them."
    remarks = tuple(
        f"{names[believed]}? {percent(confidence, 0)}"
        for believed, confidence in zip(doubts.believed, doubts.confidence, strict=True)
    )
    return Finding("doubted labels", "warning", sentence, doubts.images, remarks)
