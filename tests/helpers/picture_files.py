"""Folders of pictures by class, as the tests of their readers need them."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mnistop.engine.data.sources import Dataset
from tests.helpers.data_files import some_images

COUNT = 12
IMAGES = some_images(COUNT)


def save_picture(path: Path, pixels: NDArray[Any], mode: str | None = None, **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(pixels)
    (picture.convert(mode) if mode else picture).save(path, **options)


def write_pictures(folder: Path, ending: str = "png", classes: str = "ab", **options: Any) -> Path:
    """Write the images into the folders of classes in turn."""
    for index, image in enumerate(IMAGES):
        save_picture(folder / classes[index % len(classes)] / f"{index}.{ending}", image, **options)
    return folder


def pictures_as_bytes(dataset: Dataset) -> list[bytes]:
    pixels = (dataset.images * 255).round().astype(np.uint8)
    return sorted(image.tobytes() for image in pixels)


ALL = sorted(image.tobytes() for image in IMAGES)
