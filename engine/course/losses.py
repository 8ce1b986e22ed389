"""Finding what is wrong with a loss, from its gradient and from what it was computed of.

The gradient that the student's `backward()` has found is compared with that of the mean
cross-entropy, and if it is another one, with those of the losses that students mistake for it.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from mnistop.engine.course.findings import Problem, cause_of, is_close
from mnistop.engine.course.lines import LOSSES, OTHER_KINDS, call_line, near_line
from mnistop.engine.course.loss_calls import OWN_PREDICTIONS, SOFTMAX_OVER_BATCH, SOFTMAX_TWICE
from mnistop.engine.course.steps import Step, fit
from mnistop.engine.course.truth import Loss, gradient_of, true_loss

_PARALLEL = 0.1
"""Two gradients whose difference is relatively smaller come from the same loss."""
_RELATED = 0.45
"""A gradient that differs less, a cosine above 0.9, is that of the loss with an extra term."""

_OTHER = "this is not the loss of the exercise: it is the cross-entropy of logits and labels"
_CUT = "the loss falls slowly or not at all: {} Cross-entropy takes the logits as they are."


def _squared(scores: Callable[[Tensor], Tensor]) -> Loss:
    return lambda out, y: functional.mse_loss(scores(out), functional.one_hot(y, 10).float())


_MISTAKES: tuple[tuple[str, tuple[str, ...], Loss], ...] = (
    (
        SOFTMAX_TWICE,
        ("softmax", "Softmax"),
        lambda out, y: functional.cross_entropy(out.softmax(1), y),
    ),
    (
        SOFTMAX_OVER_BATCH,
        ("softmax", "Softmax", "log_softmax", "LogSoftmax"),
        lambda out, y: functional.nll_loss(out.log_softmax(0), y),
    ),
    (
        SOFTMAX_OVER_BATCH,
        ("softmax", "Softmax"),
        lambda out, y: functional.cross_entropy(out.softmax(0), y),
    ),
    (
        _CUT.format("a ReLU cuts off the negative logits."),
        ("relu", "ReLU", "relu_", "clamp"),
        lambda out, y: functional.cross_entropy(out.relu(), y),
    ),
    (
        _CUT.format("a sigmoid squeezes the logits between 0 and 1."),
        ("sigmoid", "Sigmoid"),
        lambda out, y: functional.cross_entropy(out.sigmoid(), y),
    ),
    (
        _CUT.format("a tanh squeezes the logits between -1 and 1."),
        ("tanh", "Tanh"),
        lambda out, y: functional.cross_entropy(out.tanh(), y),
    ),
    (
        OWN_PREDICTIONS,
        ("argmax", "max", *LOSSES),
        lambda out, y: functional.cross_entropy(out, out.argmax(1)),
    ),
    (f"{_OTHER}, not a squared error.", ("mse_loss", "MSELoss", "mean"), _squared(lambda out: out)),
    (
        f"{_OTHER}, not a squared error of probabilities.",
        ("mse_loss", "MSELoss", "mean"),
        _squared(lambda out: out.softmax(1)),
    ),
    (
        f"{_OTHER}, not a squared error of sigmoids.",
        ("mse_loss", "MSELoss", "mean"),
        _squared(torch.sigmoid),
    ),
    (
        "the loss is negative, or falls without end: `nll_loss` needs log-probabilities, and gets "
        "logits. Use `cross_entropy`, or `log_softmax` first.",
        ("nll_loss", "NLLLoss", *LOSSES),
        functional.nll_loss,
    ),
    (
        "the loss is computed from the first image of each batch only.",
        LOSSES,
        lambda out, y: true_loss(out[:1], y[:1]),
    ),
    (
        "the labels are in another order than the images, so the model cannot learn them.",
        ("flip", "randperm", "sort", *LOSSES),
        lambda out, y: true_loss(out, y.flip(0)),
    ),
)
"""Losses that students mistake for cross-entropy: message, names of calls in its line, the loss."""
_SCALES: tuple[tuple[Callable[[int], float], str], ...] = (
    (
        lambda images: images,
        "the loss is summed over the images instead of averaged: the gradient, and with it each "
        "step, is as many times too long as the batch has images.",
    ),
    (
        lambda images: 1 / images,
        "the loss is divided by the number of images, but cross-entropy is a mean already: the "
        "gradients are far too small, and learning is slow.",
    ),
    (
        lambda images: 0.1,
        "the loss is divided by the number of classes, but cross-entropy is a mean over the images "
        "already: the gradients are too small, and learning is slow.",
    ),
)
"""The length of the gradient under each mistake, in gradients of the mean, by the images."""
_RISES = (
    "the loss rises: `backward()` runs on the negative loss, so every step climbs. Cross-entropy "
    "has its minus sign already."
)


def check_gradients(
    steps: list[Step],
    model: nn.Module,
    part: ast.AST,
    at: int | None,
    *,
    is_known: bool,
    is_stuck: bool = True,
) -> Problem | None:
    """Compare the gradients that `backward()` has found with those of the mean cross-entropy.

    Args:
        steps: each with its batch.
        model: what was trained; its weights are not changed.
        part: the function, or the whole file.
        at: the line of the loss.
        is_known: True if the loss must be the mean cross-entropy of these batches: then any other
            loss is a mistake.
        is_stuck: True if the loss does not fall, so that its scale may be the cause.
    """
    backward = [event for step in steps for event in step.of("backward", "gradient")]
    at = at or next((event.line for event in backward), None)
    if not any(step.gradient.any() for step in steps):
        return None  # the weights stay the same, or move without a gradient
    ratios, rests = [], []
    for step in steps:
        (ratio,), rest = fit(step.gradient, gradient_at(model, step, true_loss))
        ratios.append(ratio)
        rests.append(rest)
    if all(ratio < 0 and rest < _RELATED for ratio, rest in zip(ratios, rests, strict=True)):
        return Problem(at, _RISES)
    if max(rests) > _PARALLEL and (found := _known_mistake(steps, model, part, at, max(rests))):
        return found
    if max(rests) > _RELATED and is_known:
        return _other_gradient(part, at)
    if max(rests) > _RELATED or not is_stuck:
        return None
    if any(step.of("step") and not step.of("step")[0].is_plain for step in steps):
        return None  # the length of a gradient is nothing to Adam
    cases = [([of(step.images) for step in steps], message) for of, message in _SCALES]
    message = cause_of(ratios, cases, is_close)
    is_constant = all(is_close(ratio, ratios[0]) for ratio in ratios) and max(rests) < _PARALLEL
    if message is None and len(backward) >= 2 * len(steps) and all(
        is_close(ratio, 2) for ratio in ratios
    ):  # fmt: skip
        message = "`backward()` runs twice for each batch, so the gradient is counted double."
    elif message is None and is_known and is_constant and not is_close(ratios[0], 1):
        message = (
            f"the loss is {ratios[0]:.3g} times the mean cross-entropy, and each step as many "
            "times as long as learning_rate asks for."
        )
    return Problem(at, message) if message else None


def gradient_at(model: nn.Module, step: Step, loss: Loss) -> Tensor:
    """Return a loss's gradient at the weights and for the batch of a step."""
    assert step.batch
    trained = copy.deepcopy(model)
    nn.utils.vector_to_parameters(step.weights, trained.parameters())
    return gradient_of(trained, *step.batch, loss)


def _known_mistake(
    steps: list[Step], model: nn.Module, part: ast.AST, at: int | None, rest: float
) -> Problem | None:
    """Find the loss of which the gradients are, nearer than they are to the right one."""
    for kind, names in OTHER_KINDS.items():
        if other := near_line(part, at, *names):
            return Problem(other, f"{_OTHER}, not {kind}.")
    for message, names, loss in _MISTAKES:
        found = [fit(step.gradient, gradient_at(model, step, loss)) for step in steps]
        if all(one < min(_PARALLEL, rest / 2) and ratio > 0 for (ratio,), one in found):
            return Problem(near_line(part, at, *names) or at, message)
    return None


def _other_gradient(part: ast.AST, at: int | None) -> Problem:
    """Return the finding for a gradient of no known loss, with a cause that the text suggests."""
    scaled = [node.lineno for node in ast.walk(part)
              if isinstance(node, ast.Constant) and node.value in (255, 256)]  # fmt: skip
    suggestions = (
        (
            call_line(part, "randperm", "permutation", "shuffle", "sample", "flip"),
            "of images and labels in different orders: shuffle both by the same permutation, or "
            "leave it to the loader.",
        ),
        (
            call_line(part, "view", "reshape", "t", "permute", "transpose"),
            "of these images: the reshape mixes the pixels of different images. The first "
            "dimension has to stay the batch: `x.view(len(x), -1)`.",
        ),
        (
            next(iter(scaled), None),
            "of these images: their pixels are divided once more, but lie between 0 and 1 already.",
        ),
        (
            at,
            "of the cross-entropy of this batch: the loss is computed from something else than "
            "these logits and these labels, as from other labels, other images, or another "
            "dimension.",
        ),
    )
    line, cause = next((one for one in suggestions if one[0]), suggestions[-1])
    return Problem(line, f"the loss falls slowly or not at all: the gradient is not that {cause}")
