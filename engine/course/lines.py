"""The lines of a student's code in which something is called, cleared, updated or summed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TypeVar

Node = TypeVar("Node", bound=ast.AST)

OPTIMIZERS = ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "NAdam", "RAdam", "Adadelta")
"""The optimizers that students make."""
LOSSES = ("cross_entropy", "CrossEntropyLoss", "nll_loss", "NLLLoss", "criterion", "loss_fn",
          "loss_function")  # fmt: skip
"""Names by which losses are called."""
OTHER_KINDS = {
    "a squared error": ("mse_loss", "MSELoss"),
    "an absolute error": ("l1_loss", "L1Loss"),
    "a binary cross-entropy": (
        "binary_cross_entropy",
        "BCELoss",
        "binary_cross_entropy_with_logits",
        "BCEWithLogitsLoss",
    ),
}
"""Other losses by the names of their functions."""
OTHER_LOSSES = tuple(name for names in OTHER_KINDS.values() for name in names)
_NUMBER = r"\.(item|detach|tolist|numpy|data)\b|float\("
_CLEARS = ("zero_grad", "zero_", "fill_")
_UPDATES = ("step", "sub_", "add_", "copy_", "set_", "_foreach_add_", "_foreach_sub_", "addcmul_")


def walk(node: ast.AST, kind: type[Node]) -> Iterator[Node]:
    """Yield the nodes of a kind in a syntax tree."""
    return (one for one in ast.walk(node) if isinstance(one, kind))


def calls(node: ast.AST, *names: str) -> Iterator[ast.Call]:
    """Yield the calls of functions or methods by their last name, in the order of lines."""
    found = [
        one
        for one in walk(node, ast.Call)
        if (isinstance(one.func, ast.Attribute) and one.func.attr in names)
        or (isinstance(one.func, ast.Name) and one.func.id in names)
    ]
    return iter(sorted(found, key=lambda one: (one.lineno, one.col_offset)))


def call_line(node: ast.AST, *names: str) -> int | None:
    """Return the line of the first such call."""
    return next((one.lineno for one in calls(node, *names)), None)


def clearing_lines(node: ast.AST) -> list[int]:
    """Return the lines that clear gradients: `zero_grad()`, `.grad.zero_()`, `.grad = None`."""
    found = [one.lineno for one in calls(node, *_CLEARS) if "grad" in ast.unparse(one.func)]
    for one in walk(node, ast.Assign):
        if any("grad" in ast.unparse(target).split(".")[-1] for target in one.targets) and (
            isinstance(one.value, ast.Constant) or "zeros" in ast.unparse(one.value)
        ):
            found.append(one.lineno)
    return sorted(found)


def update_lines(node: ast.AST) -> list[int]:
    """Return the lines that may change weights."""
    found = {
        one.lineno
        for one in calls(node, *_UPDATES)
        if ".grad." not in ast.unparse(one.func) or "data" in ast.unparse(one.func)
    }
    weights = {
        one.id
        for loop in walk(node, ast.For)
        if "param" in ast.unparse(loop.iter)
        for one in walk(loop.target, ast.Name)
    }
    for assigned in walk(node, ast.AugAssign):
        target = ast.unparse(assigned.target).split(".")[0]
        if "grad" in ast.unparse(assigned.value) or target in weights:
            found.add(assigned.lineno)
    for one in walk(node, ast.Assign):
        text = ast.unparse(one.value)
        if ".grad" in text and any(symbol in text for symbol in "-+*"):
            found.add(one.lineno)
    return sorted(found)


def rebinding_line(node: ast.AST) -> int | None:
    """Return the line of `param = param - lr * param.grad`, which only names a new tensor."""
    for one in walk(node, ast.Assign):
        text = ast.unparse(one.value)
        names = [target.id for target in one.targets if isinstance(target, ast.Name)]
        if any(f"{name}.grad" in text and f"{name} " in text + " " for name in names):
            return one.lineno
    for loop in walk(node, ast.For):
        own = {one.id for one in walk(loop.target, ast.Name)}
        for one in walk(loop, ast.Assign):
            names = [target.id for target in one.targets if isinstance(target, ast.Name)]
            is_bare = isinstance(one.value, ast.BinOp)
            if is_bare and own & set(names) and "grad" in ast.unparse(one.value):
                return one.lineno
    return None


def around(node: ast.AST, line: int | None) -> ast.For | ast.While | None:
    """Return the innermost loop around a line."""
    found = [
        one
        for one in ast.walk(node)
        if isinstance(one, ast.For | ast.While)
        and line
        and one.lineno <= line <= (one.end_lineno or 0)
    ]
    return max(found, key=lambda one: one.lineno, default=None)


def near_line(node: ast.AST, line: int | None, *names: str) -> int | None:
    """Return the line of the call that is nearest to a line, one above it before one below."""
    found = [one.lineno for one in calls(node, *names)]
    at = line or 0
    return min(found, key=lambda one: (abs(one - at), one), default=None)


def line_before(node: ast.AST, line: int | None, *names: str) -> int | None:
    """Return the line of the last such call above a line."""
    found = [one.lineno for one in calls(node, *names) if line and one.lineno < line]
    return max(found, default=None)


def sum_line(node: ast.AST) -> int | None:
    """Return the line that sums or keeps losses as they are, as `total += loss`."""
    for added in walk(node, ast.AugAssign):
        text = ast.unparse(added.value)
        has_loss = "loss" in text or any(True for _ in calls(added.value, *LOSSES))
        if isinstance(added.op, ast.Add) and has_loss and not re.search(_NUMBER, text):
            return added.lineno
    kept = [one for one in calls(node, "append") if not re.search(_NUMBER, ast.unparse(one))]
    return next((one.lineno for one in kept if "loss" in ast.unparse(one)), None)


def returned_line(node: ast.AST) -> int | None:
    """Return the line of the last `return`; that of the function if there is none."""
    returns = [one.lineno for one in walk(node, ast.Return)]
    return max(returns, default=getattr(node, "lineno", None))
