"""Checking `evaluate` and the loop over epochs."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from mnistop.engine.course.findings import RIGHT, Finding, Problem, verdict
from mnistop.engine.course.source import Source, call_line, calls, return_line
from mnistop.engine.course.step_check import (
    check_pair,
    images_and_labels,
    near,
    prepared_model,
    true_loss,
)
from mnistop.engine.course.student import explain
from mnistop.engine.course.watching import Watch, flat

BLANK_NAME = "evaluate"
_BATCH = 32
_IMAGES = 3 * _BATCH + 7
"""Images to evaluate on: the last batch is smaller, so that wrong means show."""


class _Loader(DataLoader[Any]):
    """A loader that counts how often it is gone through."""

    passes = 0

    def __iter__(self) -> Any:
        self.passes += 1
        return super().__iter__()


@dataclass
class Truth:
    """The numbers that an evaluation may return."""

    losses: Tensor
    """Each batch's mean loss."""
    sizes: Tensor
    """Each batch's number of images."""
    correct: Tensor
    """Each batch's right predictions."""

    @property
    def over_batches(self) -> float:
        """The mean of the batches' losses."""
        return float(self.losses.mean())

    @property
    def over_images(self) -> float:
        """The mean of the images' losses."""
        return float((self.losses * self.sizes).sum() / self.sizes.sum())

    @property
    def accuracy(self) -> float:
        """The share of images that are right."""
        return float(self.correct.sum() / self.sizes.sum())

    @property
    def accuracies(self) -> tuple[float, float]:
        """The share of images, and the mean of the batches' shares."""
        return self.accuracy, float((self.correct / self.sizes).mean())


def check_evaluate(source: Source, names: dict[str, Any], built: nn.Module | None) -> Finding:
    """Call the student's `evaluate` and compare its numbers with the truth."""
    part = source.function(BLANK_NAME)
    assert part
    x, y = images_and_labels(400 + _IMAGES)
    model = prepared_model(built, x[:200], y[:200])
    loader = _Loader(TensorDataset(x[400:], y[400:]), batch_size=_BATCH)
    truth = _truth(model, x[400:], y[400:])
    parameters = list(model.parameters())
    before = flat(list(parameters))
    kept: list[int] = []
    with Watch(source.path, lambda: parameters) as watch:
        handle = model.register_forward_pre_hook(lambda *_: kept.append(watch.graphs_kept))
        try:
            result = names[BLANK_NAME](model, loader)
        except Exception as error:
            return explain(BLANK_NAME, error, source, part)
        finally:
            handle.remove()
    changed = not torch.equal(before, flat(list(parameters)))
    problem = (
        _check_training(watch, changed, part)
        or _check_form(result, truth, part, loader, kept)
        or _check_loss(result, truth, part, model, x[400:], y[400:])
        or _check_accuracy(result, truth, part)
    )
    if problem is None and not near(float(result[1]), *truth.accuracies):
        return Finding(BLANK_NAME, RIGHT, "The accuracy is in percent.")
    return verdict(BLANK_NAME, problem, return_line(part))


def _check_training(watch: Watch, changed: bool, part: ast.FunctionDef) -> Problem | None:
    """Check that nothing is trained."""
    if changed:
        return Problem(
            "it trains: the weights are different after the evaluation. No `backward()`, no update "
            "and no `step()` belong in it.",
            call_line(part, "step") or call_line(part, "backward"),
        )
    if backward := watch.of("backward"):
        return Problem(
            "it computes gradients: `backward()` has no place in an evaluation, and what it leaves "
            "in `.grad` is added to the next training step.",
            backward[0].line,
        )
    return None


def _truth(model: nn.Module, x: Tensor, y: Tensor) -> Truth:
    losses, correct, sizes = [], [], []
    with torch.no_grad():
        for a, b in zip(torch.split(x, _BATCH), torch.split(y, _BATCH), strict=True):
            losses.append(float(true_loss(model, a, b)))
            correct.append(float((model(a).argmax(1) == b).sum()))
            sizes.append(float(len(a)))
    return Truth(torch.tensor(losses), torch.tensor(sizes), torch.tensor(correct))


def _check_form(
    result: Any,
    truth: Truth,
    part: ast.FunctionDef,
    loader: _Loader,
    kept: list[int],
) -> Problem | None:
    """Check that two numbers come back, from the loader that was given."""
    if not loader.passes and not _is_true(result, truth):
        loop = next((node for node in ast.walk(part) if isinstance(node, ast.For)), None)
        over = ast.unparse(loop.iter) if loop else "other images"
        return Problem(
            f"the loader that it is given is never used: it goes through `{over}`, so that "
            "validation shows other images' results, as those of the training images.",
            loop.lineno if loop else None,
        )
    if problem := check_pair(result, "It ends with `return loss, accuracy`."):
        return problem
    grows = len(kept) > 2 and kept[0] < kept[1] < kept[2] < kept[-1]
    if grows or any(isinstance(value, Tensor) and value.requires_grad for value in result):
        sums = [
            node.lineno
            for node in ast.walk(part)
            if isinstance(node, ast.AugAssign) and "item" not in ast.unparse(node.value)
        ]
        return Problem(
            "the summed loss keeps the gradients' graphs of all batches alive: memory grows with "
            "each. Add `loss.item()`, or evaluate under `torch.no_grad()`.",
            next(iter(sums), None) or call_line(part, "append"),
        )
    return None


def _is_true(result: Any, truth: Truth) -> bool:
    """Return True if the loss is that of the loader's images, as from `loader.dataset.tensors`."""
    try:
        return near(float(result[0]), truth.over_batches, truth.over_images)
    except (TypeError, ValueError, RuntimeError, IndexError):
        return False


def _check_loss(
    result: Any,
    truth: Truth,
    part: ast.FunctionDef,
    model: nn.Module,
    x: Tensor,
    y: Tensor,
) -> Problem | None:
    loss, other = float(result[0]), float(result[1])
    means = truth.over_batches, truth.over_images
    if near(loss, *means):
        return None
    batches, images = len(truth.losses), float(truth.sizes.sum())
    if near(other, *means) and near(loss, *truth.accuracies, truth.accuracy * 100):
        return Problem("the two results are swapped: first the loss, then the accuracy.")
    total, weighted = float(truth.losses.sum()), float((truth.losses * truth.sizes).sum())
    with torch.no_grad():
        logits = model(x)
        squashed = [
            float(functional.cross_entropy(logits[at].softmax(1), y[at]))
            for at in torch.split(torch.arange(len(x)), _BATCH)
        ]
    mean = f"the mean loss is {means[0]:.3g}, and it returns {loss:.3g}"
    cases = (
        (total, "the batches' losses are summed and not divided by their number, `len(loader)`."),
        (weighted, "the images' losses are summed and not divided by the number of images."),
        (
            total / images,
            "it sums the batches' mean losses, but divides by the number of images: each is a mean "
            "over its images already, so divide by `len(loader)`.",
        ),
        (
            weighted / batches,
            "it sums the losses of images, but divides by the number of batches: divide by the "
            "number of images.",
        ),
        (
            total / _BATCH,
            "it divides by the batch size: sum the batches' means and divide by `len(loader)`.",
        ),
        (
            float(truth.losses[-1]),
            "this is the loss of the last batch only: the sum is set back, or overwritten, within "
            "the loop.",
        ),
        (
            float(truth.losses[0]),
            "this is the loss of the first batch only: the `return` stands inside the loop.",
        ),
        (
            float(truth.losses[-1]) / batches,
            "only the last batch's loss is counted, and divided by the number of batches: add with "
            "+=, and start the sum before the loop.",
        ),
        (
            sum(squashed) / batches,
            "softmax twice: cross-entropy takes logits, and gets probabilities.",
        ),
        (-means[0], "the sign is wrong: the loss is never negative."),
    )
    for value, cause in cases:
        if near(loss, value):
            at = call_line(part, "softmax", "Softmax") if cause.startswith("softmax") else None
            return Problem(f"{mean}: {cause}", at)
    return Problem(
        f"{mean}. Sum the batches' losses over the whole loader and divide by their number."
    )


def _check_accuracy(result: Any, truth: Truth, part: ast.FunctionDef) -> Problem | None:
    accuracy = float(result[1])
    batches, images = len(truth.losses), float(truth.sizes.sum())
    total = float(truth.correct.sum())
    if any(near(accuracy, one, 100 * one) for one in truth.accuracies):
        return None
    shares = truth.correct / truth.sizes
    said = f"the accuracy is {truth.accuracy:.3g}, and it returns {accuracy:.3g}"
    cases = (
        (total, "this is the number of right images: divide it by the number of images."),
        (total / batches, "it divides by the number of batches, `len(loader)`, instead of images."),
        (total / _BATCH, "it divides by the size of one batch instead of all images."),
        (float(shares.sum()), "the batches' shares are summed and not divided by their number."),
        (float(shares[-1]), "this is the accuracy of the last batch only."),
        (float(truth.correct[-1]) / images, "only the last batch's images are counted: use +=."),
        (float(shares[0]), "this is the accuracy of the first batch only."),
        (1 - truth.accuracy, "this is the share of images that are wrong."),
    )
    for value, cause in cases:
        if near(accuracy, value):
            return Problem(f"{said}: {cause}")
    return Problem(
        f"{said}: the prediction is the place of the largest logit of each image, "
        "`logits.argmax(dim=1)`, and the images that are right are counted over all batches.",
        call_line(part, "argmax", "max", "topk"),
    )


def check_main(source: Source) -> list[Finding]:
    """Check the loop over epochs by its text: what it evaluates on, and what it makes anew."""
    main = source.main_block
    return [] if main is None else [verdict("loop", _check_main(source, main), main.lineno)]


def _check_main(source: Source, main: ast.stmt) -> Problem | None:
    evaluations = [call for call in calls(main, "evaluate") if len(call.args) > 1
                   or call.keywords]  # fmt: skip
    own = [call for call in evaluations if isinstance(call.func, ast.Name)]
    if own and all("train" in ast.unparse(_last(call)) for call in own):
        return Problem(
            f"evaluated on training images: evaluate gets `{ast.unparse(_last(own[0]))}`, so "
            "validation looks better than it is, and over-fitting does not show.",
            own[0].lineno,
        )
    for loop in ast.walk(main):
        if not isinstance(loop, ast.For) or "epoch" not in ast.unparse(loop.target):
            continue
        if line := call_line(loop, "MLP"):
            return Problem(
                "each epoch starts with a new model, and all that was learned is lost: make it "
                "once, before the loop.",
                line,
            )
    if not call_line(main, "train_step") and source.function("train_step"):
        helpers = [one for one in ast.walk(source.tree) if isinstance(one, ast.FunctionDef)]
        if not any(call_line(helper, "train_step") for helper in helpers):
            return Problem("train_step is never called: nothing is trained.")
    return None


def _last(call: ast.Call) -> ast.expr:
    return call.args[1] if len(call.args) > 1 else call.keywords[-1].value
