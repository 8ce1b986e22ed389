"""A student's file as text and syntax tree: its parts, its blanks, and the lines of its calls."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mnistop.engine.course.findings import BLANK, Finding, Problem, at_line, verdict
from mnistop.engine.course.lines import Node, calls, walk

VALUES = ("input_size", "hidden_size", "num_classes", "learning_rate")
"""The numbers that a student fills in."""
_UNCALLED = {
    "backward": "no gradient is computed",
    "step": "the weights stay the same",
    "zero_grad": "the gradients of all steps add up",
    "zero_": "the gradients of all steps add up",
    "eval": "the model stays in training mode",
    "train": "the model stays in evaluation mode",
}
"""The symptoms of methods whose parentheses are missing."""


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
            names = {one.id for target in targets for one in walk(target, ast.Name)}
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
    def is_functional(self) -> bool:
        """True if it uses `torch.func`, which bears no hooks on what a graph keeps."""
        return bool(re.search(r"\btorch\.func\b|\bfunctorch\b", self.text))

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


# Blanks


def blank_lines(node: ast.AST) -> list[int]:
    """Return the lines of a part that are not filled in: `...`, `____`, or an empty body."""
    indices = {id(one) for index in walk(node, ast.Subscript) for one in ast.walk(index.slice)}
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


def _uncalled(node: ast.AST) -> ast.Attribute | None:
    """Return a method that is a statement of its own without its parentheses."""
    for one in walk(node, ast.Expr):
        if isinstance(one.value, ast.Attribute) and one.value.attr in _UNCALLED:
            return one.value
    return None


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
        message = (
            f"{_UNCALLED[method.attr]}: `{name}` without parentheses names the method, and does "
            f"not call it. Write `{name}()`."
        )
        return verdict(blank, Problem(method.lineno, message))
    return None
