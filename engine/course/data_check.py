"""Checking the images of a training loop: what it trains on, and what it validates on.

Images are recognized by their pixels, so it does not matter how a loop gets and splits them.
"""

from __future__ import annotations

import ast
import re
from itertools import pairwise

import torch

from mnistop.engine.course.findings import Problem, cause_of, near
from mnistop.engine.course.lines import LOSSES, around, call_line, near_line
from mnistop.engine.course.means import Means
from mnistop.engine.course.script import Pass, Script
from mnistop.engine.course.source import Source
from mnistop.engine.course.truth import labels_of

_VALIDATION = re.compile(r"(^|_)(val|valid|validation|test)(_|\d|$)", re.IGNORECASE)
"""Names of validation, as `val_loss`, but not `values` or `latest`."""
_OFTEN = 5
"""Steps in a row on one batch, while there are others."""
_SHUFFLES = ("randperm", "permutation", "shuffle", "sample", "flip", "sort")


def check_data(script: Script, part: ast.AST) -> Problem | None:
    """Check the images and labels that are trained on, and that one model goes on learning."""
    own = script.own_passes
    for loop in ast.walk(part):
        if not isinstance(loop, ast.For) or not own:
            continue
        names = {type(own[0].model).__name__, *(("Sequential",) if own[0].line else ())}
        made = call_line(loop, *names)
        if made and len({id(one.model) for one in own}) > 1 and is_over_epochs(loop):
            return Problem(
                made,
                "the model is made anew in the loop, and all that was learned is lost: make it "
                "once, before the loop.",
            )
    if own and own[0].images is not None and 0 < float(own[0].images.abs().max()) < 0.01:
        return Problem(
            call_line(part, "div", "div_") or _line_of_255(script.source),
            f"the loss hardly falls: the pixels are at most {float(own[0].images.max()):.2g}, as "
            "if divided by 255 twice. They have to lie between 0 and 1.",
        )
    return (
        _check_rounds(script, part)
        or _check_repeats(script, part)
        or _check_labels(script, part)
        or _check_training_images(script, part)
    )


def _check_rounds(script: Script, part: ast.AST) -> Problem | None:
    """Find a loop over batches that always ends after its first round."""
    for loop in ast.walk(part):
        ends = [one for one in loop.body if isinstance(one, ast.Break | ast.Return)
                ] if isinstance(loop, ast.For) else []  # fmt: skip
        lines = range(getattr(loop, "lineno", 0), getattr(loop, "end_lineno", 0) + 1)
        if ends and any(one.line in lines for one in script.own_passes):
            return Problem(
                ends[0].lineno,
                "only the first batch is trained on: this line ends the loop in its first round.",
            )
    return None


def _check_repeats(script: Script, part: ast.AST) -> Problem | None:
    """Find batches of which each is trained on many times in a row, before the next one."""
    rows = [frozenset(one.rows) for one in script.own_passes]
    changes = [at for at in range(1, len(rows)) if rows[at] != rows[at - 1]]
    if not changes or min(two - one for one, two in pairwise([0, *changes])) < _OFTEN:
        return None
    return Problem(
        near_line(part, script.own_passes[0].line, "next") or script.own_passes[0].line,
        f"the same batch is trained on {changes[0]} times in a row, and most images never: get "
        "the next batch at every step, as by `for x, y in train_loader`.",
    )


def is_over_epochs(loop: ast.For) -> bool:
    """Return True for a loop over epochs or batches, but not one over settings or models."""
    text = ast.unparse(loop.target) + ast.unparse(loop.iter)
    return any(word in text for word in ("epoch", "loader", "max_iter", "batch"))


def _line_of_255(source: Source) -> int | None:
    lines = [number for number, line in enumerate(source.text.splitlines(), 1) if "255" in line]
    return lines[-1] if lines else None


def _check_labels(script: Script, part: ast.AST) -> Problem | None:
    """Find labels that are not those of the images, by looking the images up."""
    batches = [step.batch for step in script.steps()[:3] if step.batch]
    if not batches:
        return None
    images = torch.cat([images.reshape(len(images), -1) for images, _ in batches])
    labels, true = torch.cat([labels for _, labels in batches]), labels_of(images)
    known = true >= 0
    first = batches[0][0].reshape(len(batches[0][0]), -1)
    line = script.own_passes[0].line
    if not known.any() and (labels_of(first.T.reshape(first.shape)) >= 0).all():
        return Problem(
            near_line(part, line, "view", "reshape", "t", "transpose", "permute") or line,
            "the loss hardly falls: the reshape mixes the pixels of different images. The first "
            "dimension has to stay the batch: `x.view(len(x), -1)`.",
        )
    count, same = int(known.sum()), int((true == labels)[known].sum())
    if count < 20 or same > 0.7 * count:
        return None
    return Problem(
        call_line(script.source.tree, *_SHUFFLES) or near_line(part, line, *LOSSES),
        f"the loss stays near 2.3: of {count} images only {same} come with their own label. "
        "Images and labels have to be shuffled and split together, by the same order.",
    )


def _check_training_images(script: Script, part: ast.AST) -> Problem | None:
    """Find a training loop that goes through the validation images."""
    for loop in ast.walk(part):
        if not isinstance(loop, ast.For) or not goes_through_validation(loop):
            continue
        lines = range(loop.lineno, (loop.end_lineno or loop.lineno) + 1)
        if any(one.line in lines for one in script.own_passes) and _innermost_loop(part, loop):
            return trains_on_validation(loop)
    return None


def trains_on_validation(loop: ast.For) -> Problem:
    """Return the problem that a loop trains on the validation images."""
    return Problem(
        loop.lineno,
        f"trained on validation images: the training goes through `{ast.unparse(loop.iter)}`, so "
        "the validation accuracy says nothing about unseen images.",
    )


def goes_through_validation(loop: ast.For) -> bool:
    """Return True for a loop over validation images by their name, as `enumerate(val_loader)`."""
    names = [node.id for node in ast.walk(loop.iter) if isinstance(node, ast.Name)]
    return bool(names and _VALIDATION.search(names[-1]))


def _innermost_loop(part: ast.AST, loop: ast.For) -> bool:
    return not any(isinstance(node, ast.For) for body in loop.body for node in ast.walk(body)
                   if "param" not in ast.unparse(node))  # fmt: skip


# The validation


def check_validation(script: Script, part: ast.AST) -> Problem | None:
    """Check on which images the script validates, and what it takes the mean of.

    Args:
        script: the script after it has run.
        part: the whole file, or its main block.
    """
    if not script.training:  # as without `backward()`, where all passes are alike
        return None
    trained = set().union(*(one.rows for one in script.own_passes))
    validations = [passes for passes, _ in script.evaluated if passes[0].line]
    if not validations:
        return None
    evaluate = script.source.function("evaluate") if isinstance(part, ast.If) else None
    if evaluate:
        lines = range(evaluate.lineno, (evaluate.end_lineno or 0) + 1)
        inside = [one for passes in validations for one in passes if one.line in lines]
        if inside and set().union(*(one.rows for one in inside)) <= trained:
            return _on_training_images(call_line(part, "evaluate"), "the images that it is given")
    else:
        loop = around(part, validations[-1][0].line)
        rows = set().union(*(one.rows for one in validations[-1]))
        if isinstance(loop, ast.For) and rows <= trained and _stores_validation(loop):
            return _on_training_images(loop.lineno, f"`{ast.unparse(loop.iter)}`")
    before: dict[str, float] = {}
    for passes, values in script.evaluated:
        unseen = [one for one in passes if not one.rows <= trained]
        if unseen and all(one.is_noisy for one in unseen) and unseen[0].line:
            return Problem(
                unseen[0].line,
                "validated in training mode: dropout is on, or batch norm uses the batch itself, "
                "so the result is another one each time. `model.eval()` before the validation, and "
                "`model.train()` before the training.",
            )
        if found := _check_means(script, unseen or passes, values, before):
            return found
        before = values
    return None


def _stores_validation(loop: ast.For) -> bool:
    """Return True if a loop sets names of validation, as `val_loss`."""
    return any(
        isinstance(node, ast.Name)
        and isinstance(node.ctx, ast.Store)
        and _VALIDATION.search(node.id)
        for node in ast.walk(loop)
    )


def _on_training_images(line: int | None, over: str) -> Problem:
    return Problem(
        line,
        f"evaluated on training images: it goes through {over}, so validation looks better than it "
        "is, and over-fitting does not show.",
    )


def _check_means(
    script: Script, passes: list[Pass], values: dict[str, float], before: dict[str, float]
) -> Problem | None:
    """Compare a validation's loss and accuracy with those of the batches that it has seen.

    Args:
        script: the script after it has run.
        passes: those of the validation.
        values: the numbers that names held after it.
        before: and after the validation before it.
    """
    once = {frozenset(one.rows): found for one in passes if (found := script.calls_of(one))}
    calls = [call for found in once.values() for call in found]
    seen = [call for call in calls if call.loss.ndim == 0 and call.scores.ndim == 2]
    if len(seen) < 2 or len({len(call.scores) for call in seen}) == 1 == len(seen[0].scores):
        return None
    sizes = torch.tensor([float(len(call.scores)) for call in seen])
    losses = Means(torch.tensor([call.mean for call in seen]), sizes)
    shares = Means(torch.tensor([call.share for call in seen]), sizes)
    text = script.source.text
    for name, value in values.items():
        bare = name.removesuffix("[-1]")
        is_loss = "loss" in bare
        means = losses if is_loss else shares
        is_kind = is_loss or re.search(r"acc|correct_rate", bare)
        if not is_kind or not _VALIDATION.search(bare) or re.search(rf"\b{bare}\s*/", text):
            continue
        if near(value, *means.true) or (not is_loss and near(value / 100, *means.true)):
            continue
        if name in before and before[name] > 0.01 and near(value - before[name], *means.true):
            return Problem(
                _assigned(script.source.tree, bare),
                f"`{bare}` adds up over the epochs: it is {value:.3g}, and that of this epoch is "
                f"{means.true[0]:.3g}. Set the sum back to 0 before each validation.",
            )
        of_mistakes = means.loss_cases() if is_loss else means.accuracy_cases()
        cases = [(numbers, cause) for numbers, cause in of_mistakes if abs(numbers[0]) > 1e-3]
        if cause := cause_of([value], cases, _is_same):
            kind = "loss" if is_loss else "accuracy"
            mean = f"`{bare}` is {value:.3g}, and the mean is {means.true[0]:.3g}"
            return Problem(
                _assigned(script.source.tree, bare),
                f"the validation {kind} is wrong: {mean}; {cause}",
            )
    return None


def _is_same(value: float, expected: float) -> bool:
    return abs(value - expected) < 1e-4 * max(1.0, abs(expected))


def _assigned(tree: ast.Module, name: str) -> int | None:
    """Return the last line with a name."""
    lines = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Name)
             and node.id == name]  # fmt: skip
    return max(lines, default=None)
