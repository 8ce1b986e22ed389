"""Checking the sizes, the learning rate and the class `MLP` of a student's file."""

from __future__ import annotations

import ast
import numbers
from typing import Any

import torch
from torch import Tensor, nn

from mnistop.engine.course.findings import BLANK, Finding, Problem, at_line, verdict
from mnistop.engine.course.source import VALUES, Source, blank_lines, call_line, return_line
from mnistop.engine.course.student import explain

SIZES = (784, 128, 10)
_TOO_HIGH, _TOO_LOW = 5.0, 1e-6


def not_filled(blank: str, source: Source, part: ast.AST | None) -> Finding | None:
    """Return a finding if a part of the file is missing or not filled in."""
    if part is None:
        return Finding(blank, BLANK, f"There is no `{blank}` in the file.")
    if lines := blank_lines(part):
        code = source.line(lines[0])
        return Finding(blank, BLANK, at_line(lines[0], f"not filled in: {code}"), lines[0])
    return None


def check_values(source: Source, names: dict[str, Any]) -> list[Finding]:
    """Check the three sizes and the learning rate."""
    found = []
    for name in VALUES:
        node = source.value(name)
        line = node.lineno if node else None
        empty = not_filled(name, source, node)
        found.append(empty or verdict(name, _check_value(name, names), line))
    return found


def _check_value(name: str, names: dict[str, Any]) -> Problem | None:
    value = names.get(name)
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        return Problem(f"{name} is {value!r}: a number is needed.")
    if name == "learning_rate":
        return _check_rate(float(value))
    if not isinstance(value, numbers.Integral):
        return Problem(f"{name} is {value!r}: a whole number is needed, without a point.")
    if name == "hidden_size":
        if value < 1:
            return Problem(f"{value} neurons: a hidden layer needs at least one.")
        return None
    expected = 784 if name == "input_size" else 10
    if value == expected:
        return None
    if names.get("hidden_size") == expected or (name == "num_classes" and value in (64, 128, 256)):
        return Problem(
            f"{name} is {value} and hidden_size is {names.get('hidden_size')}: classes and hidden "
            f"size are swapped. There are {expected} {'inputs' if expected == 784 else 'digits'}."
        )
    reason = (
        "an image of 28 x 28 pixels, flattened, is a row of 784 numbers."
        if name == "input_size"
        else "there are ten digits, 0 to 9, and one logit for each."
    )
    return Problem(f"{name} is {value}, but {reason}")


def _check_rate(rate: float) -> Problem | None:
    if rate < 0:
        return Problem(f"{rate:g} is negative: every step climbs, and the loss rises.")
    if not rate > _TOO_LOW:
        return Problem(f"{rate:g} is too low: the weights hardly move, and the loss stays at 2.3.")
    if rate > _TOO_HIGH:
        return Problem(f"{rate:g} is too high: the steps overshoot, and the loss jumps or is NaN.")
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
            other.insert(0, _made(source, names)[1])
        elif blanks[1] is None:
            reason = "It can be checked when MLP.__init__ is filled in."
            other.append(Finding("MLP.forward", BLANK, reason))
        return None, other
    model, ready = _made(source, names)
    if model is None:
        later = Finding("MLP.forward", BLANK, "It can be checked when MLP.__init__ is right.")
        return None, [ready, later]
    assert init
    assert forward
    try:
        problem = _check_forward(model, source, init, forward)
        found = verdict("MLP.forward", problem, return_line(forward))
    except Exception as error:
        found = explain("MLP.forward", error, source, forward)
        if "shapes cannot be multiplied" in str(error):  # the layers are at fault
            line = call_line(init, "Linear")
            hint = f" The layers are made from line {line} on." if line else ""
            found = Finding(found.blank, found.state, found.message + hint, found.line)
    is_usable = found.state == "right" and ready.state == "right"
    return (model if is_usable else None), [ready, found]


def _made(source: Source, names: dict[str, Any]) -> tuple[nn.Module | None, Finding]:
    blank, init = "MLP.__init__", source.method("MLP", "__init__")
    torch.manual_seed(0)
    try:
        model = names["MLP"](*SIZES)
    except Exception as error:
        return None, explain(blank, error, source, init)
    found = verdict(blank, _check_made(model), init.lineno if init else None)
    is_model = isinstance(model, nn.Module) and any(p.ndim == 2 for p in model.parameters())
    return (model if is_model else None), found


def _check_made(model: Any) -> Problem | None:
    if not isinstance(model, nn.Module):
        return Problem("MLP is no `nn.Module`: write `class MLP(nn.Module):`.")
    weights = [p for p in model.parameters() if p.ndim == 2]
    if not weights:
        return Problem(
            "the model has no weights, so nothing can be trained: its layers must be attributes "
            "of self, or in an `nn.ModuleList`; a plain list or a local name hides them, and "
            "layers made in `forward` are new at every call."
        )
    if any(not p.requires_grad for p in weights):
        return Problem("some weights have `requires_grad=False`: they get no gradient.")
    if any(float(p.detach().abs().max()) == 0 for p in weights):
        return Problem(
            "a layer's weights all start at zero: every neuron gets the same gradient, and stays "
            "like the others. Keep PyTorch's random start."
        )
    return None


def _check_forward(
    model: nn.Module, source: Source, init: ast.FunctionDef, forward: ast.FunctionDef
) -> Problem | None:
    model.eval()
    torch.manual_seed(1)
    x = torch.rand(6, SIZES[0])
    out = model(x)
    if not isinstance(out, Tensor):
        cause = "there is no `return`" if out is None else f"it returns a {type(out).__name__}"
        return Problem(f"forward gives no tensor: {cause}. Return the logits.")
    if out.shape != (6, 10):
        return Problem(_shape_message(tuple(out.shape), init))
    if not out.requires_grad:
        return Problem(
            "the output has no gradient: `torch.no_grad()`, `.detach()` or `.data` in forward cuts "
            "it off, and nothing is learned."
        )
    if not torch.equal(out, model(x)):
        return Problem(
            "two calls with the same images differ in evaluation mode: layers (or dropout) are "
            "made anew in forward. Make them in `__init__`.",
            call_line(forward, "Linear", "rand", "randn", "dropout"),
        )
    return check_outputs(model, x, out, source, forward)


def check_outputs(
    model: nn.Module, x: Tensor, out: Tensor, source: Source, forward: ast.AST
) -> Problem | None:
    """Check that logits come out, and that the layers need each other.

    Args:
        model: in evaluation mode.
        x: images, `(n, ...)`.
        out: its output for them, `(n, 10)`.
        source: the file.
        forward: the method, or the whole file.
    """
    squashing = _check_squashing(model, x, out.detach(), source, forward)
    return squashing or _check_layers(model, x, out)


def _shape_message(shape: tuple[int, ...], init: ast.FunctionDef) -> str:
    said = f"for 6 images the output has shape {shape} instead of (6, 10)"
    if shape == (6, SIZES[1]):
        layer = call_line(init, "Linear")
        return (
            f"{said}: it has hidden_size columns. Either classes and hidden size are swapped in "
            f"the layers (line {layer}), or the last layer is not used in forward."
        )
    if shape[:1] != (6,):
        return f"{said}: the batch dimension is lost. Keep one row for each image."
    return f"{said}: one logit for each digit is needed."


def _softmax_line(source: Source, forward: ast.AST) -> int | None:
    names = ("softmax", "Softmax", "log_softmax", "sigmoid", "Sigmoid", "tanh", "exp")
    init = source.method("MLP", "__init__")
    return call_line(forward, *names) or (call_line(init, *names) if init else None)


def _check_squashing(
    model: nn.Module, x: Tensor, out: Tensor, source: Source, forward: ast.AST
) -> Problem | None:
    """Find a function after the last layer that makes something else of the logits."""
    sums = out.sum(1)
    at = _softmax_line(source, forward)
    takes_log = call_line(source.tree, "nll_loss", "NLLLoss", "log")
    if (out >= 0).all() and torch.allclose(sums, torch.ones_like(sums), atol=1e-4):
        if takes_log:
            return None
        return Problem(
            "softmax twice: the outputs are probabilities (each row sums to 1), and cross-entropy "
            "takes the softmax of them again. The loss cannot fall below 1.46 and learning is "
            "slow. Return the logits.",
            at,
        )
    columns = out.sum(0)
    if (out >= 0).all() and torch.allclose(columns, torch.ones_like(columns), atol=1e-4):
        return Problem(
            "the softmax runs over the batch (dim=0): each column sums to 1, so images influence "
            "each other. Return the logits, without softmax.",
            at,
        )
    alone = torch.cat([model(one[None]) for one in x]).detach()
    if not torch.allclose(out, alone, atol=1e-4):
        return Problem(
            "an image's output depends on the other images of its batch: no operation "
            "may run along dim 0.",
            at,
        )
    far = torch.cat([model(x * 1e4), model(-x * 1e4)]).detach()
    if float(far.abs().max()) <= 1.001 and _largest_with_long_weights(model, x) <= 1.001:
        return Problem(
            "the outputs stay between -1 and 1 whatever the image: a sigmoid or tanh after the "
            "last layer. Cross-entropy needs the logits as they are.",
            at,
        )
    if float(far.min()) >= 0:
        names = ("relu", "ReLU", "relu_")
        found = [one.lineno for one in ast.walk(forward) if isinstance(one, ast.Call)
                 and ast.unparse(one.func).split(".")[-1] in names]  # fmt: skip
        return Problem(
            "no output is ever negative: a ReLU after the last layer cuts off the logits, and many "
            "digits get no gradient. The ReLU belongs between the layers only.",
            max(found, default=None),
        )
    return None


def _largest_with_long_weights(model: nn.Module, x: Tensor) -> float:
    """Return the largest output of a model whose weights are 1000 times as long.

    New weights are small: behind a sigmoid or tanh between the layers the logits of any image may
    stay below 1. Only a function after the last layer bounds them with any weights.
    """
    before = [p.data for p in model.parameters()]
    with torch.no_grad():
        try:
            for p in model.parameters():
                p.data = p.data * 1000  # not in place: a graph may hold the weights
            return float(model(x).abs().max())
        finally:
            for p, old in zip(model.parameters(), before, strict=True):
                p.data = old


def _check_layers(model: nn.Module, x: Tensor, out: Tensor) -> Problem | None:
    """Find a missing nonlinearity, and layers that take no part."""
    with torch.no_grad():
        # never negative, as pixels: a ReLU on the images themselves bends nothing
        one, two = (torch.rand_like(x) * (torch.rand_like(x) > 0.8) * 3 for _ in range(2))
        outputs = [model(at) for at in (one + two, one, two, torch.zeros_like(x))]
        both, first, second, at_zero = (each - each.mean(1, keepdim=True) for each in outputs)
        bend, size = both - first - second + at_zero, first.abs().max()
    is_linear = float(bend.abs().max()) < 1e-3 * float(size)
    model.zero_grad()
    torch.autograd.backward(out.square().sum())
    unused = [name for name, p in model.named_parameters() if p.grad is None]
    model.zero_grad()
    if unused:
        layer = unused[0].rpartition(".")[0] or unused[0]
        return Problem(
            f"`self.{layer}` takes no part in the output, so it never learns: forward does not "
            "pass its input through it, or does not use the result."
        )
    if is_linear and len([p for p in model.parameters() if p.ndim == 2]) > 1:
        return Problem(
            "no bend between the layers: the output is linear in the image, so two layers can do "
            "no more than one. Put a ReLU between them and use its result."
        )
    return None
