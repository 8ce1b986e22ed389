"""Checking `train_step`: gradients, update, and the numbers that it returns."""

from __future__ import annotations

import ast
import contextlib
import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from mnistop.engine.course.findings import Finding, Problem, verdict
from mnistop.engine.course.source import Source, call_line, kept_graph_line, return_line
from mnistop.engine.course.student import explain
from mnistop.engine.course.updates import Slice, Step, check_updates, fit, is_close
from mnistop.engine.course.watching import LossCall, Watch, flat, gradients

BLANK_NAME = "train_step"
_RATES = (0.1, 0.1, 0.03)
"""The learning rates of the steps; the last differs, so that a rate that is ignored shows."""
_SIZES = (32, 20, 32)
"""Images in each step's batch; the sizes differ, so that confused dimensions show."""


class Reference(nn.Module):
    """A model as the exercise asks for, with the layers' names of the template."""

    def __init__(self) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(784, 128)
        self.relu = nn.ReLU()
        self.linear_2 = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits, `(batch, 10)`, of images `(batch, 784)`."""
        out: Tensor = self.linear_2(self.relu(self.linear_1(x)))
        return out


def images_and_labels(count: int) -> tuple[Tensor, Tensor]:
    """Return the first bundled images, `(count, 784)` in [0, 1], and their labels `(count,)`."""
    from mnistop.engine.data.sources import load

    dataset = load("bundled", samples=count)
    images = torch.tensor(dataset.images).reshape(count, -1)
    return images, torch.tensor(dataset.labels)


def prepared_model(built: nn.Module | None, x: Tensor, y: Tensor) -> nn.Module:
    """Return the student's model if it is fit for tests, else one of ours, a little trained.

    A model with dropout is random in training mode, and no two gradients of it are equal.
    """
    torch.manual_seed(0)
    model = Reference()
    if built is not None:
        built.train()
        with torch.no_grad():
            is_steady = torch.equal(built(x[:8]), built(x[:8]))
        has_buffers = any(True for _ in built.buffers())
        if is_steady and not has_buffers:
            model = copy.deepcopy(built)  # type: ignore[assignment]
    parameters = list(model.parameters())
    for start in range(0, len(x), 40):
        loss = true_loss(model, x[start : start + 40], y[start : start + 40])
        with torch.no_grad():
            for p, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
                p.sub_(gradient, alpha=0.2)
    return model


def true_loss(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Return the mean cross-entropy, whichever of logits and (log-)probabilities come out."""
    out = model(x)
    sums = out.sum(1)
    if bool((out >= 0).all()) and torch.allclose(sums, torch.ones_like(sums), atol=1e-4):
        out = out.clamp_min(1e-12).log()
    return functional.cross_entropy(out, y)


@dataclass
class Call:
    """A call of the student's `train_step`."""

    step: Step
    result: Any
    true_gradient: Tensor
    losses: tuple[float, float]
    """The batch's mean loss before and after the update."""
    correct: tuple[int, int]
    """The images that were right before and after it."""
    logits: Tensor
    labels: Tensor

    @property
    def images(self) -> int:
        """The images of the batch."""
        return len(self.labels)


def check_step(source: Source, names: dict[str, Any], built: nn.Module | None) -> Finding:
    """Call the student's `train_step` on three batches and compare it with the truth."""
    part = source.function(BLANK_NAME)
    assert part
    x, y = images_and_labels(600)
    model = prepared_model(built, x[:400], y[:400])
    calls: list[Call] = []
    start = 400
    with Watch(source.path, lambda: list(model.parameters())) as watch:
        for rate, size in zip(_RATES, _SIZES, strict=True):
            batch = x[start : start + size], y[start : start + size]
            start += size
            try:
                calls.append(_call(names[BLANK_NAME], model, *batch, rate, watch))
            except Exception as error:
                return explain(BLANK_NAME, error, source, part)
    problem = None
    if not _are_textbook(calls):
        steps, slices = [call.step for call in calls], slices_of(model.named_parameters())
        problem = _check_loss(calls, watch, part) or check_updates(steps, slices, part)
    problem = problem or _check_result(calls, part)
    return verdict(BLANK_NAME, problem, return_line(part))


def slices_of(named: Iterable[tuple[str, Tensor]]) -> list[Slice]:
    """Return the places of parameters among all weights."""
    found, start = [], 0
    for name, p in named:
        found.append(Slice(name, start, start + p.numel()))
        start += p.numel()
    return found


def _call(
    train_step: Any, model: nn.Module, x: Tensor, y: Tensor, rate: float, watch: Watch
) -> Call:
    parameters = list(model.parameters())
    with watch.unwatched():
        loss = true_loss(model, x, y)
        true = flat(list(torch.autograd.grad(loss, parameters)))
        logits = model(x).detach()
    before, first = flat(list(parameters)), len(watch.events)
    stale = gradients(parameters)
    result = train_step(model, x, y, rate)
    with watch.unwatched(), torch.no_grad():
        later, after = float(true_loss(model, x, y)), model(x)
    events = watch.events[first:]
    backward = [event for event in events if event.kind in ("backward", "gradient")]
    fresh = [event.fresh for event in backward if event.fresh is not None]
    if backward and backward[0].before is not None:
        stale = backward[0].before
    gradient = torch.stack(fresh).sum(0) if fresh else true
    step = Step(before, flat(list(parameters)), gradient, stale, rate, len(x), events)
    counts = tuple(int((one.argmax(1) == y).sum()) for one in (logits, after))
    return Call(
        step, result, true, (float(loss.detach()), later), (counts[0], counts[1]), logits, y
    )


def _are_textbook(calls: list[Call]) -> bool:
    """Return True if each step changes the weights as it should, however that is written."""
    for call in calls:
        expected = -(call.step.rate or 0) * call.true_gradient
        if float((call.step.change - expected).norm()) > 5e-3 * float(expected.norm()):
            return False
    return True


# The loss


def _check_loss(calls: list[Call], watch: Watch, part: ast.AST) -> Problem | None:
    """Compare the gradients that `backward` has found with those of the mean cross-entropy."""
    backward = watch.of("backward", "gradient")
    line = backward[0].line if backward else None
    if not backward:
        return Problem(
            "no gradient is computed: `loss.backward()` is never called, so the weights cannot "
            "learn anything from this batch.",
            call_line(part, "cross_entropy", "criterion", "loss_fn", "step"),
        )
    if found := check_loss_calls(watch.losses, part):
        return found
    ratios = []
    for call in calls:
        (ratio,), rest = fit(call.step.gradient, call.true_gradient)
        if rest > 0.45:  # a cosine below 0.9
            return _other_loss(calls, part).at(line)
        ratios.append(ratio)
    twice = len(backward) >= 2 * len(calls)
    sizes = [call.images for call in calls]
    at = call_line(part, "cross_entropy", "criterion", "loss_fn", "CrossEntropyLoss") or line
    if all(is_close(ratio, size) for ratio, size in zip(ratios, sizes, strict=True)):
        message = (
            "the loss is summed over the images instead of averaged: the gradient, and with it "
            "each step, is as many times too long as the batch has images."
        )
    elif all(is_close(ratio * size, 1) for ratio, size in zip(ratios, sizes, strict=True)):
        message = (
            "the loss is divided by the number of images, but cross-entropy is a mean already: the "
            "gradients are far too small, and learning is slow."
        )
    elif all(ratio < 0 for ratio in ratios):
        message = (
            "the loss rises: `backward()` runs on the negative loss, so every step climbs. "
            "Cross-entropy has its minus sign already."
        )
    elif twice and all(is_close(ratio, 2) for ratio in ratios):
        message = "`backward()` runs twice for each batch, so the gradient is counted double."
    else:
        return None
    return Problem(message, at)


def check_loss_calls(losses: list[LossCall], part: ast.AST) -> Problem | None:
    """Find a softmax too many, or one too few, before the loss."""
    for call in losses:
        if call.kind == "cross_entropy" and call.gets_probabilities:
            return Problem(
                "softmax twice: cross-entropy gets probabilities, and takes the softmax of them "
                "again. The loss cannot fall below 1.46 and learning is slow. Give it the logits.",
                call_line(part, "softmax", "Softmax") or call.line,
            )
        if call.kind == "nll_loss" and not call.gets_log_probabilities:
            return Problem(
                "the loss is negative or falls without end: `nll_loss` needs log-probabilities, "
                "and gets something else. Use `cross_entropy` on logits, or `log_softmax` first.",
                call.line,
            )
    return None


def _other_loss(calls: list[Call], part: ast.AST) -> Problem:
    names = ("mse_loss", "MSELoss", "l1_loss", "L1Loss", "binary_cross_entropy", "BCELoss",
             "BCEWithLogitsLoss", "binary_cross_entropy_with_logits")  # fmt: skip
    if other := call_line(part, *names):
        return Problem(
            "this is not the loss of the exercise: for classes it is cross-entropy of logits and "
            "labels.",
            other,
        )
    if not any(call.step.gradient.any() for call in calls):
        return Problem("`backward()` finds gradients of zero: the loss is constant.")
    return Problem(
        "the gradient is not that of the cross-entropy of this batch: the loss is computed from "
        "something else than these logits and these labels, as from the predictions, other labels, "
        "or another dimension."
    )


# The numbers returned


def _check_result(calls: list[Call], part: ast.FunctionDef) -> Problem | None:
    asked = "It ends with `return loss, correct`: the batch's loss, and how many images were right."
    for call in calls:
        if found := check_pair(call.result, asked):
            return found
        if any(isinstance(value, Tensor) and value.requires_grad for value in call.result):
            return Problem(
                "the loss is returned as a tensor with its graph: summed over an epoch, it keeps "
                "the gradients' graphs of all batches alive, and memory grows. Use `loss.item()`.",
                kept_graph_line(part),
            )
    results = [(float(call.result[0]), float(call.result[1]), call) for call in calls]
    return _check_loss_number(results) or _check_count(results, part)


def check_pair(result: Any, asked: str) -> Problem | None:
    """Check that two numbers are returned, as was asked."""
    if result is None:
        return Problem(f"nothing is returned. {asked}")
    if isinstance(result, tuple | list) and len(result) == 2:
        with contextlib.suppress(TypeError, ValueError, RuntimeError):
            float(result[0]), float(result[1])
            return None
    return Problem(f"it does not return two numbers. {asked}")


def near(value: float, *expected: float) -> bool:
    """Return True if a number is one of some others, but for rounding."""
    return any(abs(value - one) <= 2e-3 * max(1.0, abs(one)) for one in expected)


def _check_loss_number(results: list[tuple[float, float, Call]]) -> Problem | None:
    if all(
        near(loss, *call.losses, *(one * call.images for one in call.losses))
        for loss, _, call in results
    ):
        return None
    if all(loss in call.correct and near(other, *call.losses) for loss, other, call in results):
        return Problem("the two results are swapped: first the loss, then how many were right.")
    if all(near(-loss, *call.losses) for loss, _, call in results):
        return Problem("the loss that is returned is negative.")
    first, _, call = results[0]
    if all(near(loss * call.images, *call.losses) for loss, _, call in results):
        return Problem(
            f"the loss that is returned ({first:.3g}) is divided by the number of images, but it "
            f"is a mean already: it should be {call.losses[0]:.3g}."
        )
    return Problem(
        f"the loss that is returned is {first:.4g}, but that of this batch is "
        f"{call.losses[0]:.4g} before the update, and {call.losses[1]:.4g} after it."
    )


def _check_count(results: list[tuple[float, float, Call]], part: ast.AST) -> Problem | None:
    both = [(count, call) for _, count, call in results]
    if all(count in call.correct for count, call in both):
        return None
    first, call = both[0]
    if all(near(count, *(one / call.images for one in call.correct)) for count, call in both):
        return Problem(
            f"the second result is a share ({first:.3g}), but the number of images is asked for "
            f"({call.correct[0]} of {call.images}): take the sum instead of the mean."
        )
    if all(near(count, *(one * 100 / call.images for one in call.correct)) for count, call in both):
        return Problem(
            f"the second result is in percent ({first:.3g}), but the number of images is asked for "
            f"({call.correct[0]} of {call.images})."
        )
    if all(count == call.images for count, call in both):
        return Problem(
            f"it counts all {call.images} images, not those that are right: compare predictions "
            "and labels, `(logits.argmax(1) == y_batch).sum()`."
        )
    if all(count in [call.images - one for one in call.correct] for count, call in both):
        return Problem("it counts the images that are wrong: compare with ==, not with !=.")
    return Problem(
        f"it counts {first:g} right of {call.images} images, but {call.correct[0]} are: the "
        "prediction is the place of the largest logit of each image, `logits.argmax(dim=1)`.",
        call_line(part, "argmax", "max", "topk"),
    )
