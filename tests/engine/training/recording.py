"""A stand-in for a CUDA graph on the processor."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

WAITING = ("_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "equal", "lift_fresh")
"""Operations that a capture forbids: they wait for a number from the GPU, or bring one there."""


class Recording:
    """Work captured once: its operations, with the memory that they worked on.

    Replaying does the same operations with the same memory, and runs no line of the work's own
    Python. So, as with a real graph, all that the work took from a Python variable stays as it was
    when it was captured, and results of the last time are overwritten.
    """

    def __init__(self, work: Callable[[], Tensor], generator: torch.Generator) -> None:
        work()
        with _Recorder(generator) as recorder:
            self._result = work()
        self._operations = recorder.operations

    @torch.inference_mode()
    def replay(self) -> Tensor:
        for operation, args, kwargs, outputs in self._operations:
            results = _tensors(operation(*args, **kwargs))
            for output, result in zip(outputs, results, strict=bool(outputs)):
                output.copy_(result)
        return self._result


class _Recorder(TorchDispatchMode):
    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self.operations: list[tuple[Any, Any, Any, list[Tensor]]] = []
        self._generator = generator

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        kwargs = kwargs or {}
        name = operation._schema.name.removeprefix("aten::")
        assert name not in WAITING, f"{name} in a captured step"
        if torch.Tag.nondeterministic_seeded in operation.tags:
            its_state = kwargs["generator"].get_state()
            assert torch.equal(its_state, self._generator.get_state()), f"{name} of another source"
        outputs = operation(*args, **kwargs)
        args, kwargs = tree_map_only(Tensor, Tensor.detach, (args, kwargs))
        there = {_memory(given) for given in _tensors((args, kwargs))}
        anew = [made.detach() for made in _tensors(outputs) if _memory(made) not in there]
        if anew or operation._schema.is_mutable:  # else a view
            self.operations.append((operation, args, kwargs, anew))
        return outputs


def _tensors(values: object) -> list[Tensor]:
    return [value for value in tree_leaves(values) if isinstance(value, Tensor)]


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
