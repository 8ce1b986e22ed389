"""A student's file as text and syntax tree: its parts, its blanks, and the lines of its calls."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from mnistop.engine.course.findings import BLANK, Finding, at_line, wrong

Node = TypeVar("Node", bound=ast.AST)

VALUES = ("input_size", "hidden_size", "num_classes", "learning_rate")
"""The numbers that a student fills in."""
OPTIMIZERS = ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "NAdam", "RAdam", "Adadelta")
"""The optimizers that students make."""
LOSSES = ("cross_entropy", "CrossEntropyLoss", "nll_loss", "NLLLoss", "criterion", "loss_fn",
          "loss_function")  # fmt: skip
"""Names by which losses are called."""
_UNCALLED = {
    "backward": "no gradient is computed",
    "step": "the weights stay the same",
    "zero_grad": "the gradients of all steps add up",
    "zero_": "the gradients of all steps add up",
    "eval": "the model stays in training mode",
    "train": "the model stays in evaluation mode",
}
"""What becomes of a method whose parentheses are missing."""
_NUMBER = r"\.(item|detach|tolist|numpy|data)\b|float\("
_CLEARS = ("zero_grad", "zero_", "fill_")
_UPDATES = ("step", "sub_", "add_", "copy_", "set_", "_foreach_add_", "_foreach_sub_", "addcmul_")


@dataclass(frozen=True)
class Source:
    """A student's file."""

    path: str
    text: str

    @classmethod
    def read(cls, path: Path) -> Source:
        """Read a file.

        Raises:
            OSError: it cannot be read.
            UnicodeDecodeError: it is not text.
        """
        return cls(str(path.absolute()), path.read_text(encoding="utf-8-sig"))

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree.

        Raises:
            SyntaxError, ValueError: the file is not Python.
        """
        return ast.parse(self.text, self.path)

    def line(self, number: int | None) -> str:
        """Return the code of a line without its indentation; empty if there is none."""
        lines = self.text.splitlines()
        return lines[number - 1].strip() if number and number <= len(lines) else ""

    # Parts

    def function(self, name: str) -> ast.FunctionDef | None:
        """Return a function of the file by name."""
        return _named(self.tree.body, name, ast.FunctionDef)

    def method(self, class_name: str, name: str) -> ast.FunctionDef | None:
        """Return a method by name."""
        found = _named(self.tree.body, class_name, ast.ClassDef)
        return _named(found.body, name, ast.FunctionDef) if found else None

    def methods_of(self, name: str) -> str:
        """Return a sentence with the methods that a class has instead of `class.name`."""
        found = _named(self.tree.body, name.partition(".")[0], ast.ClassDef)
        names = [f"`{one.name}`" for one in found.body if isinstance(one, ast.FunctionDef)
                 ] if found else []  # fmt: skip
        return f" The class has {' and '.join(names)}." if names else ""

    def value(self, name: str) -> ast.Assign | ast.AnnAssign | None:
        """Return the assignment of a name outside of functions."""
        for node in self.tree.body:
            targets = (
                node.targets
                if isinstance(node, ast.Assign)
                else [node.target]
                if isinstance(node, ast.AnnAssign)
                else []
            )
            names = {one.id for target in targets for one in _walk(target, ast.Name)}
            if name in names and isinstance(node, ast.Assign | ast.AnnAssign):
                return node
        return None

    def around(self, line: int | None) -> ast.AST:
        """Return the smallest loop or function around a line, or the whole file."""
        inside = [
            node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.For | ast.FunctionDef)
            and line
            and node.lineno < line <= (node.end_lineno or 0)
            and any(True for _ in calls(node, "backward", "grad"))
        ]
        return max(inside, key=lambda node: node.lineno, default=self.tree)

    @cached_property
    def main_block(self) -> ast.If | None:
        """The block that runs only as a script."""
        for node in self.tree.body:
            if isinstance(node, ast.If) and "__main__" in ast.unparse(node.test):
                return node
        return None

    @property
    def has_functions(self) -> bool:
        """True for a file of the exercise's functions, False for a loop in one piece."""
        if self.function("train_step") or self.function("evaluate"):
            return True
        is_trained = any(True for _ in calls(self.tree, "backward", "grad"))
        return not is_trained and self.method("MLP", "forward") is not None


def _named(body: list[ast.stmt], name: str, kind: type[Node]) -> Node | None:
    found = [node for node in body if isinstance(node, kind) and getattr(node, "name", "") == name]
    return found[-1] if found else None


def _walk(node: ast.AST, kind: type[Node]) -> Iterator[Node]:
    return (one for one in ast.walk(node) if isinstance(one, kind))


# Blanks


def blank_lines(node: ast.AST) -> list[int]:
    """Return the lines of a part that are not filled in: `...`, `____`, or an empty body."""
    indices = {id(one) for index in _walk(node, ast.Subscript) for one in ast.walk(index.slice)}
    found = [
        one.lineno
        for one in ast.walk(node)
        if (isinstance(one, ast.Constant) and one.value is ... and id(one) not in indices)
        or (
            isinstance(one, ast.Name)
            and isinstance(one.ctx, ast.Load)  # `__, predicted = ...` throws a value away
            and len(one.id) > 1
            and set(one.id) == {"_"}
        )
    ]
    if isinstance(node, ast.FunctionDef):
        body = [one for one in node.body if not _is_text(one)]
        if all(isinstance(one, ast.Pass) for one in body):
            found.append(body[0].lineno if body else node.lineno)
        elif isinstance(body[0], ast.Raise) and "NotImplementedError" in ast.unparse(body[0]):
            found.append(body[0].lineno)
    elif isinstance(node, ast.Assign | ast.AnnAssign) and (
        node.value is None or (isinstance(node.value, ast.Constant) and node.value.value is None)
    ):
        found.append(node.lineno)
    return sorted(set(found))


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def not_filled(blank: str, source: Source, part: ast.AST | None) -> Finding | None:
    """Return a finding if a part of the file is missing, not filled in, or lacks parentheses."""
    if part is None:
        return Finding(
            blank, BLANK, f"There is no `{blank}` in the file.{source.methods_of(blank)}"
        )
    if lines := blank_lines(part):
        code = source.line(lines[0])
        return Finding(blank, BLANK, at_line(lines[0], f"not filled in: {code}"), lines[0])
    if method := _uncalled(part):
        name = ast.unparse(method)
        return wrong(
            blank,
            method.lineno,
            f"{_UNCALLED[method.attr]}: `{name}` without parentheses names the method, and does "
            f"not call it. Write `{name}()`.",
        )
    return None


# Lines of calls


def calls(node: ast.AST, *names: str) -> Iterator[ast.Call]:
    """Yield the calls of functions or methods by their last name, in the order of lines."""
    found = [
        one
        for one in _walk(node, ast.Call)
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
    for one in _walk(node, ast.Assign):
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
        for loop in _walk(node, ast.For)
        if "param" in ast.unparse(loop.iter)
        for one in _walk(loop.target, ast.Name)
    }
    for assigned in _walk(node, ast.AugAssign):
        target = ast.unparse(assigned.target).split(".")[0]
        if "grad" in ast.unparse(assigned.value) or target in weights:
            found.add(assigned.lineno)
    for one in _walk(node, ast.Assign):
        text = ast.unparse(one.value)
        if ".grad" in text and any(symbol in text for symbol in "-+*"):
            found.add(one.lineno)
    return sorted(found)


def rebinding_line(node: ast.AST) -> int | None:
    """Return the line of `param = param - lr * param.grad`, which only names a new tensor."""
    for one in _walk(node, ast.Assign):
        text = ast.unparse(one.value)
        names = [target.id for target in one.targets if isinstance(target, ast.Name)]
        if any(f"{name}.grad" in text and f"{name} " in text + " " for name in names):
            return one.lineno
    for loop in _walk(node, ast.For):
        own = {one.id for one in _walk(loop.target, ast.Name)}
        for one in _walk(loop, ast.Assign):
            names = [target.id for target in one.targets if isinstance(target, ast.Name)]
            is_bare = isinstance(one.value, ast.BinOp)
            if is_bare and own & set(names) and "grad" in ast.unparse(one.value):
                return one.lineno
    return None


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
    for added in _walk(node, ast.AugAssign):
        text = ast.unparse(added.value)
        has_loss = "loss" in text or any(True for _ in calls(added.value, *LOSSES))
        if isinstance(added.op, ast.Add) and has_loss and not re.search(_NUMBER, text):
            return added.lineno
    kept = [one for one in calls(node, "append") if not re.search(_NUMBER, ast.unparse(one))]
    return next((one.lineno for one in kept if "loss" in ast.unparse(one)), None)


def returned_line(node: ast.AST) -> int | None:
    """Return the line of the last `return`; that of the function if there is none."""
    returns = [one.lineno for one in _walk(node, ast.Return)]
    return max(returns, default=getattr(node, "lineno", None))


def _uncalled(node: ast.AST) -> ast.Attribute | None:
    """Return a method that is a statement of its own without its parentheses."""
    for one in _walk(node, ast.Expr):
        if isinstance(one.value, ast.Attribute) and one.value.attr in _UNCALLED:
            return one.value
    return None
