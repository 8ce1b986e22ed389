"""Checking `evaluate`: that it leaves the model alone, and the two means that it returns."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from mnistop.engine.course.exceptions import explain
from mnistop.engine.course.findings import Finding, Problem, cause_of, near, verdict
from mnistop.engine.course.lines import call_line, returned_line, sum_line
from mnistop.engine.course.means import Means
from mnistop.engine.course.source import Source
from mnistop.engine.course.step_check import check_pairs
from mnistop.engine.course.truth import images_and_labels, prepared_model, true_loss, varies
from mnistop.engine.course.watching import Event, Watch, flat

BLANK_NAME = "evaluate"
_BATCH = 32
_IMAGES = 3 * _BATCH + 7
"""Images to evaluate on: the last batch is smaller, so that wrong means show."""
_TRAINS = "it trains: the weights are different after the evaluation."
_ASKED = "It ends with `return loss, accuracy`."


class _Loader(DataLoader[Any]):
    """A loader that counts how often it is gone through."""

    passes = 0

    def __iter__(self) -> Any:
        self.passes += 1
        return super().__iter__()


@dataclass(frozen=True)
class _Called:
    """A call of the student's `evaluate`."""

    result: Any
    losses: Means
    shares: Means
    softmax_twice: float
    """The mean loss with a softmax too many."""
    kept: list[int]
    """At each forward pass the tensors that earlier graphs keep alive."""
    is_trained: bool
    """True if the weights or buffers are different after it."""
    backward: Event | None
    uses_loader: bool


def check_evaluate(source: Source, names: dict[str, Any], built: nn.Module | None) -> Finding:
    """Call the student's `evaluate` and compare its numbers with the truth."""
    part = source.function(BLANK_NAME)
    assert part
    if line := call_line(part, "train_step"):
        return verdict(BLANK_NAME, Problem(line, f"{_TRAINS} `train_step` is not called in it."))
    x, y = images_and_labels(400 + _IMAGES)
    mode = _check_mode(source, part, built, x[:8])
    try:
        called = _call(names[BLANK_NAME], source, built, x, y)
    except Exception as error:
        return explain(BLANK_NAME, error, source, part)
    problem = (
        _check_training(called, part)
        or _check_form(called, part)
        or mode
        or _check_loss(called, part)
        or _check_accuracy(called, part)
    )
    is_share = problem or near(float(called.result[1]), *called.shares.true)
    return verdict(BLANK_NAME, problem, "" if is_share else "The accuracy is in percent.")


def _check_mode(
    source: Source, part: ast.FunctionDef, built: nn.Module | None, x: Tensor
) -> Problem | None:
    """Find a model with dropout or the like that is never switched to evaluation, or back."""
    if built is None or not varies(built, x):
        return None
    if not call_line(source.tree, "eval") and "train(False)" not in source.text:
        message = (
            "the numbers change from call to call: dropout (or a batch norm) of the model goes on "
            "as in training. Call `model.eval()` before, and `model.train()` after."
        )
    elif not call_line(source.tree, "train"):
        message = (
            "after it the model stays in evaluation mode, and dropout (or a batch norm) is off "
            "for the rest of the training: call `model.train()` again."
        )
    else:
        return None
    return Problem(call_line(part, "eval") or part.lineno, message)


def _call(evaluate: Any, source: Source, built: nn.Module | None, x: Tensor, y: Tensor) -> _Called:
    model = prepared_model(built, x[:200], y[:200])
    x, y = x[400:], y[400:]
    loader = _Loader(TensorDataset(x.clone(), y.clone()), batch_size=_BATCH)
    with torch.no_grad():
        outputs = [model(images) for images in torch.split(x, _BATCH)]
    labels = torch.split(y, _BATCH)
    pairs = list(zip(outputs, labels, strict=True))
    sizes = torch.tensor([float(len(one)) for one in labels])
    losses = torch.tensor([float(true_loss(out, one)) for out, one in pairs])
    shares = torch.tensor([float((out.argmax(1) == one).float().mean()) for out, one in pairs])
    twice = [float(functional.cross_entropy(out.softmax(1), one)) for out, one in pairs]
    parameters = list(model.parameters())
    before = flat(list(parameters))
    kept: list[int] = []
    with Watch(source, lambda: parameters) as watch:
        handle = model.register_forward_pre_hook(lambda *_: kept.append(watch.graphs_kept))
        result = evaluate(model, loader)
        handle.remove()
    return _Called(
        result,
        Means(losses, sizes),
        Means(shares, sizes),
        sum(twice) / len(twice),
        kept,
        not torch.equal(before, flat(list(parameters))),
        next(iter(watch.of("backward")), None),
        loader.passes > 0,
    )


def _check_training(called: _Called, part: ast.FunctionDef) -> Problem | None:
    if called.is_trained:
        return Problem(
            call_line(part, "step") or call_line(part, "backward") or returned_line(part),
            f"{_TRAINS} No `backward()`, no update and no `step()` belong in it.",
        )
    if called.backward:
        return Problem(
            called.backward.line,
            "it computes gradients: `backward()` has no place in an evaluation, and what it leaves "
            "in `.grad` is added to the next training step.",
        )
    return None


def _check_form(called: _Called, part: ast.FunctionDef) -> Problem | None:
    """Check that two numbers come back, from the loader that was given."""
    result, line, kept = called.result, returned_line(part), called.kept
    if not called.uses_loader and not _has_true_loss(called):
        loop = next((node for node in ast.walk(part) if isinstance(node, ast.For)), None)
        over = ast.unparse(loop.iter) if loop else "other images"
        return Problem(
            loop.lineno if loop else line,
            f"the loader that it is given is never used: it goes through `{over}`, so that "
            "validation shows other images' results, as those of the training images.",
        )
    if result is None:
        return Problem(line, f"nothing is returned. {_ASKED}")
    grows = len(kept) > 2 and kept[0] < kept[1] < kept[2] < kept[-1]
    holds = [one for one in (result if isinstance(result, tuple | list) else [])
             if isinstance(one, Tensor) and one.requires_grad]  # fmt: skip
    if grows or holds:
        return Problem(
            sum_line(part) or line,
            "the summed loss keeps the gradients' graphs of all batches alive: memory grows with "
            "each. Add `loss.item()`, or evaluate under `torch.no_grad()`.",
        )
    return check_pairs([result], line, _ASKED)


def _has_true_loss(called: _Called) -> bool:
    """Return True if the loss is that of the loader's images, as from `loader.dataset.tensors`."""
    try:
        return near(float(called.result[0]), *called.losses.true)
    except (TypeError, ValueError, RuntimeError, IndexError):
        return False


def _check_loss(called: _Called, part: ast.FunctionDef) -> Problem | None:
    loss, other = float(called.result[0]), float(called.result[1])
    line, true = returned_line(part), called.losses.true
    if near(loss, *true):
        return None
    shares = called.shares.true
    if near(other, *true) and near(loss, *shares, *(100 * one for one in shares)):
        return Problem(line, "the two results are swapped: first the loss, then the accuracy.")
    said = f"the mean loss is {true[0]:.3g}, and it returns {loss:.3g}"
    if near(loss, called.softmax_twice):
        twice = f"{said}: softmax twice: cross-entropy takes logits, and gets probabilities."
        return Problem(call_line(part, "softmax", "Softmax") or line, twice)
    if cause := cause_of([loss], called.losses.loss_cases()):
        return Problem(line, f"{said}: {cause}")
    return Problem(
        line,
        f"{said}. Sum the batches' losses over the whole loader and divide by their number.",
    )


def _check_accuracy(called: _Called, part: ast.FunctionDef) -> Problem | None:
    accuracy, true = float(called.result[1]), called.shares.true
    if near(accuracy, *true, *(100 * one for one in true)):
        return None
    said = f"the accuracy is {true[1]:.3g}, and it returns {accuracy:.3g}"
    if cause := cause_of([accuracy], called.shares.accuracy_cases()):
        return Problem(returned_line(part), f"{said}: {cause}")
    return Problem(
        call_line(part, "argmax", "max", "topk") or returned_line(part),
        f"{said}: the prediction is the place of the largest logit of each image, "
        "`logits.argmax(dim=1)`, and the images that are right are counted over all batches.",
    )
