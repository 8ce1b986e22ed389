"""The calls of a student's code to losses: what they were given, and what is wrong with that."""

from __future__ import annotations

import ast
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from mnistop.engine.course.findings import Problem
from mnistop.engine.course.lines import call_line, near_line

SOFTMAX_TWICE = (
    "softmax twice: cross-entropy gets probabilities, and takes the softmax of them again. The "
    "loss cannot fall below 1.46 and learning is slow. Give it the logits."
)
SOFTMAX_OVER_BATCH = (
    "the loss falls slowly or not at all: a softmax along the batch, dim=0, mixes the images. "
    "Cross-entropy takes the logits as they are."
)
OWN_PREDICTIONS = (
    "the model learns what it says already: the loss is computed with its own predictions instead "
    "of the labels."
)
_ORIGINAL = {"cross_entropy": functional.cross_entropy, "nll_loss": functional.nll_loss}


@dataclass
class LossCall:
    """A call of `cross_entropy` or `nll_loss`."""

    kind: str
    line: int | None
    scores: Tensor
    labels: Tensor
    loss: Tensor

    @property
    def gets_own_predictions(self) -> bool:
        """True if the labels are the places of the largest scores."""
        return self.scores.ndim == 2 and torch.equal(self.scores.argmax(1), self.labels)

    @property
    def mean(self) -> float:
        """The loss, or its mean if it is a sum over the images."""
        loss, count = float(self.loss), len(self.scores)
        if self.labels.ndim == 1:
            mean = float(_ORIGINAL[self.kind](self.scores, self.labels))
            if abs(loss - mean * count) < 1e-4 * abs(loss):
                return mean
        return loss

    @property
    def share(self) -> float:
        """The share of images that are right; NaN if the labels are no classes."""
        if self.scores.ndim != 2 or self.labels.ndim != 1:
            return float("nan")
        return float((self.scores.argmax(1) == self.labels).float().mean())

    @property
    def gets_probabilities(self) -> bool:
        """True if each row is at least 0 and sums to 1, as after a softmax."""
        if self.scores.ndim != 2 or not len(self.scores):
            return False
        sums = self.scores.sum(1)
        return bool((self.scores >= 0).all() and torch.allclose(sums, torch.ones_like(sums)))

    @property
    def sums_along_batch(self) -> bool:
        """True if the exponentials of each column sum to 1, as after a log-softmax with dim=0."""
        sums = self.scores.logsumexp(0)
        return torch.allclose(sums, torch.zeros_like(sums), atol=1e-3)

    @property
    def gets_log_probabilities(self) -> bool:
        """True if the exponentials of each row sum to 1, as after a log-softmax."""
        if self.scores.ndim != 2:
            return False
        sums = self.scores.logsumexp(1)
        return torch.allclose(sums, torch.zeros_like(sums), atol=1e-3)


def check_loss_calls(losses: list[LossCall], part: ast.AST) -> Problem | None:
    """Find a softmax too many, or one too few, before the loss, and labels that are none."""
    for call in losses:
        if call.kind == "cross_entropy" and call.gets_probabilities:
            line = near_line(part, call.line, "softmax", "Softmax") or call.line
            return Problem(line, SOFTMAX_TWICE)
        if call.kind == "nll_loss" and not call.gets_log_probabilities:
            if call.sums_along_batch:
                return Problem(
                    call_line(part, "log_softmax", "LogSoftmax") or call.line,
                    SOFTMAX_OVER_BATCH,
                )
            gets = "probabilities without their logarithm" if call.gets_probabilities else "logits"
            return Problem(
                call.line,
                f"the loss is negative or falls without end: `nll_loss` needs log-probabilities, "
                f"and gets {gets}. Use `cross_entropy` on logits, or `log_softmax` first.",
            )
    own = [call for call in losses if len(call.labels) > 3]
    if own and all(call.gets_own_predictions for call in own):
        return Problem(own[0].line, OWN_PREDICTIONS)
    return None
