"""Finding what is wrong with an update: with the gradient that it uses, and with its length."""

from __future__ import annotations

import ast
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

from mnistop.engine.course.findings import Problem, cause_of, is_close
from mnistop.engine.course.lines import OPTIMIZERS, call_line, clearing_lines, update_lines
from mnistop.engine.course.steps import UPDATE_RULE, Step, explain_unchanged, fit
from mnistop.engine.course.watching import Event

_STEP_OR_GRADIENT = ("step", "backward", "gradient")
_TWICE = "each step is taken twice: a batch makes two updates."


def check_updates(
    steps: list[Step], named: list[tuple[str, Tensor]], part: ast.AST
) -> Problem | None:
    """Return the finding for a wrong update; None if it is right.

    Args:
        steps: at least two consecutive ones.
        named: the parameters by name, in the order of the weights.
        part: the function, or the whole file.
    """
    line = next(iter(update_lines(part)), None)
    if any(not torch.isfinite(step.change).all() for step in steps):
        return Problem(line, "the weights become NaN or infinite: the learning rate is too high.")
    if not any(step.change.any() for step in steps):
        return explain_unchanged(steps, part)
    return (
        _late(steps, part)
        or _accumulated(steps, part, line)
        or _partly(steps, named, line)
        or _by_optimizer(steps)
        or _direction(steps, line)
        or _length(steps, part, line)
    )


# Wrong gradients


def _late(steps: list[Step], part: ast.AST) -> Problem | None:
    """Find an update between the forward pass and `backward()`, or one by an older gradient."""
    for step in steps:
        events = step.of("backward", "gradient")
        at = events[0].weights if events else None
        if at is None or step.forward_weights is None or torch.equal(at, step.forward_weights):
            continue
        before = [one for one in update_lines(part) if one < (events[0].line or 0)]
        return Problem(
            before[-1] if before else events[0].line,
            "each update uses the gradients of the batch before: it comes between the forward "
            "pass and `backward()`. The order is forward, loss, backward, update.",
        )
    return None


def _accumulated(steps: list[Step], part: ast.AST, line: int | None) -> Problem | None:
    for last, step in pairwise(steps):
        if not step.stale.any() or not last.change.any():  # or batches gathered for one update
            continue
        at_step = [e.before for e in step.of("step") if e.before is not None]
        if at_step:
            is_sum = torch.allclose(at_step[-1], step.gradient + step.stale, atol=1e-6)
        else:
            (new, old), rest = fit(step.change, step.gradient, step.stale)
            is_sum = rest < 0.05 and is_close(old, new)
        if is_sum:
            clearing, backward = clearing_lines(part), call_line(part, "backward")
            cause = (
                f"Line {clearing[0]} does not clear those of the model at every step."
                if clearing
                else "`backward()` adds to `.grad`, and nothing clears it. Clear it at every step: "
                "`param.grad = None`, `model.zero_grad()` or `optimizer.zero_grad()`."
            )
            return Problem(
                backward or line,
                f"the gradients of two steps add up: the second update used the sum of both. "
                f"{cause}",
            )
    return None


def _partly(steps: list[Step], named: list[tuple[str, Tensor]], line: int | None) -> Problem | None:
    """Find parameters that have a gradient and never change."""
    still, start = [], 0
    for name, p in named:
        own = slice(start, start := start + p.numel())
        if not any(step.change[own].any() for step in steps) and any(
            step.gradient[own].any() for step in steps
        ):
            still.append(f"`{name}`")
    if not still:
        return None
    return Problem(
        line,
        f"a part of the model never changes: {', '.join(still)}. The update has to go through all "
        "of `model.parameters()`; look for a missing parameter, a `break`, or a line that stands "
        "outside of the loop.",
    )


# Wrong steps


def _by_optimizer(steps: list[Step]) -> Problem | None:
    """Find an optimizer that climbs."""
    for event in (event for step in steps for event in step.of("step")):
        if event.optimizer and event.optimizer.param_groups[0].get("maximize"):
            return Problem(event.line, "the loss rises: the optimizer maximizes (`maximize=True`).")
    return None


def check_twice(events: list[Event], *, is_call: bool) -> Problem | None:
    """Find an optimizer that takes two steps for a batch.

    Args:
        events: those of a call of `train_step`, or of a script.
        is_call: True if one step is asked for, so that a `backward()` between two changes nothing.
    """
    if is_call:
        events = [event for event in events if event.kind == "step"]
    for first, second in pairwise(event for event in events if event.kind in _STEP_OR_GRADIENT):
        if first.kind == second.kind == "step" and _held(first) & _held(second):
            cause = "`step()` is called twice for it."
            if not is_call:
                cause = "`step()` is called again without a new `backward()`."
            return Problem(second.line, f"{_TWICE} {cause}")
    return None


def _held(event: Event) -> set[int]:
    groups = event.optimizer.param_groups if event.optimizer else []
    return {id(p) for group in groups for p in group["params"]}


def _direction(steps: list[Step], line: int | None) -> Problem | None:
    """Compare the direction of a step that the student's code makes itself with the gradient."""
    first = steps[0]
    if any(step.of("step") for step in steps):
        return None
    (by_weights, by_gradient), rest = fit(first.change, first.weights, first.gradient)
    is_decay = by_gradient < 0 and by_weights < 0 and by_weights / by_gradient <= 0.11
    if rest > 0.05:
        return _other_direction(steps, line)
    if by_gradient > 0 and abs(by_weights) < 0.05:
        message = (
            "the loss rises: the weights go along the gradient, which points uphill. The sign is "
            "wrong: `param -= learning_rate * param.grad`."
        )
    elif abs(by_weights) <= 0.005 or is_decay:
        return None
    elif abs(by_gradient) < 1e-6 * max(abs(by_weights), 1.0):
        message = (
            "the weights shrink and the gradient plays no part: the learning rate multiplies the "
            f"weight itself. {UPDATE_RULE}"
        )
    elif is_close(by_weights, -1):
        message = (
            "the old weights are thrown away: each is replaced by the step alone. "
            f"{UPDATE_RULE} (with -=, not =)"
        )
    else:
        message = (
            "the learning rate is on the wrong factor: it multiplies the weights, too, so that "
            f"each step leaves only {1 + by_weights:.3g} of them. {UPDATE_RULE}"
        )
    return Problem(line, message)


def _other_direction(steps: list[Step], line: int | None) -> Problem | None:
    """Judge an update that is no factor times the gradient, as Adam by hand."""
    first = steps[0]
    if fit(first.change, torch.ones_like(first.change))[1] < 0.01:
        return Problem(
            line,
            "all weights change by the same number: the update subtracts the loss, or another "
            f"single number, instead of each weight's gradient. {UPDATE_RULE}",
        )
    if fit(first.change, first.weights * first.gradient)[1] < 0.01:
        return Problem(
            line,
            "each weight is multiplied by its gradient: the step is lr * weight * gradient. "
            f"{UPDATE_RULE}",
        )
    if len(steps) > 1 and all(_is_by_sign(step) for step in steps):
        return Problem(
            line,
            "all weights move by the same amount: the update uses the sign of each gradient only, "
            f"as FGSM does with pixels. Here its size counts, too. {UPDATE_RULE}",
        )
    if first.stale.any() and fit(first.change, first.stale)[1] < 0.01:
        return Problem(
            line,
            "each update uses the gradients of the batch before. The order is forward, loss, "
            "backward, update.",
        )
    if sum(float(step.change @ step.gradient) for step in steps) < 0:
        return None
    return Problem(
        line,
        f"the loss does not fall: the weights do not go against the gradient. {UPDATE_RULE}",
    )


def _is_by_sign(step: Step) -> bool:
    moved = step.change.abs()[step.change != 0]
    return bool(len(moved)) and float(moved.max() - moved.min()) < 1e-3 * float(moved.max())


_LENGTHS: tuple[tuple[Callable[[float, int], float], str], ...] = (
    (lambda rate, images: rate, ""),
    (
        lambda rate, images: 1.0,
        "the learning rate is not used: the whole gradient is subtracted, and the loss jumps. "
        + UPDATE_RULE,
    ),
    (
        lambda rate, images: 1 / rate,
        "the gradient is divided by the learning rate instead of multiplied.",
    ),
    (
        lambda rate, images: rate * rate,
        "the learning rate is used twice: the step is its square times the gradient.",
    ),
    (
        lambda rate, images: rate / images,
        "the gradient is divided by the number of images, but the loss is a mean over them "
        "already: the steps are far too short.",
    ),
    (
        lambda rate, images: rate * images,
        "the gradient is multiplied by the number of images: the steps are far too long.",
    ),
    (
        lambda rate, images: 2 * rate,
        _TWICE,
    ),
)
"""The length of a step in gradients under each mistake, by the learning rate and the images."""


def _length(steps: list[Step], part: ast.AST, line: int | None) -> Problem | None:
    """Compare the length of each step with the learning rate that was asked for."""
    asked = [(step.rate, step.images) for step in steps if step.rate]
    words = ("clip", "clamp", "norm", "momentum", "velocity")
    if len(asked) < len(steps) or any(word in ast.unparse(part) for word in words):
        return None
    is_plain = all(event.is_plain for step in steps for event in step.events)
    if is_plain:
        fits = [fit(step.change, step.gradient, step.weights) for step in steps]
        if any(rest > 0.05 for _, rest in fits):  # as by Adam by hand
            return None
        lengths = [-factors[0] for factors, _ in fits]
    else:
        used = [step.of("step")[-1].optimizer for step in steps if step.of("step")]
        lengths = [float(one.param_groups[0]["lr"]) for one in used if one]
    if len(lengths) < len(steps):
        return None
    made = call_line(part, *OPTIMIZERS)
    cases = [([of(rate, images) for rate, images in asked], message) for of, message in _LENGTHS]
    message = cause_of(lengths, cases, is_close)
    times = lengths[0] / asked[0][0]
    if message == "":
        message = _TWICE if is_plain and all(map(_moves_between, steps)) else None
        return Problem(line, message) if message else None
    if message is None and all(is_close(one, lengths[0]) for one in lengths):
        message = f"the argument learning_rate is not used: every step takes {lengths[0]:g}."
    elif message is None and (times > 1 or is_plain) and not is_close(times, 1):
        message = f"the step is {times:.3g} times as long as learning_rate times the gradient."
    return Problem(made or line, message) if message else None


def _moves_between(step: Step) -> bool:
    """Return True if the weights have changed between two gradients of a step."""
    found = [event.weights for event in step.of("backward", "gradient")]
    return any(one is not None and other is not None and not torch.equal(one, other)
               for one, other in pairwise(found))  # fmt: skip


def names_of(model: nn.Module | None, weights: list[Tensor]) -> list[tuple[str, Tensor]]:
    """Return weights with the names that they have in a model, or with their shapes."""
    names = {id(p): name for name, p in model.named_parameters()} if model else {}
    return [(names.get(id(p), f"a tensor of shape {tuple(p.shape)}"), p) for p in weights]
