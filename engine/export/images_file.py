"""The file with a run's images and labels, and the code that loads them."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from mnistop.engine.config import RunConfig
from mnistop.engine.training.examples import Examples


@dataclass(frozen=True, eq=False)
class ImagesFile:
    """An `.npz` file beside the code of a run.

    It holds `train_images` and `val_images`, `(n, pixels)`, as uint8 if that is lossless and
    otherwise as float32 in [0, 1]; `train_labels` and `val_labels` are int64, `(n,)`. If the names
    of classes are not their numbers, `class_names` has them, `(k,)`.
    """

    name: str
    arrays: dict[str, Any]
    has_levels: bool
    """True if pixels are levels from 0 to 255."""

    @classmethod
    def of(cls, examples: Examples, name: str) -> Self:
        """Create the file of a run's training and validation images."""
        images = {
            "train_images": examples.training.pixels.numpy(),
            "val_images": examples.validation.pixels.numpy(),
        }
        levels = {name: (values * 255).round().astype(np.uint8) for name, values in images.items()}
        has_levels = all(
            np.array_equal(np.divide(levels[name], 255, dtype=np.float32), values)
            for name, values in images.items()
        )
        labels = {
            "train_labels": examples.training.labels.numpy(),
            "val_labels": examples.validation.labels.numpy(),
        }
        names = examples.class_names
        if names != tuple(map(str, range(len(names)))):
            labels["class_names"] = np.array(names)
        return cls(name, labels | (levels if has_levels else images), has_levels)

    def content(self) -> bytes:
        """Return the file."""
        file = io.BytesIO()
        np.savez_compressed(file, **self.arrays)
        return file.getvalue()

    def origin(self, config: RunConfig) -> str:
        """Return a sentence on what is in the file."""
        images = sum(len(self.arrays[f"{part}_labels"]) for part in ("train", "val"))
        return (
            f"The file {self.name} has {images} images of {config.source} and their labels, split "
            "into training and validation images."
        )

    def loading(self, config: RunConfig, device: str, in_notebook: bool) -> list[str]:
        """Return the lines that load images and labels.

        Args:
            config: it has made them.
            device: where the images are needed.
            in_notebook: whether to look in the current folder, not beside the script.
        """
        name = json.dumps(self.name, ensure_ascii=False)
        place = name if in_notebook else f"Path(__file__).with_name({name})"
        scaled = " / 255" if self.has_levels else ""
        moved = "" if device == "cpu" else ", device=device"
        lines = [
            f"data = np.load({place})",
            *(f"# {line}" for line in self._fetching(config)),
            "",
            f"# (images, {self.arrays['train_images'].shape[1]}), from 0 for black to 1 for white",
        ]
        for part in ("train", "val"):
            arguments = f'data["{part}_images"], dtype=torch.float32{moved}'
            lines.append(f"{part}_images = torch.tensor({arguments}){scaled}")
        named = ', indices of data["class_names"]' if "class_names" in self.arrays else ""
        lines.append(f"# (images,), from 0{named}")
        for part in ("train", "val"):
            lines.append(f'{part}_labels = torch.tensor(data["{part}_labels"]{moved})')
        return lines

    def _fetching(self, config: RunConfig) -> list[str]:
        """Return the code that gets the same images from their origin.

        There is none for a path, and none where images were resized: other libraries' filters are
        not the same.
        """
        if config.resize != "off":
            return []
        if config.source == "digits":
            where, name, call = "scikit-learn", "load_digits", "load_digits(return_X_y=True)"
        elif config.source in ("bundled", "openml"):
            where, name = "OpenML", "fetch_openml"
            call = 'fetch_openml("mnist_784", version=1, return_X_y=True, as_frame=False)'
        else:
            return []
        count = config.samples
        if config.source == "openml" and config.split == "given":
            count = count or 60_000  # its other 10,000 are MNIST's test images
        some = f"[:{count}]" if count else ""
        split = f"test_size={config.val_fraction!r}, random_state={config.split_seed}"
        if config.stratify == "on":
            split += ", stratify=labels"
        return [
            f"Or fetch the same images from {where}:",
            f"from sklearn.datasets import {name}",
            "from sklearn.model_selection import train_test_split",
            f"images, labels = {call}",
            f"images, labels = images{some}{self._scale(config)}, labels{some}.astype(int)",
            f"split = dict({split})",
            "parts = train_test_split(images, labels, **split)",
            'names = ["train_images", "val_images", "train_labels", "val_labels"]',
            "data = dict(zip(names, parts))",
        ]

    def _scale(self, config: RunConfig) -> str:
        """Return the operation from the pixels of a named source to those of the file.

        Those sources refuse another pixel range than their own.
        """
        if self.has_levels:
            return ""
        return " / 16" if config.source == "digits" else " / 255"
