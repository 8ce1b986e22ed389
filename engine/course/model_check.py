"""Checking the sizes, the learning rate and the class `MLP` of a student's file."""

from __future__ import annotations

import ast
import numbers
from typing import Any

import torch
from torch import Tensor, nn

from mnistop.engine.course.exceptions import explain
from mnistop.engine.course.findings import BLANK, Finding, Problem, verdict
from mnistop.engine.course.lines import call_line, returned_line
from mnistop.engine.course.outputs_check import check_outputs, check_start
from mnistop.engine.course.source import VALUES, Source, not_filled

SIZES = (784, 128, 10)
_TOO_HIGH, _TOO_LOW = 5.0, 1e-6


def check_values(source: Source, names: dict[str, Any]) -> list[Finding]:
    """Check the three sizes and the learning rate."""
    return [
        not_filled(name, source, source.value(name))
        or verdict(name, _check_value(name, source, names))
        for name in VALUES
    ]


def _check_value(name: str, source: Source, names: dict[str, Any]) -> Problem | None:
    node = source.value(name)
    line = node.lineno if node else None
    value = names.get(name)
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        return Problem(line, f"{name} is {value!r}: a number is needed.")
    if name == "learning_rate":
        return _check_rate(float(value), line)
    if not isinstance(value, numbers.Integral):
        return Problem(line, f"{name} is {value!r}: a whole number is needed, without a point.")
    if name == "hidden_size":
        if value < 1:
            return Problem(line, f"{value} neurons: a hidden layer needs at least one.")
        return None
    expected = 784 if name == "input_size" else 10
    if value == expected:
        return None
    if names.get("hidden_size") == expected or (name == "num_classes" and value in (64, 128, 256)):
        return Problem(
            line,
            f"{name} is {value} and hidden_size is {names.get('hidden_size')}: classes and hidden "
            f"size are swapped. There are {expected} {'inputs' if expected == 784 else 'digits'}.",
        )
    reason = (
        "an image of 28 x 28 pixels, flattened, is a row of 784 numbers."
        if name == "input_size"
        else "there are ten digits, 0 to 9, and one logit for each."
    )
    return Problem(line, f"{name} is {value}, but {reason}")


def _check_rate(rate: float, line: int | None) -> Problem | None:
    if rate < 0:
        return Problem(line, f"{rate:g} is negative: every step climbs, and the loss rises.")
    if not rate > _TOO_LOW:
        return Problem(
            line, f"{rate:g} is too low: the weights hardly move, and the loss stays at 2.3."
        )
    if rate > _TOO_HIGH:
        return Problem(
            line, f"{rate:g} is too high: the steps overshoot, and the loss jumps or is NaN."
        )
    return None


# The model


def build(source: Source, names: dict[str, Any]) -> tuple[nn.Module | None, list[Finding]]:
    """Create the student's model and check it.

    Returns:
        The model, or None if it cannot be used; and the findings for `MLP.__init__` and
        `MLP.forward`.
    """
    init, forward = source.method("MLP", "__init__"), source.method("MLP", "forward")
    blanks = [
        not_filled("MLP.__init__", source, init),
        not_filled("MLP.forward", source, forward),
    ]
    if any(blanks):
        other = [found for found in blanks if found]
        if blanks[0] is None:
            _, found = _made(source, names)
            other.insert(0, found)
        elif blanks[1] is None:
            reason = "It can be checked when MLP.__init__ is filled in."
            other.append(Finding("MLP.forward", BLANK, reason))
        return None, other
    model, made = _made(source, names)
    if model is None:
        later = Finding("MLP.forward", BLANK, "It can be checked when MLP.__init__ is right.")
        return None, [made, later]
    assert init
    assert forward
    try:
        found = verdict("MLP.forward", _check_forward(model, source, init, forward))
    except Exception as error:
        found = explain("MLP.forward", error, source, forward)
        if "shapes cannot be multiplied" in str(error):  # the layers are at fault
            line = call_line(init, "Linear")
            hint = f" The layers are made from line {line} on." if line else ""
            found = Finding(found.blank, found.state, found.message + hint, found.line)
    return (model if found.state == "right" else None), [made, found]


def _made(source: Source, names: dict[str, Any]) -> tuple[nn.Module | None, Finding]:
    """Return the student's model, None if it is wrong, and the finding for `MLP.__init__`."""
    blank, init = "MLP.__init__", source.method("MLP", "__init__")
    torch.manual_seed(0)
    try:
        model = names["MLP"](*SIZES)
    except Exception as error:
        return None, explain(blank, error, source, init)
    problem = _check_made(model, source, init)
    return (None if problem else model), verdict(blank, problem)


def _check_made(model: Any, source: Source, init: ast.FunctionDef | None) -> Problem | None:
    line = init.lineno if init else None
    if not isinstance(model, nn.Module):
        return Problem(line, "MLP is no `nn.Module`: write `class MLP(nn.Module):`.")
    weights = [p for p in model.parameters() if p.ndim == 2]
    if not weights:
        return Problem(
            line,
            "the model has no weights, so nothing can be trained: its layers must be attributes "
            "of self, or in an `nn.ModuleList`; a plain list or a local name hides them, and "
            "layers made in `forward` are new at every call.",
        )
    if any(not p.requires_grad for p in weights):
        at = (call_line(init, "requires_grad_") if init else None) or line
        return Problem(at, "some weights have `requires_grad=False`: they get no gradient.")
    return check_start(model, init or source.tree, line)


def _check_forward(
    model: nn.Module, source: Source, init: ast.FunctionDef, forward: ast.FunctionDef
) -> Problem | None:
    model.eval()
    torch.manual_seed(1)
    x = torch.rand(6, SIZES[0])
    out = model(x)
    line = returned_line(forward) or forward.lineno
    if not isinstance(out, Tensor):
        cause = "there is no `return`" if out is None else f"it returns a {type(out).__name__}"
        return Problem(line, f"forward gives no tensor: {cause}. Return the logits.")
    if out.shape != (6, 10):
        return Problem(line, _shape_message(tuple(out.shape), init))
    if not out.requires_grad:
        return Problem(
            line,
            "the output has no gradient: `torch.no_grad()`, `.detach()` or `.data` in forward cuts "
            "it off, and nothing is learned.",
        )
    if not torch.equal(out, model(x)):
        return Problem(
            call_line(forward, "Linear", "rand", "randn", "dropout") or line,
            "two calls with the same images differ in evaluation mode: layers (or dropout) are "
            "made anew in forward. Make them in `__init__`.",
        )
    return check_outputs(model, x, out, source, forward, line)


def _shape_message(shape: tuple[int, ...], init: ast.FunctionDef) -> str:
    said = f"for 6 images the output has shape {shape} instead of (6, 10)"
    if shape == (6, SIZES[1]):
        layer = call_line(init, "Linear")
        return (
            f"{said}: it has hidden_size columns. Either classes and hidden size are swapped in "
            f"the layers (line {layer}), or the last layer is not used in forward."
        )
    if shape == (6,):
        return f"{said}: return the ten logits of each image, not its predicted digit or a mean."
    if shape[:1] != (6,):
        return f"{said}: the batch dimension is lost. Keep one row for each image."
    return f"{said}: one logit for each digit is needed."
