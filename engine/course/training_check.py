"""Checking the training steps of a script that has run: its losses, its updates and its course."""

from __future__ import annotations

import ast
from itertools import pairwise

import torch
from torch import nn

from mnistop.engine.course.findings import Problem
from mnistop.engine.course.lines import (
    LOSSES,
    OPTIMIZERS,
    around,
    call_line,
    clearing_lines,
    line_before,
    sum_line,
    update_lines,
)
from mnistop.engine.course.loss_calls import check_loss_calls
from mnistop.engine.course.losses import check_gradients, gradient_at
from mnistop.engine.course.script import Script
from mnistop.engine.course.steps import Step, fit
from mnistop.engine.course.truth import true_loss
from mnistop.engine.course.updates import check_twice, check_updates, names_of

_FEW = 5
"""Steps of which each has an optimizer of its own, if it is made in the loop."""
_GUESSING = 2.2
"""A mean loss above this is little better than guessing one of ten digits, ln 10 = 2.303."""


def check_training(
    script: Script, steps: list[Step], data: Problem | None, is_model_right: bool
) -> Problem | None:
    """Return the problem of wrong training steps; None if they are right.

    Args:
        script: the script after it has run.
        steps: its first steps.
        data: the problem of its images and labels, if they are wrong.
        is_model_right: False if the loss gets what it must not because of the model.
    """
    tree, model = script.source.tree, script.model
    if not steps:
        return _never_backward(script)
    own = [call for one in script.own_passes for call in script.calls_of(one)]
    found = check_loss_calls(own or script.watch.losses, tree)
    if found and is_model_right:
        return found
    if data:
        return data
    if found := check_twice(script.watch.events, is_call=False):
        return found
    if script.own_passes and all(one.is_quiet for one in script.own_passes):
        return Problem(
            call_line(tree, "eval") or script.own_passes[0].line,
            "trained in evaluation mode: dropout does nothing. `model.train()` before the "
            "training, and `model.eval()` before the validation only.",
        )
    known = [step for step in steps if step.batch]
    is_finite = all(bool(step.gradient.isfinite().all()) for step in known)
    is_fit = is_model_right and is_finite and len(known) > 1
    if model and is_fit and not any(True for _ in model.buffers()):
        at = own[0].line if own else None
        with script.watch.unwatched():
            found = check_gradients(
                known, model, tree, at, is_known=False, is_stuck=_is_stuck(script)
            )
        if found:
            return found
        if found := _check_batches(script, known, model):
            return found
    if len(set(script.trained[: len(steps)])) > 1:
        return _check_course(script, steps)  # several models take turns
    if found := _check_optimizer(script):
        return found
    if _updates_are_rare(script, steps):
        return _check_rare_updates(steps, tree)
    named = names_of(model, script.parameters)
    return check_updates(steps, named, tree) or _check_course(script, steps)


def _never_backward(script: Script) -> Problem:
    tree = script.source.tree
    if line := call_line(tree, "backward", "grad"):
        return Problem(
            line,
            "no gradient is computed: this line is never reached, because the loop around it, or "
            "its function, does not run.",
        )
    return Problem(
        next((call.line for call in script.watch.losses), None) or call_line(tree, *LOSSES),
        "no gradient is computed: `loss.backward()` is never called, so nothing is learned.",
    )


def _losses(script: Script) -> torch.Tensor:
    """Return the mean cross-entropy of each batch, `(n,)`; empty if it is not known."""
    calls = [script.calls_of(one) if one else [] for _, one, _ in script.training]
    if any(len(found) != 1 for found in calls):
        return torch.empty(0)
    return torch.tensor([found[0].mean for found in calls])


def _is_stuck(script: Script) -> bool:
    """Return True if the loss is still that of guessing after as many steps as there are."""
    losses = _losses(script)
    return len(losses) >= 40 and not bool(losses[-20:].mean() < _GUESSING)


def _check_batches(script: Script, known: list[Step], model: nn.Module) -> Problem | None:
    """Find a `backward()` outside of the loop over batches, where only the last one is at hand.

    The sum of all batches' losses may be used there; its gradient is that of all of them.
    """
    lines = {one.line for one in script.own_passes}
    at_lines = [one for one in script.passes if one.line in lines and one.weights is not None]
    if 2 * sum(one.is_training for one in at_lines) >= len(at_lines):
        return None
    with script.watch.unwatched():
        rests = [fit(step.gradient, gradient_at(model, step, true_loss))[1] for step in known]
    if max(rests) > 0.01:
        return None
    return Problem(
        call_line(script.source.tree, "backward", "grad"),
        "only the last batch of each epoch is trained on: `backward()` and the update stand "
        "outside of the loop over batches. Indent them.",
    )


def _check_optimizer(script: Script) -> Problem | None:
    """Find an optimizer with a memory that is made anew for every batch."""
    events = script.watch.of("step")[:_FEW]
    made = {id(event.optimizer) for event in events}
    if len(events) < _FEW or len(made) < _FEW or any(event.is_plain for event in events):
        return None
    return Problem(
        line_before(script.source.tree, events[0].line, *OPTIMIZERS),
        "the optimizer is made anew for every batch, so it forgets its averages of the gradients "
        "each time: make it once, before the loop.",
    )


def _is_fading(script: Script) -> bool:
    """Return True if the last steps are, in gradients, next to nothing of the first ones."""
    events = [event for event, *_ in script.training if event.is_plain]
    rates = []
    for one, two in pairwise(events):
        if one.weights is None or two.weights is None or one.fresh is None:
            return False
        if one.weights.shape != two.weights.shape or not one.fresh.any():
            return False
        rates.append(float((two.weights - one.weights).norm() / one.fresh.norm()))
    return len(rates) >= 40 and max(rates[-20:]) < 1e-4 * max(rates[:5])


def _updates_are_rare(script: Script, steps: list[Step]) -> bool:
    """Return True if the weights stay the same over the first steps, but not over all."""
    if any(step.change.any() for step in steps):
        return False
    after = [event.weights for event, *_ in script.training if event.weights is not None]
    return bool(after) and not torch.equal(after[0], after[-1])


def _check_rare_updates(steps: list[Step], tree: ast.AST) -> Problem | None:
    """Find an update outside of the loop over batches, unless their gradients are gathered."""
    if all(step.stale.any() for step in steps[1:]):
        return None
    backward, update = call_line(tree, "backward", "grad"), next(iter(update_lines(tree)), None)
    batches = around(tree, backward)
    if update and batches and update in range(batches.lineno, (batches.end_lineno or 0) + 1):
        return Problem(
            update,
            f"the weights stay the same over the first {len(steps)} steps at least: the learning "
            "rate, or what else multiplies the gradient, is 0 there.",
        )
    at = next(iter(clearing_lines(tree)), None)
    return Problem(
        next(iter(update_lines(tree)), None),
        "the weights are the same for many batches: the update stands outside of the loop over "
        f"batches, while the gradients are cleared for each (line {at}).",
    )


def _check_course(script: Script, steps: list[Step]) -> Problem | None:
    """Judge the losses of all steps, and the graphs that they leave behind."""
    tree, losses = script.source.tree, _losses(script)
    values = torch.tensor([loss for *_, loss in script.training])
    line = call_line(tree, *OPTIMIZERS) or next(iter(update_lines(tree)), None)
    if not torch.isfinite(values).all():
        own = next((call.line for call in script.watch.losses), None)
        return Problem(
            own or line,
            "the loss becomes NaN or infinite: the learning rate is too high.",
        )
    kept = [one.graphs for one in script.own_passes[:6]]
    if len(kept) > 4 and all(two > one for one, two in pairwise(kept[1:])):
        return Problem(
            sum_line(tree),
            "the summed loss keeps the gradients' graphs of all batches alive, and memory grows "
            "with each: add `loss.item()`.",
        )
    if _is_fading(script):
        return Problem(
            line,
            "the steps shrink to nothing within some batches: the learning rate is made smaller "
            "at every batch. Keep it, or lower it once an epoch.",
        )
    if not _is_stuck(script) or not all(e.is_plain for step in steps for e in step.events):
        return None
    rate = max(-fit(step.change, step.gradient)[0][0] for step in steps)
    images = script.passes[0].images if script.passes else None
    if images is not None and float(images.max()) > 100:
        cause = "The pixels go up to 255: divide the images by 255."
    elif rate > 1:
        cause = f"The learning rate is too high, about {rate:.2g}."
    elif 0 < rate < 1e-4:
        cause = f"The learning rate is too low, about {rate:.1g}."
    else:
        return None
    return Problem(
        line,
        f"the loss stays near that of guessing, 2.3, or above: it is {losses[-20:].mean():.3g} "
        f"after {len(losses)} steps. {cause}",
    )
