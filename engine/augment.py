"""Shifts of the training images."""

import torch
from torch import Tensor
from torch.nn import functional


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
    start = torch.randint(0, 2 * most + 1, (2, batch, 1), generator=generator, device=images.device)
    rows = start[0] + torch.arange(height, device=images.device)
    columns = start[1] + torch.arange(width, device=images.device)
    padded = functional.pad(images, (most, most, most, most))
    pick = torch.arange(batch, device=images.device)[:, None, None]
    return padded[pick, rows[:, :, None], columns[:, None, :]]
