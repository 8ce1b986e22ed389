"""One step of a training loop as it was watched, and what its change of the weights consists of."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mnistop.engine.course.findings import Problem
from mnistop.engine.course.lines import (
    OPTIMIZERS,
    call_line,
    clearing_lines,
    line_before,
    rebinding_line,
    update_lines,
)
from mnistop.engine.course.watching import Event

UPDATE_RULE = "The update is `param -= learning_rate * param.grad`."


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
    """The content of `.grad` before `backward()`: zeros if it was cleared."""
    events: list[Event] = field(default_factory=list)
    rate: float | None = None
    """The learning rate that was asked for; None if it is not known."""
    batch: tuple[Tensor, Tensor] | None = None
    """The images and labels; None if they are not known."""
    forward_weights: Tensor | None = None
    """The weights at the forward pass; None if they are not known."""

    @property
    def change(self) -> Tensor:
        """The change of the weights."""
        return self.after - self.weights

    @property
    def images(self) -> int:
        """The images of the batch; 0 if not known."""
        return len(self.batch[1]) if self.batch else 0

    def of(self, *kinds: str) -> list[Event]:
        """Return the events of some kinds."""
        return [event for event in self.events if event.kind in kinds]


def fit(target: Tensor, *vectors: Tensor) -> tuple[list[float], float]:
    """Return the factors of the vectors that come nearest to a target, and the relative rest."""
    matrix = torch.stack(vectors, 1).double()
    wide = target.double()
    scale = matrix.norm(dim=0).clamp_min(1e-30)
    factors = torch.linalg.lstsq(matrix / scale, wide[:, None]).solution[:, 0] / scale
    rest = (wide - matrix @ factors).norm() / wide.norm().clamp_min(1e-30)
    return factors.tolist(), float(rest)


def explain_unchanged(steps: list[Step], part: ast.AST) -> Problem:
    """Explain why the weights are the same after the steps."""
    still = "the weights are the same after the step as before"
    updates, backward = update_lines(part), call_line(part, "backward", "grad")
    line = next(iter(updates), None)
    given = next((event.line for step in steps for event in step.of("backward")), None)
    created = call_line(part, *OPTIMIZERS)
    if rebinding := rebinding_line(part):
        return Problem(
            rebinding,
            f"{still}: this makes a new tensor and gives it the old name; the model keeps its own. "
            "Change the weight in place: `param -= learning_rate * param.grad` under "
            "`torch.no_grad()`.",
        )
    if model := _replaced_model(part):
        return Problem(
            model,
            f"{still}: a new model is made at every step and trained, not the one that is given.",
        )
    if all(event.fresh is not None and not event.fresh.any() for step in steps
           for event in step.of("backward")):  # fmt: skip
        return Problem(
            line_before(part, given, "tensor", "Variable", "detach", "requires_grad_") or given,
            f"{still}: `backward()` gives them no gradient, because the loss is a new tensor or "
            "cut off from the model, by `torch.tensor(...)`, `.item()`, `.detach()` or another "
            "model. `requires_grad=True` only hides the error. Use the loss as it is.",
        )
    order = [event.kind for event in steps[0].events]
    place = order.index("backward") if "backward" in order else len(order)
    if "step" in order[:place]:
        return Problem(
            steps[0].events[order.index("step")].line or line,
            f"{still}: `step()` comes before `backward()`, when the gradients are missing or "
            "cleared. The order is backward, then step.",
        )
    cleared = [at for at in clearing_lines(part) if backward and line and backward < at < line]
    if cleared:
        return Problem(
            cleared[0],
            f"{still}: the gradients are cleared between `backward()` (line {backward}) and the "
            f"update (line {line}), so every step is zero. Clear them before `backward()` or after "
            "the update.",
        )
    used = [event for step in steps for event in step.of("step")]
    if used and used[0].optimizer:
        is_zero = all(group["lr"] == 0 for group in used[0].optimizer.param_groups)
        cause = (
            "the optimizer's learning rate is 0."
            if is_zero
            else "the optimizer holds the parameters of another model (or copies), not of the one "
            "that is trained. Give it `model.parameters()` of this model."
        )
        return Problem(created or used[0].line, f"{still}: {cause}")
    if updates:
        return Problem(
            line,
            f"{still}: the update does not reach the model's own parameters, but copies of them. "
            "Go through `model.parameters()` and change each in place.",
        )
    cause = (
        "the optimizer is made, but its `step()` is never called."
        if created or call_line(part, "zero_grad")
        else f"nothing uses the gradients. `backward()` only computes them. {UPDATE_RULE}"
    )
    return Problem(backward, f"{still}: {cause}")


def _replaced_model(part: ast.AST) -> int | None:
    """Return the line of a function where its first argument, the model, gets another value."""
    arguments = part.args.args if isinstance(part, ast.FunctionDef) else []
    for node in ast.walk(part):
        if isinstance(node, ast.Assign) and arguments:
            names = [ast.unparse(name) for name in node.targets]
            if arguments[0].arg in names:
                return node.lineno
    return None
