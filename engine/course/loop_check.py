"""Checking a loop over epochs, by running it: that of a main block, or a script in one piece.

The notebook's cell is such a script. Its steps are judged by weights and gradients, its data and
its validation by the images that the model was given.
"""

from __future__ import annotations

import ast
import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mnistop.engine.course.data_check import (
    check_data,
    check_validation,
    goes_through_validation,
    is_over_epochs,
    trains_on_validation,
)
from mnistop.engine.course.exceptions import explain
from mnistop.engine.course.findings import Finding, Problem, are_right, verdict
from mnistop.engine.course.lines import OTHER_LOSSES, call_line, calls, returned_line
from mnistop.engine.course.outputs_check import check_layers, check_outputs, check_start
from mnistop.engine.course.script import Script
from mnistop.engine.course.source import Source, not_filled
from mnistop.engine.course.training_check import check_training
from mnistop.engine.course.truth import Reference, images_and_labels

_FEW_STEPS = 8
"""Steps after which an exception does not hide what the loop has shown."""


def check_script(source: Source) -> list[Finding]:
    """Run a script and check its model, its training steps and its validation."""
    if found := not_filled("loop", source, source.tree):
        return [found]
    is_cell = not any(isinstance(one, ast.Import | ast.ImportFrom) for one in source.tree.body)
    script = _script(source, _cell_names() if is_cell else {})
    error = script.run()
    steps = script.steps()
    if error and len(steps) < _FEW_STEPS:
        return [explain("loop", error, source, None)]
    data = check_data(script, source.tree)
    model = _check_model(script)
    training = check_training(script, steps, data, are_right(model))
    validation = None if data else check_validation(script, source.tree)
    return [
        *model,
        verdict("training step", training, _note(script)),
        *([verdict("validation", validation)] if script.evaluated else []),
    ]


def _note(script: Script) -> str:
    """Return a sentence about a loss that is right, but not the exercise's."""
    line = call_line(script.source.tree, "mse_loss", "MSELoss")
    if not line:
        return ""
    return f"Line {line}: it learns by a squared error; usual for classes is cross-entropy."


def check_main_text(source: Source) -> list[Finding]:
    """Check the loop of a main block by its text alone, where the functions are not right yet."""
    assert source.main_block
    return [verdict("loop", _check_text(source, source.main_block))]


def check_main(source: Source) -> list[Finding]:
    """Run a file of functions that are right, and check its loop and its data."""
    main = source.main_block
    assert main
    if problem := _check_text(source, main):
        return [verdict("loop", problem)]
    script = _script(source, {})
    error = script.run()
    if error and len(script.training) < _FEW_STEPS:
        return [explain("loop", error, source, main)]
    return [verdict("loop", check_data(script, main) or check_validation(script, main))]


def _script(source: Source, names: dict[str, Any]) -> Script:
    torch.manual_seed(0)
    return Script(source, {"__name__": "__main__", "__file__": source.path} | names)


def _cell_names() -> dict[str, Any]:
    """Return what the notebook's earlier cells have made, for a file that holds one cell only."""
    from torch.utils.data import DataLoader, TensorDataset

    torch.manual_seed(0)
    x, y = images_and_labels(1000)
    x_train, x_val, y_train, y_val = x[:800], x[800:], y[:800], y[800:]
    return {
        "torch": torch,
        "nn": nn,
        "F": nn.functional,
        "np": np,
        "model": Reference(),
        "criterion": nn.CrossEntropyLoss(),
        "train_loader": DataLoader(TensorDataset(x_train, y_train), batch_size=32, shuffle=True),
        "val_loader": DataLoader(TensorDataset(x_val, y_val), batch_size=32),
        "x_train": x_train,
        "x_val": x_val,
        "y_train": y_train,
        "y_val": y_val,
        "lr": 0.1,
        "learning_rate": 0.1,
        "max_iter": 3,
        "num_epochs": 3,
        "epochs": 3,
    }


# The model and its training


def _check_model(script: Script) -> list[Finding]:
    """Check the model as it was at its first forward pass: training may have spoiled it."""
    source, trained = script.source, script.model
    first = next((one for one in script.passes if one.model is trained), None)
    if trained is None or isinstance(trained, torch.jit.ScriptModule):  # which has no own copy
        return []
    if first is None or first.images is None or first.images.ndim < 2:
        return []
    model = copy.deepcopy(trained)
    if first.weights is not None:
        nn.utils.vector_to_parameters(first.weights, model.parameters())
    forward = source.method(type(model).__name__, "forward")
    part: ast.AST = forward or source.tree
    made = call_line(source.tree, "Sequential", "Linear")
    line = (returned_line(forward) if forward else None) or made or 1
    if problem := check_start(model, source.tree, made):
        return [verdict("model", problem)]
    model.eval()
    with script.watch.unwatched():
        try:
            x = first.images[:6]
            out = model(x)
            if not isinstance(out, Tensor) or out.ndim != 2 or not out.requires_grad:
                return []
            check = check_outputs if _is_classifier(script) else check_layers
            problem = check(model, x, out, source, part, line)
        except Exception:
            return []
    return [verdict("model", problem)]


def _is_classifier(script: Script) -> bool:
    """Return False if a script learns by other losses only, as an autoencoder does."""
    return bool(script.watch.losses) or not call_line(script.source.tree, *OTHER_LOSSES)


# The text of a main block


def _check_text(source: Source, main: ast.If) -> Problem | None:
    """Check what a main block evaluates and trains on, and what it makes anew."""
    evaluations = [
        call
        for call in calls(main, "evaluate")
        if isinstance(call.func, ast.Name) and (len(call.args) > 1 or call.keywords)
    ]
    if evaluations and all("train" in ast.unparse(_last(call)) for call in evaluations):
        return Problem(
            evaluations[0].lineno,
            f"evaluated on training images: evaluate gets `{ast.unparse(_last(evaluations[0]))}`, "
            "so validation looks better than it is, and over-fitting does not show.",
        )
    for loop in ast.walk(main):
        if not isinstance(loop, ast.For):
            continue
        if goes_through_validation(loop) and call_line(loop, "train_step"):
            return trains_on_validation(loop)
        if is_over_epochs(loop) and (line := call_line(loop, "MLP")):
            return Problem(
                line,
                "each epoch starts with a new model, and all that was learned is lost: make it "
                "once, before the loop.",
            )
    helpers = [one for one in ast.walk(source.tree) if isinstance(one, ast.FunctionDef)]
    if source.function("train_step") and not any(
        call_line(part, "train_step") for part in (main, *helpers)
    ):
        return Problem(main.lineno, "train_step is never called: nothing is trained.")
    return None


def _last(call: ast.Call) -> ast.expr:
    return call.args[1] if len(call.args) > 1 else call.keywords[-1].value
