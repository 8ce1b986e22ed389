"""Private names of Textual are used in one file of the interface and one of the tests."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from functools import cache
from pathlib import Path
from types import FunctionType

import pytest
import textual

import mnistop.tui
from mnistop.tui.terminal import textual_hooks
from tests.helpers.small_runs import ROOT


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def defined(tree: ast.AST) -> set[str]:
    """The private names of methods and of attributes that are assigned to."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.add(node.attr)
    return set(filter(is_private, names))


@cache
def of_textual() -> frozenset[str]:
    """The private names that Textual defines or assigns to: `def _name`, `._name =`."""
    pattern = re.compile(r"\bdef (_[a-z]\w*)|\.(_[a-z]\w*)\s*[=:]")
    files = Path(textual.__file__).parent.rglob("*.py")
    return frozenset(
        one or other for file in files for one, other in pattern.findall(file.read_text("utf-8"))
    )


def uses(tree: ast.AST) -> list[tuple[str, str]]:
    """The private names of Textual that are read, called or imported, each with its code."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in of_textual():
            found.append((node.attr, ast.unparse(node)))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("textual"):
            names = [*(node.module or "").split("."), *(each.name for each in node.names)]
            found += [("", ast.unparse(node))] * any(map(is_private, names))
    return [each for each in found if not each[1].startswith(("os.", "asyncio."))]


@pytest.mark.slow
def test_private_names_of_textual_are_used_in_one_file_only() -> None:
    own: dict[str, set[str]] = {}
    used = {}
    for room in ("engine", "tui", "tests"):
        own[room] = set()
        for path in (ROOT / room).rglob("*.py"):
            tree = ast.parse(path.read_text("utf-8"))
            used[path.relative_to(ROOT)] = uses(tree)
            if path.name != "textual_hooks.py":
                own[room] |= defined(tree)
    assert used.pop(Path("tui/terminal/textual_hooks.py"))
    assert used.pop(Path("tests/helpers/textual_hooks.py"))
    for room, others in (("tui", ("engine",)), ("tests", ("engine", "tui"))):
        known = own[room].union(*(own[other] for other in others))
        found = {
            str(path): [code for name, code in names if name not in known]
            for path, names in used.items()
            if path.parts[0] == room
        }
        assert {path: codes for path, codes in found.items() if codes} == {}


def test_no_class_but_a_hook_overrides_a_private_name_of_textual() -> None:
    found = {
        f"{one.__module__}.{one.__name__}.{name}"
        for info in pkgutil.walk_packages(mnistop.tui.__path__, "mnistop.tui.")
        for one in vars(importlib.import_module(info.name)).values()
        if isinstance(one, type) and one.__module__ == info.name
        for name, value in vars(one).items()
        for base in one.__mro__[1:]
        if base.__module__.startswith("textual.") and name in vars(base)
        if is_private(name) and isinstance(value, FunctionType | property | classmethod)
        if one.__module__ != textual_hooks.__name__
    }
    assert found == set()


@pytest.mark.parametrize(
    "code", ["app._driver.write('')", "super()._dispatch_message(m)", "from textual._x import y"]
)
def test_a_private_name_is_found(code: str) -> None:
    assert uses(ast.parse(code))
