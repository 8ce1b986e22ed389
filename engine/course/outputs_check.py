"""Checking a model by its outputs: that they are logits, and that its layers need each other."""

from __future__ import annotations

import ast

import torch
from torch import Tensor, nn

from mnistop.engine.course.findings import Problem
from mnistop.engine.course.lines import call_line, calls
from mnistop.engine.course.source import Source
from mnistop.engine.course.watching import leaves


def check_start(model: nn.Module, part: ast.AST, line: int | None) -> Problem | None:
    """Find layers whose weights are all equal, in a model of more than one.

    Args:
        model: before any training.
        part: the method that makes it, or the whole file.
        line: the line to name if none sets the weights.
    """
    weights = [p.detach() for p in model.parameters() if p.ndim == 2]
    if len(weights) < 2 or all(float(p.max() - p.min()) for p in weights if p.numel() > 1):
        return None
    return Problem(
        call_line(part, "zeros_", "constant_", "ones_", "fill_", "zero_", "zeros") or line,
        "a layer's weights all start at the same number: every neuron gets the same gradient, and "
        "stays like the others. Keep PyTorch's random start.",
    )


def check_outputs(
    model: nn.Module,
    x: Tensor,
    out: Tensor,
    source: Source,
    forward: ast.AST,
    line: int,
) -> Problem | None:
    """Check that logits come out, and that the layers need each other.

    Args:
        model: in evaluation mode.
        x: images, `(n, ...)`.
        out: its output for them, `(n, 10)`.
        source: the file.
        forward: the method, or the whole file.
        line: the line to name if there is no better one.
    """
    return _check_squashing(model, x, out.detach(), source, forward, line) or check_layers(
        model, x, out, source, forward, line
    )


def _softmax_line(source: Source, forward: ast.AST, line: int) -> int:
    names = ("softmax", "Softmax", "log_softmax", "sigmoid", "Sigmoid", "tanh", "exp")
    inside = call_line(forward, *names)
    if inside:
        return inside
    init = source.method("MLP", "__init__")
    return (call_line(init, *names) if init else None) or line


def _check_squashing(
    model: nn.Module,
    x: Tensor,
    out: Tensor,
    source: Source,
    forward: ast.AST,
    line: int,
) -> Problem | None:
    """Find a function after the last layer that makes something else of the logits."""
    sums = out.sum(1)
    at = _softmax_line(source, forward, line)
    if (out >= 0).all() and torch.allclose(sums, torch.ones_like(sums), atol=1e-4):
        if _takes_log(source):
            return None
        return Problem(
            at,
            "softmax twice: the outputs are probabilities (each row sums to 1), and cross-entropy "
            "takes the softmax of them again. The loss cannot fall below 1.46 and learning is "
            "slow. Return the logits.",
        )
    columns = out.sum(0)
    if (out >= 0).all() and torch.allclose(columns, torch.ones_like(columns), atol=1e-4):
        return Problem(
            at,
            "the softmax runs over the batch (dim=0): each column sums to 1, so images influence "
            "each other. Return the logits, without softmax.",
        )
    alone = torch.cat([model(one[None]) for one in x]).detach()
    if not torch.allclose(out, alone, atol=1e-4):
        return Problem(
            call_line(forward, "view", "reshape", "t", "transpose", "permute") or at,
            "an image's output depends on the other images of its batch: no operation may run "
            "along dim 0, and a reshape has to keep it, as `x.view(len(x), -1)` does.",
        )
    far = torch.cat([model(x * 1e4), model(-x * 1e4)]).detach()
    if float(far.abs().max()) <= 1.001 and _largest_with_long_weights(model, x) <= 1.001:
        return Problem(
            at,
            "the outputs stay between -1 and 1 whatever the image: a sigmoid or tanh after the "
            "last layer. Cross-entropy needs the logits as they are.",
        )
    if float(far.min()) >= 0:
        names = ("relu", "ReLU", "relu_")
        found = [one.lineno for one in ast.walk(forward) if isinstance(one, ast.Call)
                 and ast.unparse(one.func).split(".")[-1] in names]  # fmt: skip
        return Problem(
            max(found, default=line),
            "no output is ever negative: a ReLU after the last layer cuts off the logits, and many "
            "digits get no gradient. The ReLU belongs between the layers only.",
        )
    return None


def _takes_log(source: Source) -> bool:
    """Return True if the code takes the logarithm of probabilities; `run.log({...})` is another."""
    logs = [call for call in calls(source.tree, "log") if not any(
            isinstance(one, ast.Dict) for one in call.args)]  # fmt: skip
    return bool(logs) or call_line(source.tree, "nll_loss", "NLLLoss") is not None


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


def check_layers(
    model: nn.Module,
    x: Tensor,
    out: Tensor,
    source: Source,
    forward: ast.AST,
    line: int,
) -> Problem | None:
    """Find a missing nonlinearity, and layers that take no part; as `check_outputs`."""
    with torch.no_grad():
        # never negative, as pixels: a ReLU on the images themselves bends nothing
        one, two = (torch.rand_like(x) * (torch.rand_like(x) > 0.8) * 3 for _ in range(2))
        outputs = [model(at) for at in (one + two, one, two, torch.zeros_like(x))]
        both, first, second, at_zero = (each - each.mean(1, keepdim=True) for each in outputs)
        bend, size = both - first - second + at_zero, first.abs().max()
    is_linear = float(bend.abs().max()) < 1e-3 * float(size)
    model.zero_grad()
    torch.autograd.backward(out.square().sum())
    wanted = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    unused = [name for name, p in wanted if p.grad is None]
    model.zero_grad()
    own = {id(p) for p in model.parameters()}
    if any(id(one) not in own for one in leaves(out)):
        return Problem(
            line,
            "a layer that the output uses is not among `model.parameters()`, so it never learns: "
            "layers must be attributes of self, or in an `nn.ModuleList`; a plain list or a "
            "dictionary hides them.",
        )
    if unused:
        layer = unused[0].rpartition(".")[0] or unused[0]
        return Problem(
            line,
            f"`self.{layer}` takes no part in the output, so it never learns: forward does not "
            "pass its input through it, or does not use the result.",
        )
    if is_linear and len([p for p in model.parameters() if p.ndim == 2]) > 1:
        return Problem(
            line,
            "no bend between the layers: the output is linear in the image, so two layers can do "
            "no more than one. Put a ReLU between them and use its result.",
        )
    return None
