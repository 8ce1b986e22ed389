"""A model's outputs for the validation images of a loop, and what follows from them."""

from __future__ import annotations

import math
import sys
import weakref
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.errors import DataError
from mnistop.engine.recording.models import (
    check_all_whole,
    check_whole,
    evaluation_mode,
    logits_of,
    tensors_of,
    unwrapped,
)
from mnistop.engine.recording.untouched import random_states_kept
from mnistop.engine.recording.validation import Validation

if TYPE_CHECKING:
    from mnistop.engine.recording.mlp import FoundMLP

ROWS = 1000
"""Images that a model gets at a time."""
_FIRST_IMAGES = 128
"""Images with which a model is compared when it is kept."""
_SUMS_TO_ONE = 1e-3
"""How far the sum of rounded probabilities may be from 1."""
_LEAST_PROBABILITY = np.float32(1e-38)

Floats = NDArray[np.float32]


class Scores:
    """Scores of labelled images, as a model gives them, and what follows from them when asked.

    Args:
        scores: logits, log-probabilities or probabilities, float32 `(n, classes)`.
        labels: true classes, `(n,)`.
    """

    def __init__(self, scores: Floats, labels: NDArray[np.integer[Any]]) -> None:
        self.scores = scores
        self._labels = labels.astype(np.int64, copy=False)

    @cached_property
    def _tensors(self) -> tuple[Any, Any] | None:
        """Logits and labels for PyTorch, whose functions a loop has just used; None without it."""
        torch = sys.modules.get("torch")
        if torch is None or min(self.scores[0].tolist()) >= 0:  # perhaps probabilities
            return None
        return torch.from_numpy(self.scores), torch.from_numpy(self._labels)

    @cached_property
    def loss(self) -> float:
        """The cross-entropy, a mean over the images; not finite where the scores are not."""
        if self._tensors:
            return float(sys.modules["torch"].nn.functional.cross_entropy(*self._tensors))
        found = log_probabilities(self.scores)[np.arange(len(self._labels)), self._labels]
        return float(-found.mean(dtype=np.float64))

    @cached_property
    def accuracy(self) -> float:
        """The share of images that are classified correctly; NaN if the loss is not finite."""
        if not math.isfinite(self.loss):
            return math.nan
        scores, labels = self._tensors or (self.scores, self._labels)
        return int((scores.argmax(1) == labels).sum()) / len(self._labels)


def log_probabilities(scores: Floats) -> Floats:
    """Return the log-probabilities of logits, log-probabilities or probabilities.

    Computed with the classes along the first axis, where NumPy is an order of magnitude faster.

    Args:
        scores: `(n, classes)`, or of several evaluations, `(evaluations, n, classes)`; each of
            these is of one kind.
    """
    columns: Floats = np.ascontiguousarray(np.moveaxis(scores, -1, 0))
    with np.errstate(all="ignore"):  # a loop may have made these raise
        are_probabilities = _are_probabilities(columns)
        if are_probabilities.any():
            logarithms = np.log(np.maximum(columns, _LEAST_PROBABILITY))
            columns = np.where(are_probabilities[..., None], logarithms, columns)
        columns = columns - columns.max(0)
        columns -= np.log(np.exp(columns).sum(0))
    return np.moveaxis(columns, 0, -1)


def _are_probabilities(columns: Floats) -> NDArray[np.bool_]:
    """Return which evaluations gave probabilities: `()`, or `(evaluations,)`.

    Args:
        columns: `(classes, n)` or `(classes, evaluations, n)`.
    """
    possible = np.asarray(columns[..., :1].min((0, -1), initial=np.inf) >= 0)
    if not possible.any():  # as of nearly all logits
        return possible
    sums = columns.sum(0)
    near_one = np.abs(sums - 1).max(-1, initial=0) <= _SUMS_TO_ONE
    found: NDArray[np.bool_] = possible & near_one & (columns.min((0, -1), initial=np.inf) >= 0)
    return found


def checked_scores(given: Any, images: int, classes: int) -> Floats:
    """Return scores as an array of their own, float32 `(images, classes)`.

    Args:
        given: a tensor, an array or nested lists.
        images: how many images they are to be of.
        classes: how many columns there are to be at least.

    Raises:
        DataError: they have another shape, or are no numbers.
    """
    torch = sys.modules.get("torch")
    scores: Floats
    try:
        if torch and isinstance(given, torch.Tensor):
            scores = given.detach().to("cpu", torch.float32, copy=True).numpy()
        else:
            scores = np.array(given, np.float32)
    except (ValueError, TypeError, RuntimeError) as error:
        raise DataError(f"The scores are no array of numbers ({error}).") from None
    if scores.ndim != 2 or len(scores) != images or scores.shape[1] < max(2, classes):
        raise DataError(
            f"The scores are to have the shape ({images}, {classes}), a row for each validation "
            f"image and a column for each class, not {scores.shape}."
        )
    return scores


class Evaluator:
    """Runs models on images, in evaluation mode and without changing anything in them.

    Args:
        validation: the images; kept on the model's device while it is the same.
    """

    def __init__(self, validation: Validation) -> None:
        self._validation = validation
        self._shapes = validation.input_shapes()
        self._inputs: Any = None
        self._handed: tuple[Any, int, Any] | None = None
        """A copy of the images that models get, its version then, and some of its pixels."""
        self._unwrapped: tuple[Any, Any] | None = None
        """Weak references to the last model, and to what is in its wrappers."""

    def scores(self, model: Any, classes: int) -> Floats:
        """Return the logits of a model for all images, float32 `(n, classes)`.

        Args:
            model: a PyTorch module, wrapped or compiled or not, or a function of a tensor.
            classes: how many it is to tell apart, at least.

        Raises:
            DataError: it is no such model, is sharded, or fits the images in no shape.
        """
        torch = sys.modules.get("torch")
        if torch is None or not callable(model):
            raise DataError(
                "evaluate takes a PyTorch model: pass the outputs of any other one to "
                "log_predictions."
            )
        if not isinstance(model, torch.nn.Module):
            inputs = self._on_device(torch, None)
            with random_states_kept(), torch.no_grad():
                return self._scores(torch, model, inputs, classes)
        model = self._without_wrappers(model)
        inputs = self._on_device(torch, model)
        with random_states_kept(), torch.no_grad(), evaluation_mode(model):
            return self._scores(torch, model, inputs, classes)

    def inputs(self, most: int) -> Any:
        """Return some images as a model gets them, a float32 tensor on the processor."""
        import torch

        images = torch.tensor(self._validation.inputs[:most].astype(np.float32))
        return images.reshape(-1, *self._shapes[0])

    def find_mlp(self, model: Any, classes: int) -> FoundMLP | str:
        """Return the MLP that a model is, or a sentence that says why it is not kept.

        Args:
            model: anything that a loop gives.
            classes: how many there are.
        """
        torch = sys.modules.get("torch")
        if torch is None or not isinstance(model, torch.nn.Module):
            kind = type(model).__name__
            return f"finish keeps PyTorch models for questions, and a {kind} is none."
        normalize = self._validation.normalize_inputs
        if normalize is None:
            return "A model of images whose channels are not all shown is not kept for questions."
        from mnistop.engine.recording import mlp

        found = mlp.find(model, self.inputs(_FIRST_IMAGES), normalize, self._validation.order)
        if isinstance(found, str) or found.layers[-1] == classes:
            return found
        return (
            f"The model has {found.layers[-1]} outputs, but there are {classes} classes: it is not "
            "kept for questions."
        )

    def _on_device(self, torch: Any, model: Any) -> Any:
        """Return the images where a model is, and in its type of number."""
        device, dtype = torch.device("cpu"), torch.float32
        for tensor in tensors_of(model) if model is not None else ():
            if tensor.is_floating_point():
                check_whole(tensor)
                device, dtype = tensor.device, tensor.dtype
                break
        kept = self._inputs
        if kept is None or kept.device != device or kept.dtype != dtype:
            given = torch.from_numpy(self._validation.inputs)
            self._inputs = kept = given.to(device=device, dtype=dtype)
        return kept

    def _copy(self, torch: Any, inputs: Any) -> Any:
        """Return a copy of the images, the last one if no model has changed it in place."""
        if torch.is_inference_mode_enabled() or inputs.is_inference():
            return inputs.clone()  # whose changes torch does not count
        if self._handed is not None:
            copy, version, some = self._handed
            is_same = copy.device == inputs.device and copy.dtype == inputs.dtype
            if is_same and copy._version == version and torch.equal(_some_of(copy), some):
                return copy
        copy = inputs.clone()
        self._handed = copy, copy._version, _some_of(copy).clone()
        return copy

    def _without_wrappers(self, model: Any) -> Any:
        if self._unwrapped is None or self._unwrapped[0]() is not model:
            inner = unwrapped(model)
            check_all_whole(inner)
            self._unwrapped = weakref.ref(model), weakref.ref(inner)
        return self._unwrapped[1]()

    def _scores(self, torch: Any, model: Any, inputs: Any, classes: int) -> Floats:
        problem = ""
        for shape in self._shapes:
            try:
                if len(inputs) <= ROWS:
                    found = logits_of(model(self._copy(torch, inputs).view(-1, *shape)))
                else:
                    parts = inputs.view(-1, *shape).split(ROWS)
                    found = torch.cat([logits_of(model(part.clone())) for part in parts])
                scores = checked_scores(found, len(inputs), classes)
            except DataError as error:
                problem = str(error)
            except Exception as error:
                problem = problem or f"{type(error).__name__}: {error}"
            else:
                self._shapes = [shape]
                return scores
            finally:
                if torch.is_autocast_enabled() or torch.is_autocast_enabled("cpu"):
                    torch.clear_autocast_cache()  # the loop needs such weights with their graph
        shapes = " and ".join(f"(n, {', '.join(map(str, shape))})" for shape in self._shapes)
        raise DataError(f"The model does not take validation images as {shapes}. {problem}")


def _some_of(images: Any) -> Any:
    """Return some of the pixels, in which a change shows that torch has not counted."""
    return images.view(-1)[:: images.numel() // 61 + 1]
