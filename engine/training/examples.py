"""A run's images: split, moved to a device, and shifted or attacked in batches."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mnistop.engine.config import RunConfig
from mnistop.engine.data.dataset import Unseen
from mnistop.engine.data.notes import ClassCounts, data_notes
from mnistop.engine.data.pixels import contrast
from mnistop.engine.data.sources import Dataset, class_counts, split_by
from mnistop.engine.errors import ConfigError
from mnistop.engine.fingerprint import Fingerprint
from mnistop.engine.training.state import Labelled, TrainState


def find_device(name: str) -> torch.device:
    """Return the device of a configuration: `auto` is the best that this machine has.

    Raises:
        ConfigError: this machine has no such device.
    """
    has = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(device for device in has if has[device])
    if not has[name]:
        raise ConfigError(
            {"device": f"PyTorch finds no {name} device here: choose auto or cpu instead."}
        )
    return torch.device(name)


@dataclass(frozen=True)
class Examples:
    """The training and validation images of a run.

    They are copies, so that the memory of the data set can be freed.
    """

    training: Labelled
    validation: Labelled
    image_shape: tuple[int, ...]
    """Height and width in pixels, and 3 if the images are in colour."""
    class_names: tuple[str, ...]
    fingerprint: Fingerprint
    """Of the data before the split."""
    counts: ClassCounts
    """The images of each class."""
    contrast: float
    """The share of black to white that a typical image spans, in [0, 1]."""
    notes: tuple[str, ...] = ()
    """Warnings about the data, in sentences."""
    samples: int | None = None
    """The number of images asked of the source."""
    unseen: Unseen = field(default_factory=Unseen)
    """Test images for the trained model, kept in memory as they are stored."""

    def sizes(self, config: RunConfig) -> tuple[int, ...]:
        """Return the numbers of inputs, hidden neurons and classes of a configuration's model."""
        return (self.training.pixels.shape[1], *config.hidden, len(self.class_names))

    def to(self, device: torch.device) -> "Examples":
        """Return a copy on a device."""
        training, validation = (
            Labelled(part.pixels.to(device), part.labels.to(device))
            for part in (self.training, self.validation)
        )
        return replace(self, training=training, validation=validation)


def make_examples(dataset: Dataset, config: RunConfig) -> Examples:
    """Split a data set by a configuration, in memory of the processor.

    Raises:
        DataError: there are too few images for this share.
    """

    def taken(rows: NDArray[np.int64]) -> Labelled:
        pixels = torch.from_numpy(dataset.images[rows]).flatten(1)
        return Labelled(pixels, torch.from_numpy(dataset.labels[rows]))

    train_rows, val_rows = split_by(dataset, config)
    counts, seen = class_counts(dataset, train_rows, val_rows), contrast(dataset.images)
    return Examples(
        training=taken(train_rows),
        validation=taken(val_rows),
        image_shape=dataset.image_shape,
        class_names=dataset.class_names,
        fingerprint=dataset.fingerprint,
        counts=counts,
        contrast=seen,
        notes=(*dataset.notes, *data_notes(counts, dataset.pixels.clipping, seen)),
        samples=dataset.samples,
        unseen=dataset.unseen,
    )


def shifted(images: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """Move each image by its own random whole number of pixels, and fill the gap with 0.

    Args:
        images: `(batch, height, width)` or `(batch, height, width, 3)`.
        most: the largest shift each way, in pixels.
        generator: source of the shifts, uniform in {-most … most}, on the images' device.

    Returns:
        Images of the same shape.
    """
    batch, height, width, *channels = images.shape
    device = images.device
    down, right = torch.randint(0, 2 * most + 1, (2, batch), generator=generator, device=device)
    padded = functional.pad(images, (0, 0) * len(channels) + (most, most, most, most))
    windows = padded.unfold(1, height, 1).unfold(2, width, 1)  # all shifts of all images, as views
    moved = windows[torch.arange(batch, device=device), down, right]
    return moved.movedim((-2, -1), (1, 2))  # channels come last again


def augment_batch(
    training: TrainState,
    images: Labelled,
    rows: Tensor,
    attacked: Callable[[Tensor, Tensor], Tensor],
) -> tuple[Tensor, Tensor]:
    """Return a batch, shifted if so configured, and its adversarial images if they are trained on.

    Args:
        training: its configuration, and the source of random numbers.
        images: the training images.
        rows: indices of the batch, `(batch,)`.
        attacked: returns adversarial images for flat images and their labels.

    Returns:
        Flat images and their labels, clean images first.
    """
    config = training.config
    pixels, labels = images.pixels.index_select(0, rows), images.labels.index_select(0, rows)
    if config.shift:
        pictures = pixels.view(-1, *training.image_shape)
        pixels = shifted(pictures, config.shift, training.noise).flatten(1)
    if config.adversarial_epsilon:
        pixels = torch.cat([pixels, attacked(pixels, labels)])
        labels = torch.cat([labels, labels])
    return pixels, labels
