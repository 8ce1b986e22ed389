"""Tensors that `torch.save` has written; nothing else in such a file is unpickled."""

import pickle
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.config import Resize
from mnistop.engine.data.readers.named import listed, pairs_in, parts_of
from mnistop.engine.data.readers.opening import damage_reported
from mnistop.engine.data.stored import Progress, Stored, silent
from mnistop.engine.errors import DataError

_REFUSED = re.compile(r"GLOBAL (\S+) was not an allowed global")
_ORDERS = {1: ("",), 2: ("train.", "test."), 3: ("train.", "validation.", "test.")}
"""What the tensors in a tuple are for, by the number of pairs."""
_AS_TENSORS = "save the tensors themselves by torch.save((images, labels), FILE)"


def read_torch(path: Path, progress: Progress = silent, resize: Resize = "off") -> Stored | None:
    """Return images and labels in a `.pt`: a tuple of tensors, or a dictionary with usual names.

    None for a file with a single tensor.

    torchvision once kept MNIST as such a tuple, `processed/training.pt`.

    Raises:
        DataError: the file is damaged, or has something other than images and labels.
        OSError: the file cannot be read.
    """
    content = _load(path)
    if _is_tensor(content):
        return None
    tensors = dict(_tensors(content, ""))
    if not pairs_in(tensors):
        if not tensors:
            found = "has no tensors of images and labels"
        elif any(name.endswith(("weight", "bias")) for name in tensors):
            found = f"has the weights of a model ({listed(list(tensors))}), not images and labels"
        else:
            found = f"has only tensors of unknown names, {listed(list(tensors))}"
        raise DataError(f"{path} {found}: {_AS_TENSORS}.")
    arrays = {name: partial(_array, tensor) for name, tensor in tensors.items()}
    parts, notes = parts_of(arrays, str(path), progress)
    return Stored(parts, str(path), notes=tuple(notes))


def read_lone_tensor(path: Path) -> NDArray[Any]:
    """Return the only tensor in a `.pt`.

    Raises:
        DataError: the file is damaged, or has something other than a tensor.
        OSError: the file cannot be read.
    """
    content = _load(path)
    if not _is_tensor(content):
        raise DataError(
            f"{path} is not a single tensor: name this file alone if it has both images and labels."
        )
    return _array(content)


def _is_tensor(content: Any) -> bool:
    import torch

    return isinstance(content, torch.Tensor)


def _load(path: Path) -> Any:
    import torch

    with damage_reported(path):
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            refused = _REFUSED.search(str(error))
            if not refused:
                raise
            name = refused[1]
            if name.startswith("numpy."):
                what, remedy = "NumPy arrays", "numpy.savez(FILE, images=…, labels=…)"
            else:
                what, remedy = f"a Python object, {name}", "torch.save((images, labels), FILE)"
            raise DataError(
                f"{path} has {what}, for which any code in it would run, and is not opened: if you "
                f"trust it, load it in Python and save its images and labels by {remedy}."
            ) from error


def _tensors(content: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Yield names and tensors in dictionaries, and in tuples of images and labels in turn."""
    if _is_tensor(content):
        yield place.rstrip("."), content
    elif isinstance(content, dict):
        for key, value in content.items():
            yield from _tensors(value, f"{place}{key}.")
    elif isinstance(content, tuple | list) and content:
        nested = isinstance(content[0], tuple | list)
        pairs = content if nested else list(zip(content[::2], content[1::2], strict=False))
        for role, pair in zip(_ORDERS.get(len(pairs), ()), pairs, strict=False):
            if len(pair) >= 2 and all(map(_is_tensor, pair[:2])):
                yield f"{place}{role}images", pair[0]
                yield f"{place}{role}labels", pair[1]


def _array(tensor: Any) -> NDArray[Any]:
    import torch

    if tensor.dtype == torch.bfloat16:
        tensor = tensor.float()
    return np.asarray(tensor.detach().numpy())
