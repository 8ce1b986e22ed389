"""What a step learns from: the images of its batch, shifted or attacked if so configured."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from mnistop.engine.training.state import Labelled, Training


def shifted(images: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """Each image moved by its own random whole number of pixels, the gap filled with 0.

    Args:
        images: `(batch, height, width)`.
        most: the largest shift each way, in pixels.
        generator: source of the shifts, uniform in {-most … most}, on the images' device.

    Returns:
        `(batch, height, width)`.
    """
    batch, height, width = images.shape
    device = images.device
    down, right = torch.randint(0, 2 * most + 1, (2, batch), generator=generator, device=device)
    padded = functional.pad(images, (most, most, most, most))
    windows = padded.unfold(1, height, 1).unfold(2, width, 1)  # all shifts of all images, as views
    return windows[torch.arange(batch, device=device), down, right]


def varied(
    training: Training,
    images: Labelled,
    rows: Tensor,
    attacked: Callable[[Tensor, Tensor], Tensor],
) -> tuple[Tensor, Tensor]:
    """What a step learns from: images as they are, or shifted, and then their adversarial twins.

    Args:
        training: says which, and has the random numbers.
        images: the training images.
        rows: of those of the batch, `(batch,)`.
        attacked: makes the adversarial twins of flat images with some labels.

    Returns:
        Flat images and their labels; those of the batch come first.
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
