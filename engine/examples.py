"""A data set as a run takes it: divided, and on a device."""

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from engine.config import RunConfig
from engine.data import Dataset, split
from engine.data.dataset import Unseen
from engine.training import Labelled


@dataclass(frozen=True)
class Examples:
    """What a run learns from, and what it is judged by.

    They are copies: of a data set that nobody else holds, the memory is then free again.
    """

    training: Labelled
    validation: Labelled
    image_shape: tuple[int, int]
    """Height and width, in pixels."""
    class_names: tuple[str, ...]
    unseen: Unseen = field(default_factory=Unseen)
    """What the trained model is tested on; it stays in memory as it is stored."""

    def to(self, device: torch.device) -> "Examples":
        """The same on a device."""
        training, validation = (
            Labelled(part.pixels.to(device), part.labels.to(device))
            for part in (self.training, self.validation)
        )
        return replace(self, training=training, validation=validation)


def examples_of(dataset: Dataset, config: RunConfig) -> Examples:
    """A data set divided as a configuration says, on the processor.

    Raises:
        DataError: there are too few images for this share.
    """

    def taken(rows: NDArray[np.int64]) -> Labelled:
        pixels = torch.from_numpy(dataset.images[rows]).flatten(1)
        return Labelled(pixels, torch.from_numpy(dataset.labels[rows]))

    train_rows, val_rows = split(dataset, config.val_fraction, config.split_seed)
    return Examples(
        taken(train_rows),
        taken(val_rows),
        dataset.image_shape,
        dataset.class_names,
        dataset.unseen,
    )
