"""Images and labels out of what holds them: a pair, a Dataset or a DataLoader of any library."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.errors import DataError
from mnistop.engine.recording.untouched import random_states_kept

MOST_PIXELS = 1 << 30
_VOWELS = (*"aeiou", "nd")


def pair_of(given: Any) -> tuple[Any, Any]:
    """Return images and labels, in the forms in which they are held.

    Raises:
        DataError: there are none, or too many.
    """
    if isinstance(given, (tuple, list)) and len(given) == 2:
        return given[0], given[1]
    data = sys.modules.get("torch.utils.data")
    if data and isinstance(given, data.DataLoader):
        with random_states_kept(given):
            return _joined(_batches(given, data), "batches of the DataLoader")
    is_dataset = hasattr(given, "__getitem__") and hasattr(given, "__len__")
    if is_dataset and not (hasattr(given, "dtype") or isinstance(given, (str, bytes, Mapping))):
        with random_states_kept():
            return _joined(_items(given), "items of the Dataset")
    raise DataError(
        f"It must be a pair (images, labels), a Dataset or a DataLoader, not {_kind(given)}."
    )


def _batches(loader: Any, data: Any) -> Iterator[Any]:
    """Iterate over a loader in this process, without starting workers that it would keep."""
    if loader.batch_sampler is None:
        return iter(loader)
    return iter(
        data.DataLoader(
            loader.dataset, batch_sampler=loader.batch_sampler, collate_fn=loader.collate_fn
        )
    )


def _items(dataset: Any) -> Iterator[tuple[Any, Any]]:
    for index in range(len(dataset)):
        item = dataset[index]
        if not (isinstance(item, (tuple, list)) and len(item) >= 2):
            raise DataError(f"The items of the Dataset are {_kind(item)}, not (image, label).")
        yield array_of(item[0])[None], array_of(item[1]).reshape(1)


def _joined(parts: Iterator[Any], what: str) -> tuple[NDArray[Any], NDArray[Any]]:
    images, labels, pixels = [], [], 0
    for part in parts:
        if not (isinstance(part, (tuple, list)) and len(part) >= 2):
            raise DataError(f"The {what} are {_kind(part)}, not (images, labels).")
        images.append(array_of(part[0]))
        labels.append(array_of(part[1]))
        pixels += images[-1].size
        if pixels > MOST_PIXELS:
            raise DataError(f"The images have more than {MOST_PIXELS:,} pixels.")
    try:
        return np.concatenate(images), np.concatenate(labels)
    except ValueError:
        raise DataError(f"The {what} are empty, or of different shapes.") from None


def array_of(given: Any) -> NDArray[Any]:
    """Return a tensor, an array or lists as an array, which may share their memory.

    Raises:
        DataError: they are no numbers.
    """
    torch = sys.modules.get("torch")
    try:
        if torch and isinstance(given, torch.Tensor):
            given = given.detach().cpu()
            given = (given.float() if given.dtype is torch.bfloat16 else given).numpy()
        return np.asarray(given)
    except (ValueError, TypeError, RuntimeError) as error:
        raise DataError(f"{_kind(given)} is no array of numbers ({error}).") from None


def _kind(given: Any) -> str:
    name = type(given).__name__
    return f"{'an' if name.lower().startswith(_VOWELS) else 'a'} {name}"


def numbers_of(images: Any) -> NDArray[Any]:
    """Return images as an array of finite real numbers, a copy.

    Raises:
        DataError: they are something else.
    """
    array = array_of(images)
    if array.dtype == object:
        try:
            array = array.astype(np.float32)
        except (ValueError, TypeError):
            raise DataError("The images are no numbers, or differ in size.") from None
    if array.dtype.kind not in "fiub":
        raise DataError(f"The images are no real numbers, but {array.dtype}.")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise DataError("Some pixels are infinite or not a number.")
    return np.array(array, order="C")  # the loop may change its own


def labels_of(labels: Any) -> NDArray[np.int64]:
    """Return labels as whole numbers, `(n,)`; texts of digits too, as OpenML has them.

    Raises:
        DataError: they are something else.
    """
    array = array_of(labels)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(f"The labels are to have the shape (n,), not {array.shape}.")
    try:
        numbers = array.astype(np.int64)
        exact = array.dtype.kind in "OUS" or np.array_equal(numbers, array)
    except (ValueError, TypeError, OverflowError):
        exact = False
    if not exact:
        raise DataError("The labels must be whole numbers from 0 up.")
    return numbers
