"""Executing a student's file, without what would train, draw, download or be recorded."""

from __future__ import annotations

import ast
import contextlib
import importlib
import os
import sys
from collections.abc import Iterator
from typing import Any
from unittest import mock

import numpy as np

from mnistop.engine.course.exceptions import StillRunningError
from mnistop.engine.course.lines import call_line
from mnistop.engine.course.source import Source
from mnistop.engine.course.truth import images_and_labels


def load(source: Source) -> dict[str, Any]:
    """Execute a student's file without its main block, and return its names.

    Statements outside of functions are executed one by one. Loops and calls among them, which
    would train, are left out, as are assignments of what a training function returns; one that
    fails, as on a blank, is passed over.

    Args:
        source: the file.

    Raises:
        SyntaxError: the file is not Python.
        Exception: an import fails.
    """
    names: dict[str, Any] = {"__name__": "student", "__file__": source.path}
    training = _training_functions(source)
    for node in source.tree.body:
        if isinstance(node, ast.For | ast.While | ast.With | ast.Expr):
            continue
        if isinstance(node, ast.Assign | ast.AnnAssign) and call_line(node, *training):
            continue
        code = compile(ast.Module([node], []), source.path, "exec")
        try:
            exec(code, names)
        except Exception:
            if isinstance(node, ast.Import | ast.ImportFrom | ast.ClassDef | ast.FunctionDef):
                raise
        except StillRunningError as error:
            error.is_outside = True
            raise
    return names


def _training_functions(source: Source) -> set[str]:
    """Return the names of the file's functions that train or evaluate, or call one that does."""
    functions = [one for one in source.tree.body if isinstance(one, ast.FunctionDef)]
    found = {"train_step", "evaluate"}
    for _ in functions:
        found |= {one.name for one in functions if call_line(one, "backward", *found)}
    return found


@contextlib.contextmanager
def stand_ins(source: Source) -> Iterator[None]:
    """Set up this process for a student's file: nothing is recorded, drawn or downloaded."""
    folder = os.path.dirname(source.path)
    environment = {"MNISTOP_DISABLED": "1", "MPLBACKEND": "Agg"}
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, environment))
        stack.enter_context(mock.patch.object(sys, "path", [folder, *sys.path]))
        stack.enter_context(mock.patch.object(sys, "argv", [source.path]))
        if "matplotlib" in source.text:
            stack.enter_context(_pictures())
        if "fetch_openml" in source.text:
            from sklearn import datasets

            stack.enter_context(mock.patch.object(datasets, "fetch_openml", _fetch_bundled))
        yield


@contextlib.contextmanager
def _pictures() -> Iterator[None]:
    """Replace Matplotlib by a stand-in; other modules loaded meanwhile stay."""
    picture: Any = _Picture()
    names = ("matplotlib", "matplotlib.pyplot")
    before = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    sys.modules |= dict.fromkeys(names, picture)
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]
        sys.modules |= before


class _Picture:
    """A stand-in for Matplotlib that accepts everything and draws nothing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self

    def __iter__(self) -> Iterator[Any]:
        return iter([self] * 16)

    def __getitem__(self, place: Any) -> Any:
        return self

    def subplots(self, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """Return a figure and axes."""
        return self, self


def _fetch_bundled(*args: Any, return_X_y: bool = False, **kwargs: Any) -> Any:  # noqa: N803
    """Stand in for scikit-learn's `fetch_openml`: return the bundled images, without a network."""
    from sklearn.utils import Bunch

    x, y = images_and_labels(4000)
    images, labels = (x * 255).round().numpy().astype(np.int64), y.numpy().astype(str)
    if kwargs.get("as_frame", "auto") is not False:
        with contextlib.suppress(ImportError):
            pandas = importlib.import_module("pandas")
            images, labels = pandas.DataFrame(images), pandas.Series(labels)
    return (images, labels) if return_X_y else Bunch(data=images, target=labels)
