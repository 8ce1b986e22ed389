"""The model that a loop gives at its end, as far as it is one that can be kept."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from mnistop.engine.recording.evaluation import Evaluator

if TYPE_CHECKING:
    from mnistop.engine.recording.mlp import FoundMLP
    from mnistop.engine.recording.validation import Validation

_FIRST_IMAGES = 128
"""Images with which a model is compared when it is kept."""


def found_in(
    model: Any, evaluator: Evaluator, validation: Validation, classes: int
) -> FoundMLP | str:
    """Return the MLP that a model is, or a sentence that says why it is not kept.

    Args:
        model: anything that a loop gives.
        evaluator: evaluates the validation images.
        validation: the images.
        classes: how many there are.
    """
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(model, torch.nn.Module):
        kind = type(model).__name__
        return f"finish keeps PyTorch models for questions, and a {kind} is none."
    normalize = validation.normalize_inputs
    if normalize is None:
        return "A model of images whose channels are not all shown is not kept for questions."
    from mnistop.engine.recording import mlp

    found = mlp.find(
        model,
        evaluator.inputs(_FIRST_IMAGES),
        normalize,
        validation.order,
    )
    if isinstance(found, str) or found.layers[-1] == classes:
        return found
    return (
        f"The model has {found.layers[-1]} outputs, but there are {classes} classes: it is not "
        "kept for questions."
    )
