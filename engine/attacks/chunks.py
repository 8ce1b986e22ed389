"""Many images, some at a time, so that memory stays bounded."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

Progress = Callable[[int, int], object]
"""Told how many images are done, and of how many. What it raises ends the work."""


def chunks(images: Tensor, size: int, progress: Progress | None = None) -> Iterator[Tensor]:
    """The row numbers of images, at most `size` at a time.

    Args:
        images: `(batch, …)`.
        size: at least 1 is taken.
        progress: told after each chunk.
    """
    everything = torch.arange(len(images), device=images.device)
    for rows in torch.split(everything, max(1, size)) if len(images) else ():
        yield rows
        if progress:
            progress(int(rows[-1]) + 1, len(images))
