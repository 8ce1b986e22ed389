"""The parts of a student's file, each of which is checked by itself."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import torch

from mnistop.engine.course import evaluate_check, loop_check, model_check, step_check
from mnistop.engine.course.exceptions import StillRunningError, explain, line_of
from mnistop.engine.course.findings import BLANK, ERROR, Finding
from mnistop.engine.course.source import Source, not_filled
from mnistop.engine.course.student import load, stand_ins
from mnistop.engine.course.truth import images_and_labels


def warm_up() -> None:
    """Load what the checks need, once."""
    torch.set_num_threads(1)
    images_and_labels(1)


def check_part(source: Source, part: str) -> list[Finding]:
    """Check a part of a file by executing it in this process.

    Returns:
        The findings; an exception of the student's code is one, too.
    """
    with stand_ins(source):
        try:
            return _CHECKS[part](source)
        except BaseException as error:
            if line_of(error, source) or isinstance(error, StillRunningError):
                return [explain(part, error, source, None)]
            fault = f"{type(error).__name__}: {error}"
            text = f"The check failed by a fault of its own, which is none of yours ({fault})."
            return [Finding(part, ERROR, text)]


def _check_model(source: Source) -> list[Finding]:
    names = load(source)
    values = model_check.check_values(source, names)
    if not source.method("MLP", "forward"):
        missing = "There is no class `MLP` with `__init__` and `forward` in the file."
        missing += source.methods_of("MLP")
        return [*values, Finding("MLP", BLANK, missing)]
    return [*values, *model_check.build(source, names)[1]]


def _check_train_step(source: Source) -> list[Finding]:
    if found := not_filled("train_step", source, source.function("train_step")):
        return [found]
    names = load(source)
    return [step_check.check_step(source, names, _built(source, names))]


def _check_evaluate(source: Source) -> list[Finding]:
    if found := not_filled("evaluate", source, source.function("evaluate")):
        return [found]
    names = load(source)
    return [evaluate_check.check_evaluate(source, names, _built(source, names))]


def _built(source: Source, names: dict[str, Any]) -> Any:
    """Return the student's model if it is right."""
    with contextlib.suppress(Exception):
        return model_check.build(source, names)[0]
    return None


_CHECKS: dict[str, Callable[[Source], list[Finding]]] = {
    "MLP": _check_model,
    "train_step": _check_train_step,
    "evaluate": _check_evaluate,
    "loop": loop_check.check_main,
    "unrun loop": loop_check.check_main_text,
    "script": loop_check.check_script,
}
