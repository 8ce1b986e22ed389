"""Checking a loop over epochs, by running it: that of a main block, or a script in one piece.

The notebook's cell is such a script. Its steps are judged by weights and gradients, its data and
its validation by the images that the model was given.
"""

from __future__ import annotations

import ast
from itertools import pairwise
from typing import Any

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
from mnistop.engine.course.findings import Finding, right, wrong
from mnistop.engine.course.losses import check_gradients, check_loss_calls
from mnistop.engine.course.outputs_check import check_outputs
from mnistop.engine.course.script import Script
from mnistop.engine.course.source import (
    LOSSES,
    OPTIMIZERS,
    Source,
    call_line,
    calls,
    not_filled,
    returned_line,
    sum_line,
    update_lines,
)
from mnistop.engine.course.steps import Step, fit
from mnistop.engine.course.truth import Reference, images_and_labels
from mnistop.engine.course.updates import check_updates, names_of

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
    validation = check_validation(script, source.tree)
    return [
        *_check_model(script),
        _check_training(script, steps) or right("training step"),
        *([validation or right("validation")] if script.evaluated else []),
    ]


def check_main_text(source: Source) -> list[Finding]:
    """Check the loop of a main block by its text alone, where the functions are not right yet."""
    assert source.main_block
    return [_check_text(source, source.main_block) or right("loop")]


def check_main(source: Source) -> list[Finding]:
    """Run a file of functions that are right, and check its loop and its data."""
    main = source.main_block
    assert main
    if found := _check_text(source, main):
        return [found]
    script = _script(source, {})
    error = script.run()
    if error and len(script.training) < _FEW_STEPS:
        return [explain("loop", error, source, main)]
    found = check_data(script, main) or check_validation(script, main)
    return [Finding("loop", found.state, found.message, found.line) if found else right("loop")]


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
        "np": __import__("numpy"),
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
    model, source = script.model, script.source
    images = next((one.images for one in script.passes if one.model is model), None)
    if model is None or images is None or images.ndim < 2:
        return []
    forward = source.method(type(model).__name__, "forward")
    part: ast.AST = forward or source.tree
    line = returned_line(part) or call_line(part, "Sequential", "Linear") or 1
    model.eval()
    with script.watch.unwatched():
        try:
            out = model(images[:6])
            if not isinstance(out, Tensor) or out.ndim != 2 or not out.requires_grad:
                return []
            if not torch.isfinite(out).all():  # trained at too high a rate
                return []
            found = check_outputs("model", model, images[:6], out, source, part, line)
        except Exception:
            return []
    return [found or right("model")]


def _check_training(script: Script, steps: list[Step]) -> Finding | None:
    blank, tree, model = "training step", script.source.tree, script.model
    if not steps:
        return wrong(
            blank,
            call_line(tree, *LOSSES),
            "no gradient is computed: `loss.backward()` is never called, so nothing is learned.",
        )
    own = [call for one in script.own_passes for call in script.calls_of(one)]
    if found := check_loss_calls(blank, own or script.watch.losses, tree):
        return found
    if found := check_data(script, tree):
        return Finding(blank, found.state, found.message, found.line)
    known = [step for step in steps if step.batch]
    is_finite = all(bool(step.gradient.isfinite().all()) for step in known)
    if model and is_finite and len(known) > 1 and not any(True for _ in model.buffers()):
        with script.watch.unwatched():
            found = check_gradients(blank, known, model, tree, is_known=False)
        if found:
            return found
    return check_updates(blank, steps, names_of(model, script.parameters), tree) or _check_course(
        script, steps, tree
    )


def _check_course(script: Script, steps: list[Step], tree: ast.AST) -> Finding | None:
    """Judge the losses of all steps, and the graphs that they leave behind."""
    blank = "training step"
    losses = torch.tensor([loss for *_, loss in script.training])
    rate_line = call_line(tree, *OPTIMIZERS) or next(iter(update_lines(tree)), None)
    if not torch.isfinite(losses).all():
        return wrong(
            blank,
            call_line(tree, *LOSSES) or rate_line,
            "the loss becomes NaN or infinite: the learning rate is too high.",
        )
    kept = [one.graphs for one in script.own_passes[:6]]
    if len(kept) > 4 and all(two > one for one, two in pairwise(kept[1:])):
        return wrong(
            blank,
            sum_line(tree),
            "the summed loss keeps the gradients' graphs of all batches alive, and memory grows "
            "with each: add `loss.item()`.",
        )
    is_falling = len(losses) < 40 or losses[-20:].mean() < 0.98 * losses[:5].mean()
    if is_falling or not all(event.is_plain for step in steps for event in step.events):
        return None
    rate = max(-fit(step.change, step.gradient)[0][0] for step in steps)
    symptom = f"the loss does not fall: {losses[:5].mean():.3g} at first, {losses[-20:].mean():.3g}"
    symptom += f" after {len(losses)} steps"
    images = script.passes[0].images
    if images is not None and float(images.max()) > 100:
        cause = "the pixels go up to 255: divide the images by 255."
    elif rate > 1:
        cause = f"the learning rate of {rate:.3g} is too high."
    elif 0 < rate < 1e-4:
        cause = f"the learning rate of {rate:.3g} is too low."
    else:
        return None
    return wrong(blank, rate_line, f"{symptom}. {_capital(cause)}")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


# The text of a main block


def _check_text(source: Source, main: ast.If) -> Finding | None:
    """Check what a main block evaluates and trains on, and what it makes anew."""
    blank = "loop"
    evaluations = [
        call
        for call in calls(main, "evaluate")
        if isinstance(call.func, ast.Name) and (len(call.args) > 1 or call.keywords)
    ]
    if evaluations and all("train" in ast.unparse(_last(call)) for call in evaluations):
        return wrong(
            blank,
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
            return wrong(
                blank,
                line,
                "each epoch starts with a new model, and all that was learned is lost: make it "
                "once, before the loop.",
            )
    helpers = [one for one in ast.walk(source.tree) if isinstance(one, ast.FunctionDef)]
    if source.function("train_step") and not any(
        call_line(part, "train_step") for part in (main, *helpers)
    ):
        return wrong(blank, main.lineno, "train_step is never called: nothing is trained.")
    return None


def _last(call: ast.Call) -> ast.expr:
    return call.args[1] if len(call.args) > 1 else call.keywords[-1].value
