"""Checking a training loop in one piece, as the notebook's cell is: it runs, and is watched.

The script runs until it has trained a few epochs. Its steps are judged by weights and gradients,
its validation by the images that it was given.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import io
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules import module as hooks

from mnistop.engine.course import model_check
from mnistop.engine.course.findings import BLANK, Finding, Problem, at_line, verdict
from mnistop.engine.course.source import (
    Source,
    blank_lines,
    call_line,
    kept_graph_line,
    return_line,
)
from mnistop.engine.course.step_check import (
    Reference,
    check_loss_calls,
    images_and_labels,
    near,
    slices_of,
)
from mnistop.engine.course.student import StillRunningError, explain
from mnistop.engine.course.updates import Step, check_updates
from mnistop.engine.course.watching import Event, Watch, flat

_STEPS = 80
"""Computations of gradients after which the script is stopped: three epochs of the notebook's."""
_VALIDATION = re.compile(r"(^|_)(val|valid|validation|test)(_|\d|$)", re.IGNORECASE)
"""Names of validation, as `val_loss`, but not `values` or `latest`."""
_EXAMINED = 8
"""Steps whose weights are compared."""


class _EnoughError(BaseException):
    """Raised in the student's script when it has been watched long enough."""


@dataclass
class _Pass:
    """A forward pass of the whole model."""

    rows: set[int]
    line: int | None
    losses: int
    """How many losses were computed before it."""
    is_training: bool = False


@dataclass
class _Script:
    """A script that is being watched."""

    source: Source
    parameters: list[Tensor] = field(default_factory=list)
    model: nn.Module | None = None
    inputs: Tensor | None = None
    passes: list[_Pass] = field(default_factory=list)
    depth: int = 0
    names: dict[str, Any] = field(default_factory=dict)
    evaluated: list[tuple[list[_Pass], dict[str, float]]] = field(default_factory=list)
    """Each validation with the numbers that the script's names had after it."""
    watch: Watch = field(init=False)

    def __post_init__(self) -> None:
        self.watch = Watch(
            self.source.path,
            lambda: self.parameters,  # type: ignore[arg-type,return-value]
            self._find_parameters,
            self._count,
        )

    def run(self) -> Exception | None:
        """Run the script until it has shown enough; return its exception, if it raised one."""
        with self.watch, _hooks(self), _offline(), contextlib.redirect_stdout(io.StringIO()):
            try:
                code = compile(self.source.tree, self.source.path, "exec")
                exec(code, self.names)
            except (_EnoughError, SystemExit):
                pass
            except StillRunningError as error:
                if not self.watch.of("backward", "gradient"):
                    raise RuntimeError("No training step came in time") from error
            except Exception as error:
                return error
        return None

    def _find_parameters(self, loss: Tensor) -> None:
        found = _leaves(loss)
        if found and {id(one) for one in found} != {id(one) for one in self.parameters}:
            self.parameters = found

    def _count(self, event: Event) -> None:
        if event.kind == "backward" or (event.kind == "gradient" and event.fresh is not None):
            if self.passes:
                self.passes[-1].is_training = True
            if len(self.watch.of("backward", "gradient")) >= _STEPS:
                raise _EnoughError

    def enter(self, model: nn.Module, args: tuple[Any, ...]) -> None:
        """Record the start of a module's forward pass."""
        self.depth += 1
        is_root = self.depth == 1 and any(True for _ in model.parameters())
        if not is_root or not args or not isinstance(args[0], Tensor) or self.watch.is_paused:
            return
        x = args[0].detach()
        if self.model is None and x.ndim >= 2:
            self.inputs = x[:6].clone()
        self.model = self.model or model
        self._note_evaluation()
        flat_rows = x.reshape(len(x), -1).double() if x.ndim > 1 else x[None].double()
        keys = (flat_rows @ torch.linspace(1, 2, flat_rows.shape[1], dtype=torch.float64)).tolist()
        rows = {hash(round(key, 6)) for key in keys}
        self.passes.append(_Pass(rows, self.watch.line(), len(self.watch.losses)))

    def _note_evaluation(self) -> None:
        """Keep the script's numbers when passes without `backward` are over."""
        trailing: list[_Pass] = []
        for one in reversed(self.passes):
            if one.is_training:
                break
            trailing.insert(0, one)
        values = _numbers(self.names)
        if trailing:
            if self.evaluated and self.evaluated[-1][0][0] is trailing[0]:
                self.evaluated.pop()
            self.evaluated.append((trailing, values))

    def leave(self) -> None:
        """Record the end of a module's forward pass."""
        self.depth = max(0, self.depth - 1)


def _numbers(names: dict[str, Any]) -> dict[str, float]:
    """Return the numbers that names hold, and the last ones of lists."""
    found = {}
    for name, value in names.items():
        last = value[-1] if isinstance(value, list) and value else value
        if isinstance(last, float | int | np.floating) and not isinstance(last, bool):
            found[f"{name}[-1]" if isinstance(value, list) else name] = float(last)
    return found


def _leaves(loss: Tensor) -> list[Tensor]:
    """Return the tensors that a loss's `backward()` would give gradients to."""
    found: list[Tensor] = []
    seen: set[Any] = set()
    waiting: list[Any] = [loss.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            found.append(node.variable)
        waiting.extend(before for before, _ in node.next_functions)
    return found


@contextlib.contextmanager
def _hooks(script: _Script) -> Iterator[None]:
    enter = hooks.register_module_forward_pre_hook(lambda model, args: script.enter(model, args))
    leave = hooks.register_module_forward_hook(lambda *_: script.leave())
    try:
        yield
    finally:
        enter.remove()
        leave.remove()


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


def fetch_bundled(*args: Any, return_X_y: bool = False, **kwargs: Any) -> Any:  # noqa: N803
    """Stand in for scikit-learn's `fetch_openml`: return the bundled images, without a network."""
    from sklearn.utils import Bunch

    x, y = images_and_labels(4000)
    images, labels = (x * 255).round().numpy().astype(np.int64), y.numpy().astype(str)
    if kwargs.get("as_frame", "auto") is not False:
        with contextlib.suppress(ImportError):
            pandas = importlib.import_module("pandas")
            images, labels = pandas.DataFrame(images), pandas.Series(labels)
    return (images, labels) if return_X_y else Bunch(data=images, target=labels)


@contextlib.contextmanager
def without_downloads() -> Iterator[None]:
    """Replace what would download."""
    from sklearn import datasets

    with mock.patch.object(datasets, "fetch_openml", fetch_bundled):
        yield


@contextlib.contextmanager
def _offline() -> Iterator[None]:
    """Replace what would draw or download."""
    picture: Any = _Picture()
    stubs = {"matplotlib": picture, "matplotlib.pyplot": picture}
    with mock.patch.dict(sys.modules, stubs), without_downloads():
        yield


def _cell_names() -> dict[str, Any]:
    """Return what the notebook's earlier cells have made, for a file that holds one cell only."""
    from torch.utils.data import DataLoader, TensorDataset

    torch.manual_seed(0)
    x, y = images_and_labels(1000)
    train, val = TensorDataset(x[:800], y[:800]), TensorDataset(x[800:], y[800:])
    return {
        "torch": torch,
        "nn": nn,
        "F": nn.functional,
        "np": np,
        "model": Reference(),
        "criterion": nn.CrossEntropyLoss(),
        "train_loader": DataLoader(train, batch_size=32, shuffle=True),
        "val_loader": DataLoader(val, batch_size=32),
        **dict(zip(("x_train", "x_val", "y_train", "y_val"),
                   (x[:800], x[800:], y[:800], y[800:]), strict=True)),
        "lr": 0.1,
        "learning_rate": 0.1,
        "max_iter": 3,
        "num_epochs": 3,
        "epochs": 3,
    }  # fmt: skip


def check_inline(source: Source) -> list[Finding]:
    """Run a script and check its model, its training steps and its validation."""
    if lines := blank_lines(source.tree):
        code = source.line(lines[0])
        return [Finding("loop", BLANK, at_line(lines[0], f"not filled in: {code}"), lines[0])]
    names: dict[str, Any] = {"__name__": "__main__", "__file__": source.path}
    is_cell = not any(isinstance(one, ast.Import | ast.ImportFrom) for one in source.tree.body)
    script = _Script(source, names=names | (_cell_names() if is_cell else {}))
    torch.manual_seed(0)
    error = script.run()
    steps = _steps(script)
    if error and len(steps) < _EXAMINED:
        return [explain("loop", error, source, None)]
    return [
        *_model(script),
        verdict("training step", _check_training(script, steps)),
        *_validation(script),
    ]


def _steps(script: _Script) -> list[Step]:
    """Return the first steps: each lasts until the next `backward()`."""
    events = script.watch.events
    places = [at for at, event in enumerate(events) if event.kind in ("backward", "gradient")]
    found = []
    for at, following in pairwise([*places, len(events)]):
        event = events[at]
        if event.weights is None or event.fresh is None or event.before is None:
            continue
        later = events[following].weights if following < len(events) else None
        after = flat(script.parameters) if following == len(events) else later
        if after is None or after.shape != event.weights.shape:
            continue
        between = events[at:following]
        found.append(Step(event.weights, after, event.fresh, event.before, None, 0, between))
        if len(found) == _EXAMINED:
            break
    return found


def _check_training(script: _Script, steps: list[Step]) -> Problem | None:
    tree = script.source.tree
    if not steps:
        return Problem(
            "no gradient is computed: `loss.backward()` is never called, so nothing is learned.",
            call_line(tree, "cross_entropy", "criterion", "CrossEntropyLoss"),
        )
    if found := check_loss_calls(script.watch.losses, tree):
        return found
    named: list[tuple[str, Tensor]] = []
    if script.model:
        named += script.model.named_parameters()
    if [id(p) for _, p in named] != [id(p) for p in script.parameters]:
        named = [(f"a tensor of shape {tuple(p.shape)}", p) for p in script.parameters]
    if found := check_updates(steps, slices_of(named), tree):
        return found
    bad = [call for call in script.watch.losses if not torch.isfinite(call.loss).all()]
    if bad:
        return Problem(
            "the loss becomes NaN or infinite: the learning rate is too high.", bad[0].line
        )
    if line := kept_graph_line(tree):
        return Problem(
            "the summed loss keeps the gradients' graphs of all batches alive, and memory grows "
            "with each: add `loss.item()`.",
            line,
        )
    return None


def _model(script: _Script) -> list[Finding]:
    model, x = script.model, script.inputs
    if model is None or x is None:
        return []
    source = script.source
    forward = source.method(type(model).__name__, "forward")
    part: ast.AST = forward or source.tree
    line = return_line(forward) if forward else call_line(part, "Sequential", "Linear")
    model.eval()
    with script.watch.unwatched():
        try:
            out = model(x)
            if not isinstance(out, Tensor) or out.ndim != 2 or not out.requires_grad:
                return []
            if not torch.isfinite(out).all():  # trained at too high a rate
                return []
            found = model_check.check_outputs(model, x, out, source, part)
        except Exception:
            return []
    return [verdict("model", found, line or 1)]


def _validation(script: _Script) -> list[Finding]:
    """Check on which images the script validates, and what it takes the mean of."""
    source = script.source
    trained: set[int] = set()
    for one in script.passes:
        if one.is_training:
            trained |= one.rows
    validations = [passes for passes, _ in script.evaluated if passes[0].line]
    if not validations:
        return []
    seen = validations[-1]
    rows = set().union(*(one.rows for one in seen))
    loop = _innermost_loop(source.tree, seen[0].line or 0)
    stored = {n.id for n in ast.walk(loop) if isinstance(n, ast.Name)
              and isinstance(n.ctx, ast.Store)} if loop else set()  # fmt: skip
    says_validation = any(_VALIDATION.search(name) for name in stored)
    problem = _check_means(script)
    if says_validation and rows <= trained:
        over = ast.unparse(loop.iter) if isinstance(loop, ast.For) else "training images"
        problem = Problem(
            f"evaluated on training images: it goes through `{over}`, so validation looks "
            "better than it is, and over-fitting does not show.",
            loop.lineno if loop else seen[0].line,
        )
    return [verdict("validation", problem)]


def _innermost_loop(tree: ast.Module, line: int) -> ast.For | None:
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.For) and node.lineno <= line <= (node.end_lineno or 0)
    ]
    return max(around, key=lambda node: node.lineno) if around else None


def _check_means(script: _Script) -> Problem | None:
    """Compare the script's validation loss with the losses of the batches that it has seen."""
    text = script.source.text
    for passes, values in script.evaluated:
        first, count = passes[0].losses, len(passes)
        calls = script.watch.losses[first : first + count]
        losses = [float(call.loss) for call in calls if call.loss.ndim == 0]
        sizes = [len(call.scores) for call in calls]
        if len(losses) < 2 or len(set(sizes)) == 1 == sizes[0]:
            continue
        images, total = sum(sizes), sum(losses)
        weighted = sum(loss * size for loss, size in zip(losses, sizes, strict=True))
        cases = (
            (total, "the batches' losses are summed and not divided by their number."),
            (
                total / images,
                "the batches' mean losses are summed, but divided by the number of images: divide "
                "by the number of batches.",
            ),
            (
                weighted / count,
                "losses of images are summed, but divided by the number of batches.",
            ),
        )
        for name, value in values.items():
            bare = name.removesuffix("[-1]")
            if not re.search(r"(val|test).*loss", bare) or near(
                value, total / count, weighted / images
            ):
                continue
            if re.search(rf"\b{re.escape(bare)}\s*/", text):
                continue
            for number, cause in cases:
                if abs(value - number) < 1e-4 * max(1.0, abs(number)) and number > 1e-3:
                    mean = f"`{bare}` is {value:.3g}, and the mean is {total / count:.3g}"
                    return Problem(
                        f"the validation loss is wrong: {mean}; {cause}",
                        _assigned(script.source.tree, bare),
                    )
    return None


def _assigned(tree: ast.Module, name: str) -> int | None:
    lines = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Name)
        and node.id == name
        and isinstance(node.ctx, ast.Store | ast.Load)
    ]
    return max(lines, default=None)
