"""Arrays of images resized by Pillow, which is imported for that."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def resized(images: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Resize images `(n, height, width)` or `(n, height, width, channels)` to a height and width.

    Bytes remain bytes unless they are only 0 and 1; other numbers become float32.
    """
    from PIL.Image import Resampling, fromarray

    if images.shape[1:3] == size:
        return images
    height, width = size
    number = np.uint8 if images.dtype == np.uint8 and images.max() > 1 else np.float32
    made = np.empty((len(images), *size, *images.shape[3:]), number)
    by_channel = made.reshape(len(images), *size, -1)
    for image, new in zip(images.reshape(*images.shape[:3], -1), by_channel, strict=True):
        for channel in range(new.shape[2]):
            picture = fromarray(np.ascontiguousarray(image[:, :, channel], number))
            new[:, :, channel] = picture.resize((width, height), Resampling.BILINEAR)
    return made
