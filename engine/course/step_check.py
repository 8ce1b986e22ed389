"""Checking `train_step`: gradients, update, and the numbers that it returns."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mnistop.engine.course.exceptions import explain
from mnistop.engine.course.findings import Cases, Finding, Problem, cause_of, near, verdict
from mnistop.engine.course.lines import LOSSES, call_line, returned_line
from mnistop.engine.course.loss_calls import check_loss_calls
from mnistop.engine.course.losses import check_gradients
from mnistop.engine.course.source import Source
from mnistop.engine.course.steps import Step
from mnistop.engine.course.truth import gradient_of, images_and_labels, prepared_model, true_loss
from mnistop.engine.course.updates import check_twice, check_updates, names_of
from mnistop.engine.course.watching import Watch, flat, gradients

BLANK_NAME = "train_step"
_RATES = (0.1, 0.1, 0.03)
"""The learning rates of the steps; the last differs, so that a rate that is ignored shows."""
_SIZES = (32, 20, 32)
"""Images in each step's batch; the sizes differ, so that confused dimensions show."""
_ASKED = "It ends with `return loss, correct`: the batch's loss, and how many images were right."


@dataclass
class Call:
    """A call of the student's `train_step`."""

    step: Step
    result: Any
    true_gradient: Tensor
    losses: tuple[float, float]
    """The batch's mean loss before and after the update."""
    own_loss: float
    """The number on which the code has called `backward`, which may have a penalty added."""
    correct: tuple[int, int]
    """The images that were right before and after it."""

    @property
    def is_textbook(self) -> bool:
        """True if the step changes the weights as it should, however that is written."""
        expected = -(self.step.rate or 0) * self.true_gradient
        return float((self.step.change - expected).norm()) <= 5e-3 * float(expected.norm())


def check_step(source: Source, names: dict[str, Any], built: nn.Module | None) -> Finding:
    """Call the student's `train_step` on three batches and compare it with the truth."""
    part = source.function(BLANK_NAME)
    assert part
    x, y = images_and_labels(600)
    model = prepared_model(built, x[:400], y[:400])
    parameters = list(model.parameters())
    calls: list[Call] = []
    start = 400
    own: list[float] = []
    with Watch(
        source, lambda: parameters, lambda loss: own.append(float(loss.detach().sum()))
    ) as watch:
        for rate, size in zip(_RATES, _SIZES, strict=True):
            batch = x[start : start + size], y[start : start + size]
            start += size
            try:
                calls.append(_call(names[BLANK_NAME], model, *batch, rate, watch, own))
            except Exception as error:
                return explain(BLANK_NAME, error, source, part)
    steps = [call.step for call in calls]
    found = None
    at = next((call.line for call in watch.losses), None) or call_line(part, *LOSSES)
    if not all(call.is_textbook for call in calls):
        found = _check_backward(watch, part) or (
            _check_frozen(model, part)
            or _check_twice(steps)
            or check_loss_calls(watch.losses, part)
            or check_gradients(steps, model, part, at, is_known=True)
            or check_updates(steps, names_of(model, list(parameters)), part)
        )
    return verdict(BLANK_NAME, found or _check_result(calls, part))


def _call(
    train_step: Any,
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    rate: float,
    watch: Watch,
    own: list[float],
) -> Call:
    parameters = list(model.parameters())
    with watch.unwatched():
        true = gradient_of(model, x, y)
        with torch.no_grad():
            logits = model(x)
    before, first = flat(list(parameters)), len(watch.events)
    stale = gradients(parameters)
    result = train_step(model, x.clone(), y.clone(), rate)
    with watch.unwatched(), torch.no_grad():
        after = model(x)
    events = watch.events[first:]
    backward = [event for event in events if event.kind in ("backward", "gradient")]
    fresh = [event.fresh for event in backward if event.fresh is not None]
    if backward and backward[0].before is not None:
        stale = backward[0].before
    gradient = torch.stack(fresh).sum(0) if fresh else true
    step = Step(before, flat(list(parameters)), gradient, stale, events, rate, (x, y), before)
    losses = [float(true_loss(out, y)) for out in (logits, after)]
    counts = [int((out.argmax(1) == y).sum()) for out in (logits, after)]
    own_loss = own[-1] if own else losses[0]
    return Call(step, result, true, (losses[0], losses[1]), own_loss, (counts[0], counts[1]))


def _check_backward(watch: Watch, part: ast.AST) -> Problem | None:
    if watch.of("backward", "gradient"):
        return None
    return Problem(
        call_line(part, *LOSSES, "step"),
        "no gradient is computed: `loss.backward()` is never called, so the weights cannot learn "
        "anything from this batch.",
    )


def _check_frozen(model: nn.Module, part: ast.AST) -> Problem | None:
    frozen = [f"`{name}`" for name, p in model.named_parameters() if not p.requires_grad]
    if not frozen:
        return None
    lines = [node.lineno for node in ast.walk(part) if isinstance(node, ast.Assign)
             and "requires_grad" in ast.unparse(node.targets[0])]  # fmt: skip
    return Problem(
        next(iter(lines), None) or call_line(part, "requires_grad_"),
        f"a part of the model never changes: {', '.join(frozen)} has `requires_grad=False`, and "
        "gets no gradient.",
    )


def _check_twice(steps: list[Step]) -> Problem | None:
    found = (check_twice(step.events, is_call=True) for step in steps)
    return next((one for one in found if one), None)


# The numbers returned


def _check_result(calls: list[Call], part: ast.FunctionDef) -> Problem | None:
    line = returned_line(part)
    results = [call.result for call in calls]
    if results[0] is None:
        return Problem(line, f"nothing is returned. {_ASKED}")
    if found := check_pairs(results, line, _ASKED):
        return found
    for value in results[0]:
        if isinstance(value, Tensor) and value.requires_grad:
            return Problem(
                line,
                "the loss is returned as a tensor with its graph: summed over an epoch, it keeps "
                "the gradients' graphs of all batches alive, and memory grows. Use `loss.item()`.",
            )
    losses = [float(loss) for loss, _ in results]
    counts = [float(count) for _, count in results]
    return _check_loss_number(calls, losses, counts, line) or _check_count(
        calls, counts, part, line
    )


def check_pairs(results: list[Any], line: int | None, asked: str) -> Problem | None:
    """Find results that are no pairs of numbers."""
    for result in results:
        if not isinstance(result, tuple | list) or len(result) != 2:
            return Problem(line, f"it does not return two numbers. {asked}")
        for value in result:
            if callable(value) and not isinstance(value, Tensor):
                return Problem(
                    line,
                    "it returns a method instead of a number: parentheses are missing, as in "
                    "`loss.item()`.",
                )
        try:
            [float(value.detach() if isinstance(value, Tensor) else value) for value in result]
        except (TypeError, ValueError, RuntimeError):
            return Problem(line, f"it does not return two numbers. {asked}")
    return None


def _check_loss_number(
    calls: list[Call], losses: list[float], counts: list[float], line: int | None
) -> Problem | None:
    def are(factor: Any) -> bool:
        """Compare with the losses before or after the update, times a factor of the images."""
        return all(
            near(loss, *(one * factor(call.step.images) for one in call.losses))
            for loss, call in zip(losses, calls, strict=True)
        )

    true = calls[0].losses[0]
    if are(lambda images: 1) or are(lambda images: images):
        return None
    if all(near(loss, call.own_loss) for loss, call in zip(losses, calls, strict=True)):
        return None
    if all(near(one, *call.losses) for one, call in zip(counts, calls, strict=True)):
        message = "the two results are swapped: first the loss, then how many were right."
    elif are(lambda images: -1):
        message = "the loss that is returned is negative."
    elif are(lambda images: 1 / images):
        message = (
            f"the loss that is returned ({losses[0]:.3g}) is divided by the number of images, but "
            f"it is a mean already: it should be {true:.3g}."
        )
    else:
        message = (
            f"the loss that is returned is {losses[0]:.4g}, but that of this batch is {true:.4g} "
            f"before the update, and {calls[0].losses[1]:.4g} after it."
        )
    return Problem(line, message)


def _check_count(
    calls: list[Call], counts: list[float], part: ast.AST, line: int | None
) -> Problem | None:
    first, call = counts[0], calls[0]
    images = [one.step.images for one in calls]
    of = f"({call.correct[0]} of {call.step.images})"
    for when in (0, 1):
        correct = [float(one.correct[when]) for one in calls]
        pairs = list(zip(correct, images, strict=True))
        cases: Cases = (
            (correct, ""),
            (
                [count / size for count, size in pairs],
                f"the second result is a share ({first:.3g}), but the number of images is asked "
                f"for {of}: take the sum instead of the mean.",
            ),
            (
                [100 * count / size for count, size in pairs],
                f"the second result is in percent ({first:.3g}), but the number of images is asked "
                f"for {of}.",
            ),
            (
                [float(size) for size in images],
                f"it counts all {call.step.images} images, not those that are right: compare "
                "predictions and labels, `(logits.argmax(1) == y_batch).sum()`.",
            ),
            (
                [size - count for count, size in pairs],
                "it counts the images that are wrong: compare with ==, not with !=.",
            ),
        )
        if (message := cause_of(counts, cases)) is not None:
            return Problem(line, message) if message else None
    return Problem(
        call_line(part, "argmax", "max", "topk") or line,
        f"it counts {first:g} right of {call.step.images} images, but {call.correct[0]} are: the "
        "prediction is the place of the largest logit of each image, `logits.argmax(dim=1)`.",
    )
