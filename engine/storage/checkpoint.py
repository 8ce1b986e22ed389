"""Weights and training states on disk."""

import io
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mnistop.engine.errors import RunError
from mnistop.engine.storage.files import open_regular, write_atomically


def save(path: Path, content: dict[str, Any]) -> None:
    """Writes a dictionary of tensors and plain values; a reader sees the old or the new file."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_atomically(path, buffer.getbuffer())


def load(path: Path) -> dict[str, Any]:
    """What `save` wrote, on the processor. Nothing in the file is executed.

    Raises:
        RunError: the file is missing or damaged.
    """
    try:
        with open_regular(path) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch says of foreign files, on stderr
            content = torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise RunError(f"Run {path.parent.name} has no {path.name} yet.") from None
    except OSError as error:
        if not error.strerror:  # torch's own, or no regular file
            raise RunError(f"{path} is damaged and cannot be loaded.") from None
        raise RunError(f"{path} cannot be read: {error.strerror.lower()}.") from None
    except Exception as error:
        raise RunError(
            f"{path} is damaged and cannot be loaded ({type(error).__name__})."
        ) from None
    if not isinstance(content, dict):
        raise RunError(f"{path} is damaged: it holds no checkpoint.")
    return content


def weights_of(content: dict[str, Any]) -> dict[str, Tensor]:
    """The model's weights in a checkpoint, after its last whole epoch, or in a file of weights."""
    weights: dict[str, Tensor] = content.get("epoch_model", content.get("model", content))
    return weights
