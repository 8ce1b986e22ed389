"""Watching a student's code: every `backward`, `zero_grad` and `step`, and the weights around them.

PyTorch's functions are replaced while a `Watch` is active; they do the same as before, and note
who called them, in which order, and what the gradients and weights were.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_pre_hook

from mnistop.engine.course.loss_calls import LossCall
from mnistop.engine.course.source import Source

Parameters = list[nn.Parameter]


def flat(tensors: list[Tensor]) -> Tensor:
    """Return a copy of all values as one vector."""
    return torch.cat([one.detach().reshape(-1) for one in tensors])


def gradients(parameters: Parameters) -> Tensor:
    """Return a copy of all gradients as one vector, with zeros where there are none."""
    return flat([torch.zeros_like(p) if p.grad is None else p.grad for p in parameters])


@dataclass
class Event:
    """A call that the student's code has made."""

    kind: str
    """`backward`, `gradient` (autograd.grad), `zero_grad`, `step` or `clip`."""
    line: int | None
    weights: Tensor | None = None
    """The weights at that time."""
    before: Tensor | None = None
    """The gradients before it."""
    fresh: Tensor | None = None
    """The gradients that it has added."""
    optimizer: Optimizer | None = None

    @property
    def is_plain(self) -> bool:
        """True if it is no step of an optimizer, or one of SGD without momentum."""
        return self.optimizer is None or (
            isinstance(self.optimizer, torch.optim.SGD)
            and not self.optimizer.param_groups[0]["momentum"]
        )


class _Saved:
    """A tensor that a graph keeps for its backward pass."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        self.version = tensor._version

    def unpack(self) -> Tensor:
        """Return the tensor.

        Raises:
            RuntimeError: it has been changed in place, which PyTorch notes only without hooks.
        """
        if self.tensor._version != self.version:
            raise RuntimeError("a tensor of this graph was modified by an inplace operation")
        return self.tensor


@dataclass
class Watch:
    """A context in which a student's code is watched.

    Args:
        source: the student's file.
        parameters: returns the weights to watch; may be empty before a model is known.
        before_backward: called with the loss before its `backward()`.
        after: called after each event.
    """

    source: Source
    parameters: Callable[[], Parameters]
    before_backward: Callable[[Tensor], None] = lambda loss: None
    after: Callable[[Event], None] = lambda event: None
    events: list[Event] = field(default_factory=list)
    losses: list[LossCall] = field(default_factory=list)
    _saved: weakref.WeakSet[_Saved] = field(default_factory=weakref.WeakSet)
    _stack: ExitStack = field(default_factory=ExitStack)
    _is_inside: bool = False

    def __enter__(self) -> Watch:
        self._replace(torch.Tensor, "backward", "backward")
        self._replace(torch.autograd, "backward", "backward")
        self._replace(torch.autograd, "grad", "gradient")
        self._replace(Optimizer, "zero_grad", "zero_grad")
        self._replace(nn.Module, "zero_grad", "zero_grad")
        self._replace(nn.utils, "clip_grad_norm_", "clip")
        self._replace(nn.utils, "clip_grad_value_", "clip")
        for name in ("cross_entropy", "nll_loss"):
            self._replace_loss(name)
        handle = register_optimizer_step_pre_hook(self._note_step)
        self._stack.callback(handle.remove)
        if not self.source.is_functional:
            self._stack.enter_context(
                torch.autograd.graph.saved_tensors_hooks(self._pack, _Saved.unpack)
            )
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def of(self, *kinds: str) -> list[Event]:
        """Return the events of some kinds."""
        return [event for event in self.events if event.kind in kinds]

    @contextmanager
    def unwatched(self) -> Iterator[None]:
        """Suspend the watching for a while."""
        before, self._is_inside = self._is_inside, True
        try:
            yield
        finally:
            self._is_inside = before

    @property
    def is_paused(self) -> bool:
        """True while nothing is noted."""
        return self._is_inside

    @property
    def graphs_kept(self) -> int:
        """The number of tensors that graphs keep alive now."""
        return len(self._saved)

    def line(self) -> int | None:
        """Return the line of the student's file that is being executed."""
        frame = sys._getframe(1)
        while frame:
            if frame.f_code.co_filename == self.source.path:
                return frame.f_lineno
            frame = frame.f_back  # type: ignore[assignment]
        return None

    def _pack(self, tensor: Tensor) -> _Saved:
        saved = _Saved(tensor.detach())  # an output would hold its graph, which holds it
        self._saved.add(saved)
        return saved

    def _note_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        parameters = self.parameters()
        before = gradients(parameters) if parameters else None
        self._note(Event("step", self.line(), before=before, optimizer=optimizer))

    def _note(self, event: Event) -> None:
        self.events.append(event)
        self.after(event)

    def _replace(self, owner: Any, name: str, kind: str) -> None:
        original = getattr(owner, name)

        def watched(*args: Any, **kwargs: Any) -> Any:
            if self._is_inside:  # Tensor.backward calls torch.autograd.backward
                return original(*args, **kwargs)
            event = Event(kind, self.line())
            inputs: list[Tensor] = []
            if kind == "gradient":
                inputs, args, kwargs = _with_inputs(args, kwargs)
            if kind in ("backward", "gradient") and args and isinstance(args[0], Tensor):
                self.before_backward(args[0])
            parameters = self.parameters()
            if parameters:
                event.weights, event.before = flat(list(parameters)), gradients(parameters)
            self._is_inside = True
            try:
                result = original(*args, **kwargs)
            finally:
                self._is_inside = False
            if parameters and event.before is not None:
                event.fresh = gradients(parameters) - event.before
            if kind == "gradient":
                event.fresh = _as_flat(result, inputs, parameters)
            self._note(event)
            return result

        self._stack.enter_context(mock.patch.object(owner, name, watched))

    def _replace_loss(self, name: str) -> None:
        original = getattr(functional, name)
        is_inside = False

        def watched(*args: Any, **kwargs: Any) -> Any:
            nonlocal is_inside
            if is_inside or self._is_inside:
                return original(*args, **kwargs)
            is_inside = True
            try:
                loss = original(*args, **kwargs)
            finally:
                is_inside = False
            scores = args[0] if args else kwargs["input"]
            labels = args[1] if len(args) > 1 else kwargs["target"]
            call = LossCall(name, self.line(), scores.detach(), labels.detach(), loss.detach())
            self.losses.append(call)
            return loss

        self._stack.enter_context(mock.patch.object(functional, name, watched))


def _with_inputs(args: Any, kwargs: Any) -> tuple[list[Tensor], Any, Any]:
    """Return the inputs of a call of `torch.autograd.grad`, and its arguments to call it with.

    A generator, as `model.parameters()`, can be gone through only once.
    """
    given = args[1] if len(args) > 1 else kwargs.get("inputs", ())
    inputs = [given] if isinstance(given, Tensor) else list(given)
    if len(args) > 1:
        return inputs, (args[0], inputs, *args[2:]), kwargs
    return inputs, args, kwargs | {"inputs": inputs}


def _as_flat(result: Any, inputs: list[Tensor], parameters: Parameters) -> Tensor | None:
    """Return the result of `torch.autograd.grad` in the order of the weights, as one vector.

    Weights that are not among the inputs have zeros. None if no weight is, as for a gradient
    by the images.
    """
    found = {id(one): part for one, part in zip(inputs, result, strict=True) if part is not None}
    if not any(id(p) in found for p in parameters):
        return None
    return flat([found.get(id(p), torch.zeros_like(p)) for p in parameters])


def leaves(output: Tensor) -> list[Tensor]:
    """Return the tensors that `backward()` of an output would give gradients to."""
    found: list[Tensor] = []
    seen: set[Any] = set()
    waiting: list[Any] = [output.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            found.append(node.variable)
        waiting.extend(before for before, _ in node.next_functions)
    return found
