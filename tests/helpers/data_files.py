"""Builders of small data files, as the tests of data sources need them."""

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.data.sources import Dataset

_IDX_TYPES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def some_images(count: int = 6, height: int = 4, width: int = 4) -> NDArray[np.uint8]:
    """Different images of 0 to 255, both values included."""
    values = np.random.default_rng(count).integers(0, 256, (count, height, width), np.uint8)
    values[0, 0, :2] = 0, 255
    return values


def some_labels(count: int = 6, classes: int = 3) -> NDArray[np.uint8]:
    """The labels 0, 1, 2, 0, 1, 2, …"""
    return (np.arange(count) % classes).astype(np.uint8)


def unseen_of(dataset: Dataset) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """All images of a data set that stay unseen, and their labels."""
    batches = list(dataset.unseen.batches(2))
    images, labels = zip(*batches, strict=True) if batches else ((dataset.images[:0],), ([],))
    return np.concatenate(images), np.concatenate(labels)


def idx_bytes(array: NDArray[Any]) -> bytes:
    """An array as the content of an IDX file."""
    kind = array.dtype.str[1:]
    header = bytes([0, 0, _IDX_TYPES[kind], array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return header + array.astype(f">{kind}").tobytes()


def write_idx(path: Path, array: NDArray[Any]) -> Path:
    """Write an IDX file, gzipped if its name ends so."""
    content = idx_bytes(array)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def write_idx_pair(folder: Path, name: str = "train", count: int = 6) -> Path:
    """Write `train-images-idx3-ubyte` and its labels; return the images file."""
    write_idx(folder / f"{name}-labels-idx1-ubyte", some_labels(count))
    return write_idx(folder / f"{name}-images-idx3-ubyte", some_images(count))


ARFF_PATH = "data/v1/download/52667/mnist_784.arff"


def openml_answers(
    images: NDArray[np.uint8], labels: NDArray[np.uint8], server: str = "https://api.openml.org"
) -> dict[str, bytes]:
    """OpenML's answers about `mnist_784`, by path, with small images in place of MNIST's."""
    rows = images.reshape(len(images), -1)
    pixels = [f"pixel{index + 1}" for index in range(rows.shape[1])]
    arff = "\n".join(
        [
            "@RELATION mnist_784",
            *(f"@ATTRIBUTE {name} INTEGER" for name in pixels),
            "@ATTRIBUTE class {0,1,2,3,4,5,6,7,8,9}",
            "@DATA",
            *(",".join(map(str, [*row, label])) for row, label in zip(rows, labels, strict=True)),
            "",
        ]
    ).encode()
    columns = [*((name, "numeric") for name in pixels), ("class", "nominal")]
    features = [
        {
            "index": str(index),
            "name": name,
            "data_type": kind,
            "is_target": "true" if name == "class" else "false",
            "is_ignore": "false",
            "is_row_identifier": "false",
            "number_of_missing_values": "0",
        }
        for index, (name, kind) in enumerate(columns)
    ]
    description = {
        "id": "554",
        "name": "mnist_784",
        "version": "1",
        "status": "active",
        "format": "ARFF",
        "description": "digits",
        "url": f"{server}/{ARFF_PATH}",
        "md5_checksum": hashlib.md5(arff).hexdigest(),
    }
    found = {"did": 554, "name": "mnist_784", "version": 1, "status": "active"}
    count = {"name": "NumberOfInstances", "value": f"{len(images)}.0"}
    api = "api/v1/json/data"
    answers: dict[str, Any] = {
        f"{api}/list/data_name/mnist_784/limit/2/data_version/1": {"data": {"dataset": [found]}},
        f"{api}/554": {"data_set_description": description},
        f"{api}/features/554": {"data_features": {"feature": features}},
        f"{api}/qualities/554": {"data_qualities": {"quality": [count]}},
    }
    return {path: json.dumps(answer).encode() for path, answer in answers.items()} | {
        ARFF_PATH: arff
    }


def write_openml_cache(folder: Path, answers: dict[str, bytes]) -> None:
    """Lays OpenML's answers out as scikit-learn keeps them."""
    for path, content in answers.items():
        file = folder / "openml" / "openml.org" / f"{path}.gz"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(gzip.compress(content))
