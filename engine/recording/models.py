"""A loop's model: without its wrappers, in evaluation mode, and the logits in what it returns."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from mnistop.engine.errors import DataError


def unwrapped(model: Any) -> Any:
    """Return a module without what distributed training and `torch.compile` wrap it in."""
    while True:
        kinds = {kind.__name__ for kind in type(model).__mro__}
        if kinds & {"DistributedDataParallel", "DataParallel"} and hasattr(model, "module"):
            model = model.module
        elif hasattr(model, "_orig_mod"):
            model = model._orig_mod
        else:
            return model


def check_all_whole(model: Any) -> None:
    """Check that no part of a module is sharded: all processes would have to evaluate it.

    Raises:
        DataError: one is.
    """
    for part in (*model.modules(), *tensors_of(model)):
        check_whole(part)


def check_whole(part: Any) -> None:
    """Check that a module or a tensor is not sharded.

    Raises:
        DataError: it is.
    """
    kind = type(part).__name__
    if kind == "DTensor" or "FullyShardedDataParallel" in kind:
        raise DataError("The model is sharded over several processes: it is not evaluated.")


def tensors_of(model: Any) -> Iterator[Any]:
    """Yield all parameters and buffers of a module."""
    yield from model.parameters()
    yield from model.buffers()


@contextlib.contextmanager
def evaluation_mode(model: Any) -> Iterator[None]:
    """Switch all modules of a model to evaluation mode, and back to their own modes at the end.

    `Module.train` and `Module.eval` are not called: some models override them to change weights.
    """
    training = [module for module in _modules(model) if module.training]
    _set_modes(training, False)
    try:
        yield
    finally:
        _set_modes(training, True)


def _modules(model: Any) -> list[Any]:
    """Return all modules in a model, as `model.modules()` in a third of the time."""
    found, seen = [model], {id(model)}
    for module in found:
        for inner in module._modules.values():
            if inner is not None and id(inner) not in seen:
                seen.add(id(inner))
                found.append(inner)
    return found


def _set_modes(modules: list[Any], training: bool) -> None:
    for module in modules:
        attributes = vars(module)
        if "training" in attributes:  # passing by the checks that torch makes for any attribute
            attributes["training"] = training
        else:
            module.training = training


def logits_of(output: Any) -> Any:
    """Return the logits in what a model returns, which may hold more beside them."""
    if isinstance(output, (tuple, list)):
        output = getattr(output, "logits", output[0])
    elif not hasattr(output, "detach"):
        output = getattr(output, "logits", output)
    return output
