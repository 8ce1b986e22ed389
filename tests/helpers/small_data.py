"""A file of digits that is changed while a run needs it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import ClassVar

import numpy as np

from mnistop.engine.config import RunConfig
from mnistop.engine.data.sources import load


class DataFile:
    """An `.npz` of 400 digits of 8 × 8 pixels, stored as 0 to 255.

    Args:
        path: where; it is written at once.
    """

    USED = 400

    REFUSED: ClassVar[dict[str, str]] = {
        "permuted": "other images and labels, or another order",
        "inverted": "other pixels",
        "a pixel of a training image": "other pixels",
        "a pixel of a validation image": "other pixels",
        "a label of a training image": "other labels",
        "a label of a validation image": "other labels",
        "fewer": "400 images used then, 390 there now",
        "smaller": "8×8 pixels then, 7×7 now",
        "fewer classes": "10 classes then, 9 now",
        "a new class beyond": "10 classes then, 11 now",
    }
    """Changes of what a run needs, and how they are described."""

    ACCEPTED = ("touched", "compressed", "float64", "more")
    """Changes of the file that leave it as it was to a run of so many images."""

    def __init__(self, path: Path) -> None:
        self.path = path
        dataset = load("digits", self.USED + 20)
        self._images = (dataset.images * 255).round().astype(np.uint8)
        self._labels = dataset.labels.astype(np.uint8)
        self.write()

    @property
    def source(self) -> str:
        return str(self.path)

    def write(self, change: str = "") -> None:
        """Write the file anew, with a change."""
        used = self.USED - 10 if change == "fewer" else self.USED
        if change in ("more", "a new class beyond"):
            used += 20
        images, labels = self._images[:used].copy(), self._labels[:used].copy()
        order = np.random.RandomState(RunConfig().split_seed).permutation(self.USED)
        validation, training = order[0], order[math.ceil(RunConfig().val_fraction * self.USED)]
        match change:
            case "permuted":
                images, labels = images[order], labels[order]
            case "inverted":
                images = 255 - images
            case "a pixel of a training image":
                images[training, 3, 3] ^= 1
            case "a pixel of a validation image":
                images[validation, 3, 3] ^= 1
            case "a label of a training image":
                labels[training] = (labels[training] + 1) % 10
            case "a label of a validation image":
                labels[validation] = (labels[validation] + 1) % 10
            case "smaller":
                images = images[:, 1:, 1:]
            case "fewer classes":
                labels %= 9
            case "a new class beyond":
                labels[-1] = 10
            case "float64":
                images = images.astype(np.float64)
        save = np.savez_compressed if change == "compressed" else np.savez
        save(self.path, images=images, labels=labels)
