"""Finding what is wrong with an update, from the weights before and after it and the gradient."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from torch import Tensor

from mnistop.engine.course.findings import Problem
from mnistop.engine.course.source import (
    call_line,
    clearing_lines,
    rebinding_line,
    update_lines,
)
from mnistop.engine.course.watching import Event

_OPTIMIZERS = ("SGD", "Adam", "AdamW", "RMSprop")
_CLOSE = 2e-3
"""Relative differences below this are those of rounding."""


@dataclass
class Step:
    """One update, as it was watched."""

    weights: Tensor
    """All weights before it."""
    after: Tensor
    """And after it."""
    gradient: Tensor
    """The gradient of this batch alone."""
    stale: Tensor
    """What was in `.grad` before `backward()`: zeros if it was cleared."""
    rate: float | None
    """The learning rate that was asked for; None if it is not known."""
    images: int
    """Images in the batch; 0 if not known."""
    events: list[Event] = field(default_factory=list)

    @property
    def change(self) -> Tensor:
        """The change of the weights."""
        return self.after - self.weights


@dataclass(frozen=True)
class Slice:
    """The place of a parameter among all weights."""

    name: str
    start: int
    end: int


def is_close(value: float, expected: float) -> bool:
    """Return True if two factors are the same but for rounding."""
    return abs(value - expected) <= _CLOSE * 5 * max(abs(expected), 1e-9)


def fit(target: Tensor, *vectors: Tensor) -> tuple[list[float], float]:
    """Return the factors of the vectors that come nearest to a target, and the relative rest."""
    matrix = torch.stack(vectors, 1).double()
    wide = target.double()
    scale = matrix.norm(dim=0).clamp_min(1e-30)
    factors = torch.linalg.lstsq(matrix / scale, wide[:, None]).solution[:, 0] / scale
    rest = (wide - matrix @ factors).norm() / wide.norm().clamp_min(1e-30)
    return factors.tolist(), float(rest)


def check_updates(steps: list[Step], slices: list[Slice], part: ast.AST) -> Problem | None:
    """Return the problem of an update; None if it is right.

    Args:
        steps: at least two consecutive ones.
        slices: the parameters by name.
        part: the function, or the whole file.
    """
    found: Problem | None
    if any(not torch.isfinite(step.after).all() for step in steps):
        found = Problem("the weights become NaN or infinite: the learning rate is too high.")
    elif not any(step.change.any() for step in steps):
        found = _unchanged(steps, part)
    else:
        found = (
            _accumulated(steps, part)
            or _partly(steps, slices)
            or _by_optimizer(steps, part)
            or _by_hand(steps, part)
        )
    return found and found.at(next(iter(update_lines(part)), None))


# No change


def _unchanged(steps: list[Step], part: ast.AST) -> Problem:
    """Explain why the weights are the same after the steps."""
    still = "the weights are the same after the step as before"
    updates, backward = update_lines(part), call_line(part, "backward", "grad")
    line = updates[0] if updates else None
    kinds = [event.kind for step in steps for event in step.events]
    if rebinding := rebinding_line(part):
        return Problem(
            f"{still}: this makes a new tensor and gives it the old name; the model keeps its own. "
            "Change the weight in place: `param -= learning_rate * param.grad` under "
            "`torch.no_grad()`.",
            rebinding,
        )
    if "step" in kinds:
        return _unchanged_by_optimizer(steps, part, still)
    if not updates:
        created = call_line(part, *_OPTIMIZERS)
        cause = (
            "the optimizer is made, but its `step()` is never called."
            if created or call_line(part, "zero_grad")
            else "nothing uses the gradients. `backward()` only computes them; the update is "
            "`param -= learning_rate * param.grad`."
        )
        return Problem(f"{still}: {cause}", backward)
    cleared = [at for at in clearing_lines(part) if backward and line and backward < at < line]
    if cleared:
        return Problem(
            f"{still}: the gradients are cleared between `backward()` (line {backward}) and the "
            f"update (line {line}), so every step is zero. Clear them before `backward()` or after "
            "the update.",
            cleared[0],
        )
    return Problem(
        f"{still}: the update does not reach the model's own parameters, but copies of them. "
        "Go through `model.parameters()` and change each in place."
    )


def _unchanged_by_optimizer(steps: list[Step], part: ast.AST, still: str) -> Problem:
    first = steps[0].events
    kinds = [event.kind for event in first]
    event = next(event for step in steps for event in step.events if event.kind == "step")
    line = event.line or call_line(part, "step")
    created = call_line(part, *_OPTIMIZERS)
    assert event.optimizer
    if "backward" in kinds and "step" in kinds and kinds.index("step") < kinds.index("backward"):
        return Problem(
            f"{still}: `step()` comes before `backward()`, when the gradients are missing or "
            "cleared. The order is backward, then step.",
            line,
        )
    is_ordered = "backward" in kinds and "step" in kinds
    if is_ordered and "zero_grad" in kinds[kinds.index("backward") : kinds.index("step")]:
        return Problem(
            f"{still}: the gradients are cleared between `backward()` and `step()`, so every step "
            "is zero. Call `zero_grad()` before `backward()` or after `step()`.",
            next((e.line for e in first[kinds.index("backward") :] if e.kind == "zero_grad"), line),
        )
    if all(group["lr"] == 0 for group in event.optimizer.param_groups):
        return Problem(f"{still}: the optimizer's learning rate is 0.", created or line)
    return Problem(
        f"{still}: the optimizer holds the parameters of another model (or copies), not of the one "
        "that is trained. Give it `model.parameters()` of this model.",
        created or line,
    )


# Wrong changes


def _accumulated(steps: list[Step], part: ast.AST) -> Problem | None:
    for last, step in pairwise(steps):
        if not step.stale.any() or not last.change.any():  # or batches gathered for one update
            continue
        at_step = [e.before for e in step.events if e.kind == "step" and e.before is not None]
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
                f"the gradients of two steps add up: the second update used the sum of both. "
                f"{cause}",
                backward,
            )
    return None


def _partly(steps: list[Step], slices: list[Slice]) -> Problem | None:
    """Find parameters that have a gradient and never change."""
    still = [
        one.name
        for one in slices
        if not any(step.change[one.start : one.end].any() for step in steps)
        and any(step.gradient[one.start : one.end].any() for step in steps)
    ]
    if not still:
        return None
    names = ", ".join(f"`{name}`" for name in still)
    return Problem(
        f"a part of the model never changes: {names}. The update has to go through all of "
        "`model.parameters()`; look for a missing parameter, a `break`, or a line that stands "
        "outside of the loop."
    )


def _by_optimizer(steps: list[Step], part: ast.AST) -> Problem | None:
    """Check an update by `torch.optim`."""
    used = [(step, e) for step in steps for e in step.events if e.kind == "step" and e.optimizer]
    for step, event in used:
        assert event.optimizer
        group = event.optimizer.param_groups[0]
        if group.get("maximize"):
            return Problem("the loss rises: the optimizer maximizes (`maximize=True`).", event.line)
        order = [e.kind for e in step.events]
        if "backward" in order and order.index("step") < order.index("backward"):
            return Problem(
                "each update uses the gradients of the batch before: `step()` comes before "
                "`backward()`. The order is backward, then step.",
                event.line,
            )
    rates = [step.rate for step, _ in used]
    given = [event.optimizer.param_groups[0]["lr"] for _, event in used if event.optimizer]
    if used and None not in rates and len(set(rates)) > 1 and len(set(given)) == 1:
        created = call_line(part, *_OPTIMIZERS)
        return Problem(
            f"the argument learning_rate is not used: the optimizer always takes {given[0]:g}.",
            created or used[0][1].line,
        )
    return None


def _by_hand(steps: list[Step], part: ast.AST) -> Problem | None:
    """Check an update that the student's code makes itself."""
    if any(event.kind == "step" for step in steps for event in step.events):
        return None
    first = steps[0]
    (by_weights, by_gradient), rest = fit(first.change, first.weights, first.gradient)
    if rest > 0.05:
        return _unlike(steps)
    rate = first.rate
    if by_gradient > 0 and abs(by_weights) < 0.05:
        return Problem(
            "the loss rises: the weights go along the gradient, which points uphill. The sign is "
            "wrong: `param -= learning_rate * param.grad`."
        )
    if abs(by_weights) > 0.005 and not _is_weight_decay(by_weights, by_gradient):
        return _weights_in_update(by_weights, by_gradient)
    if rate is None:
        return None
    return _check_factor(steps, part)


def _is_weight_decay(by_weights: float, by_gradient: float) -> bool:
    return by_gradient < 0 and by_weights < 0 and by_weights / by_gradient <= 0.11


def _weights_in_update(by_weights: float, by_gradient: float) -> Problem:
    should = "The update is `param -= learning_rate * param.grad`."
    kept = 1 + by_weights
    if abs(by_gradient) < 1e-6 * abs(by_weights) or abs(by_gradient) < 1e-6:
        return Problem(
            "the weights shrink and the gradient plays no part: the learning rate multiplies the "
            f"weight itself. {should}"
        )
    if is_close(by_weights, -1):
        return Problem(
            "the old weights are thrown away: each is replaced by the step alone. "
            f"{should} (with -=, not =)"
        )
    return Problem(
        "the learning rate is on the wrong factor: it multiplies the weights, too, so that each "
        f"step leaves only {kept:.3g} of them. {should}"
    )


def _check_factor(steps: list[Step], part: ast.AST) -> Problem | None:
    """Compare the length of each step with the learning rate times the gradient."""
    lengths = [-fit(step.change, step.gradient)[0][0] for step in steps]
    rates = [step.rate or 0.0 for step in steps]
    images = [step.images for step in steps]
    pairs = list(zip(lengths, rates, images, strict=True))
    if all(is_close(length, rate) for length, rate, _ in pairs):
        return None
    text = ast.unparse(part)
    if any(word in text for word in ("clip", "clamp", "norm", "momentum", "velocity")):
        return None
    if len(steps) > 1 and is_close(lengths[0], rates[0]):
        return _unlike(steps)  # as with momentum by hand: later steps are longer
    if all(is_close(length, 1) for length in lengths):
        message = (
            "the learning rate is not used: the whole gradient is subtracted, and the loss jumps. "
            "The update is `param -= learning_rate * param.grad`."
        )
    elif all(is_close(length, lengths[0]) for length in lengths):
        message = (
            f"the argument learning_rate is not used: every step is {lengths[0]:g} times the "
            "gradient, whichever rate is given."
        )
    elif all(is_close(length, 1 / rate) for length, rate, _ in pairs):
        message = "the gradient is divided by the learning rate instead of multiplied."
    elif all(is_close(length, rate * rate) for length, rate, _ in pairs):
        message = "the learning rate is used twice: the step is its square times the gradient."
    elif all(is_close(length, rate / size) for length, rate, size in pairs if size):
        message = (
            "the gradient is divided by the number of images, but the loss is a mean over them "
            "already: the steps are far too short."
        )
    elif all(is_close(length, 2 * rate) for length, rate, _ in pairs):
        message = "each step is taken twice: there are two updates for one batch."
    else:
        message = (
            f"the step is {lengths[0] / rates[0]:.3g} times as long as learning_rate times the "
            "gradient."
        )
    return Problem(message)


def _unlike(steps: list[Step]) -> Problem | None:
    """Judge an update of another kind, as Adam by hand, by its direction."""
    downhill = [-float(step.change @ step.gradient) for step in steps]
    if sum(downhill) > 0:
        return None
    return Problem(
        "the loss does not fall: the weights do not go against the gradient. The update is "
        "`param -= learning_rate * param.grad`."
    )
