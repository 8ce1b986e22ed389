"""Tensors that `torch.save` has written; nothing else in such a file is unpickled."""

import pickle
import re
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.config import Resize
from mnistop.engine.data.readers.named import listed, pairs_in, parts_of
from mnistop.engine.data.readers.opening import (
    check_memory,
    check_size,
    check_unpacked,
    damage_reported,
)
from mnistop.engine.data.stored import Progress, Stored, silent
from mnistop.engine.errors import DataError, SizesError

_REFUSED = re.compile(r"GLOBAL (\S+) was not an allowed global")
_ORDERS = {1: ("",), 2: ("train.", "test."), 3: ("train.", "validation.", "test.")}
"""What the tensors in a tuple are for, by the number of pairs."""
_PLAIN = int, float, str
"""Labels that are no tensors."""
_AS_TENSORS = "save the tensors themselves by torch.save((images, labels), FILE)"


def read_torch(path: Path, progress: Progress = silent, resize: Resize = "off") -> Stored | None:
    """Return images and labels in a `.pt`; None for a file with a single tensor.

    They are a tuple of tensors, as torchvision once kept MNIST (`processed/training.pt`), a list of
    images each with its label, or a dictionary of such or with usual names.

    Raises:
        DataError: the file is damaged, or has something other than images and labels.
        MemoryError: the machine does not have the memory for them.
        OSError: the file cannot be read.
    """
    content = _load(path)
    if _is_tensor(content):
        return None
    notes: list[str] = []
    with damage_reported(path):
        found = dict(_arrays(content, "", notes, path))
    if not pairs_in(found):
        if not any(map(_is_tensor, found.values())):
            what = "has no tensors of images and labels"
        elif any(name.endswith(("weight", "bias")) for name in found):
            what = f"has the weights of a model ({listed(list(found))}), not images and labels"
        else:
            what = f"has only tensors of unknown names, {listed(list(found))}"
        raise DataError(f"{path} {what}: {_AS_TENSORS}.")
    readers = {
        name: partial(_array, each, f"{name} in {path}", path) for name, each in found.items()
    }
    parts, more = parts_of(readers, str(path), progress)
    return Stored(parts, str(path), notes=(*notes, *more))


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
    return _array(content, str(path), path)


def _is_tensor(content: Any) -> bool:
    import torch

    return isinstance(content, torch.Tensor) and not content.is_nested


def _load(path: Path) -> Any:
    import torch

    with damage_reported(path):
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for entry in archive.infolist():
                    check_size(str(path), entry.file_size, entry.compress_size, compressed=True)
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


def _arrays(content: Any, place: str, notes: list[str], path: Path) -> Iterator[tuple[str, Any]]:
    """Yield names and tensors, or lists of labels, in dictionaries, tuples and lists.

    Args:
        content: what to look in.
        place: what its names begin with.
        notes: sentences on what was taken for what; new ones are added.
        path: the file.
    """
    if _is_tensor(content) or _are_plain(content):
        yield place.rstrip("."), content
    elif isinstance(content, dict):
        for key, value in content.items():
            yield from _arrays(value, f"{place}{key}.", notes, path)
    elif not isinstance(content, tuple | list) or not content:
        return
    elif all(map(_is_sample, content)):
        yield f"{place}images", [image for image, _ in content]
        yield f"{place}labels", [_plain(label) for _, label in content]
    else:
        nested = all(isinstance(each, tuple | list) for each in content)
        if not nested and len(content) == 4 and _are_images_of_two(*content[:2]):
            content = [content[at] for at in (0, 2, 1, 3)]  # as of scikit-learn's train_test_split
        pairs = content if nested else list(zip(content[::2], content[1::2], strict=False))
        roles = _ORDERS.get(len(pairs), ())
        if not all(len(pair) >= 2 and _are_images_and_labels(*pair[:2]) for pair in pairs):
            return
        for role, (images, labels, *_) in zip(roles, pairs, strict=False):
            yield f"{place}{role}images", images
            yield f"{place}{role}labels", labels
        if len(roles) > 1:
            uses = ", then ".join(role.rstrip(".") for role in roles)
            notes.append(f"The tensors in {path} have no names, and are taken in order: {uses}.")
        rest = content[0][2:] if nested else content[2 * len(pairs) :]
        if any(map(_is_tensor, rest)):
            notes.append(f"Not used in {path}: tensors after those of images and labels.")


def _is_sample(value: Any) -> bool:
    """Return whether something is an image with its label."""
    return (
        isinstance(value, tuple | list)
        and len(value) == 2
        and _is_tensor(value[0])
        and value[0].ndim > 1
        and isinstance(_plain(value[1]), _PLAIN)
    )


def _are_images_and_labels(images: Any, labels: Any) -> bool:
    if not _is_tensor(images):
        return False
    return _are_plain(labels) or (_is_tensor(labels) and images.shape != labels.shape)


def _are_images_of_two(one: Any, other: Any) -> bool:
    return (
        _is_tensor(one) and _is_tensor(other) and one.ndim > 1 and one.shape[1:] == other.shape[1:]
    )


def _are_plain(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, _PLAIN) for v in value)


def _plain(value: Any) -> Any:
    return value.item() if _is_tensor(value) and value.numel() == 1 else value


def _array(content: Any, place: str, path: Path) -> NDArray[Any]:
    """Return a tensor, a list of tensors of the same shape, or a list of labels as an array."""
    if not _is_tensor(content):
        if _are_plain(content):
            return np.asarray(content)
        shapes = {tuple(image.shape) for image in content}
        if len(shapes) > 1:
            raise SizesError(
                f"The images in {path} have {len(shapes)} sizes: save them in one size."
            )
        return np.stack([_array(image, place, path) for image in content])
    import torch

    try:
        size = content.numel() * content.element_size()
        check_unpacked(place, size, path.stat().st_size)
        check_memory(size)
        dense = content.detach().to_dense()
        if dense.is_quantized:
            dense = dense.dequantize()
        if dense.is_floating_point() and dense.dtype not in (torch.float16, torch.float64):
            dense = dense.float()  # NumPy has no bfloat16, and no eight bits
        return np.asarray(dense.resolve_conj().resolve_neg().numpy())
    except (TypeError, RuntimeError) as error:
        kind = f"{content.dtype}, {content.layout}, {content.device}"
        raise DataError(
            f"{place} is a tensor of a kind that is not read ({kind}): save it as a dense one of "
            "bytes or float32."
        ) from error
