"""A small table of images with labels, for the tests of tables."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mnistop.engine.data.dataset import Dataset
from tests.helpers.data_files import some_images, some_labels

COUNT = 40
IMAGES, LABELS = some_images(COUNT), some_labels(COUNT)
IMAGES[:-3, 0, 0] = IMAGES[:-3, -1, -1] = 0
ROWS = IMAGES.reshape(COUNT, -1)
PIXELS = [f"pixel{index}" for index in range(16)]


def table(labels: Any = LABELS, rows: Any = ROWS) -> pd.DataFrame:
    """Return the images as Kaggle has them, label first."""
    return pd.DataFrame(rows, columns=PIXELS).assign(label=labels)[["label", *PIXELS]]


def check(dataset: Dataset, shape: tuple[int, int] = (4, 4)) -> None:
    """Assert that a data set has these images and labels, in order."""
    assert np.array_equal(dataset.images, IMAGES.reshape(-1, *shape) / np.float32(255))
    assert dataset.labels.tolist() == LABELS.tolist()


def zipped(path: Path, files: dict[str, str]) -> Path:
    """Write a zip archive of texts by their names; return its path."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def text(rows: slice, labelled: bool = True, header: bool = True) -> str:
    """Return some images as CSV."""
    part = table()[rows]
    return str((part if labelled else part[PIXELS]).to_csv(index=False, header=header))
