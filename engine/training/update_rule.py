"""The update of each optimizer as formulas, and with the numbers of one weight put in.

`mnistop.engine.training.optimizers` computes the same for all weights at once. This needs no
PyTorch, so that the interface can show the formulas.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from mnistop.engine.config import RunConfig

BETAS = 0.9, 0.999
"""Adam's decay rates of the mean gradient and of the mean squared gradient."""
ADAM_EPSILON = 1e-8
"""Adam's constant added to the root of the mean squared gradient."""
RMSPROP_DECAY, RMSPROP_EPSILON = 0.99, 1e-8
"""RMSprop's decay rate of the mean squared gradient, and the constant added to its root."""

BUFFERS = {"manual": (), "sgd": ("v",), "adam": ("m", "v"), "adamw": ("m", "v"), "rmsprop": ("v",)}
"""The names in the formulas of what each optimizer keeps from step to step, in its order."""

_SYMBOLS = re.compile(r"\b(w|g|lr|t|m|v|m_hat|v_hat)\b")


@dataclass(frozen=True)
class Assignment:
    """A line of an update: `name = expression`.

    The symbols are the weight `w`, its gradient `g`, the learning rate `lr`, the number of the step
    `t`, counted from 1, and what the optimizer keeps, `m` and `v`.
    """

    name: str
    expression: str
    """In Python, of symbols, numbers and `sqrt`."""

    def __str__(self) -> str:
        return f"{self.name} = {self.expression}"


@dataclass(frozen=True)
class Evaluated:
    """An assignment of which the result is known."""

    assignment: Assignment
    numbers: str
    """The expression with numbers for its symbols."""
    result: float


def update_rule(config: RunConfig) -> list[Assignment]:
    """Return the lines that update one weight, in order."""
    decay = f"{config.weight_decay:g}"
    lines = []
    if config.weight_decay:
        if config.optimizer == "adamw":
            lines.append(Assignment("w", f"w - lr * {decay} * w"))
        else:
            lines.append(Assignment("g", f"g + {decay} * w"))
    match config.optimizer:
        case "sgd" if config.momentum:
            lines += [
                Assignment("v", f"{config.momentum:g} * v + g"),
                Assignment("w", "w - lr * v"),
            ]
        case "manual" | "sgd":
            lines.append(Assignment("w", "w - lr * g"))
        case "adam" | "adamw":
            mean, square = BETAS
            lines += [
                Assignment("m", f"{mean:g} * m + {1 - mean:g} * g"),
                Assignment("v", f"{square:g} * v + {1 - square:g} * g ** 2"),
                Assignment("m_hat", f"m / (1 - {mean:g} ** t)"),
                Assignment("v_hat", f"v / (1 - {square:g} ** t)"),
                Assignment("w", f"w - lr * m_hat / (sqrt(v_hat) + {ADAM_EPSILON:g})"),
            ]
        case "rmsprop":
            lines += [
                Assignment("v", f"{RMSPROP_DECAY:g} * v + {1 - RMSPROP_DECAY:g} * g ** 2"),
                Assignment("w", f"w - lr * g / (sqrt(v) + {RMSPROP_EPSILON:g})"),
            ]
    return lines


def evaluate_rule(rule: list[Assignment], symbols: Mapping[str, float]) -> list[Evaluated]:
    """Insert numbers into an update, line by line.

    Args:
        rule: as `update_rule` returns it.
        symbols: the value of each symbol before the update.
    """
    values, lines = dict(symbols), []
    for assignment in rule:
        numbers = _SYMBOLS.sub(lambda found: _number(values[found[0]]), assignment.expression)
        # The expressions are those above, so nothing foreign is evaluated.
        result = float(eval(assignment.expression, {"sqrt": _sqrt}, values))
        values[assignment.name] = result
        lines.append(Evaluated(assignment, numbers, result))
    return lines


def _number(value: float) -> str:
    """Format a number for a formula."""
    text = f"{value:.6g}"
    return f"({text})" if value < 0 else text


def _sqrt(value: float) -> float:
    return math.sqrt(value) if value >= 0 else math.nan
