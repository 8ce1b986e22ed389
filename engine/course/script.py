"""Running a training script until it has shown enough, and noting what its loop does.

The script runs until it has trained a few epochs. Noted are its forward passes, with their images,
the steps of the training, and the numbers that its names hold after each validation.
"""

from __future__ import annotations

import contextlib
import io
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules import module as hooks

from mnistop.engine.course.exceptions import StillRunningError
from mnistop.engine.course.loss_calls import LossCall
from mnistop.engine.course.source import Source
from mnistop.engine.course.steps import Step
from mnistop.engine.course.watching import Event, Watch, flat, leaves

_BACKWARD = 80
"""Computations of gradients after which the script is stopped: three epochs of the notebook's."""
_STEPS = 8
"""Steps whose weights are compared."""
_NOISY = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._BatchNorm)
"""Layers that do something else in training mode."""
_KEPT = 100
"""Forward passes whose images are kept."""


class _EnoughError(BaseException):
    """Raised in the student's script when it has been watched long enough."""


class _Token:
    """An object that lives as long as a node of a graph."""


@dataclass
class Pass:
    """A forward pass of a whole model."""

    place: int
    """Among all passes, from 0."""
    model: nn.Module
    images: Tensor | None
    """As the model got them; None if it is a late pass."""
    weights: Tensor | None
    """Those of the model, if it computes a graph."""
    rows: set[int]
    """A key of each image."""
    line: int | None
    losses: int
    """The number of losses that were computed before it."""
    graphs: int
    """The number of graphs of earlier losses that were alive."""
    is_noisy: bool
    """True if the model is in training mode, and has layers for which that matters."""
    is_quiet: bool
    """True if it has dropout, and all of it is off."""
    is_training: bool = False


@dataclass
class Script:
    """A script that is being watched.

    Args:
        source: the file.
        names: those that it finds at its start.
    """

    source: Source
    names: dict[str, Any]
    parameters: list[Tensor] = field(default_factory=list)
    """The weights that the last loss depends on."""
    passes: list[Pass] = field(default_factory=list)
    training: list[tuple[Event, Pass | None, float]] = field(default_factory=list)
    """Each computation of the weights' gradients, the pass that led to it, and the loss."""
    trained: list[frozenset[int]] = field(default_factory=list)
    """The ids of the models that each of them is about."""
    evaluated: list[tuple[list[Pass], dict[str, float]]] = field(default_factory=list)
    """Each validation with the numbers that the script's names had after it."""
    watch: Watch = field(init=False)
    _loss: float = 0.0
    _pass: Pass | None = None
    """The one that led to the last loss."""
    _models: dict[int, nn.Module] = field(default_factory=dict)
    """The whole models that were called, by their ids."""
    _of_loss: frozenset[int] = frozenset()
    """The ids of those that the last loss depends on."""
    _is_by_images: bool = False
    """True if the last loss has a gradient by something else, too, as by the images."""
    _by_images: set[int] = field(default_factory=set)
    """The ids of the events for which that is so."""
    _depth: int = 0
    _graphs: weakref.WeakSet[_Token] = field(default_factory=weakref.WeakSet)

    def __post_init__(self) -> None:
        self.watch = Watch(
            self.source,
            lambda: self.parameters,  # type: ignore[arg-type,return-value]
            self._before_backward,
            self._after,
        )

    def run(self) -> BaseException | None:
        """Run the script until it has shown enough; return its exception, if it raised one."""
        with self.watch, self._hooks(), contextlib.redirect_stdout(io.StringIO()):
            try:
                code = compile(self.source.tree, self.source.path, "exec")
                exec(code, self.names)
            except _EnoughError:
                pass
            except SystemExit as error:
                return None if self.training else error
            except StillRunningError as error:
                if not self.training:
                    raise RuntimeError("No training step came in time") from error
            except Exception as error:
                return error
        return None

    @property
    def model(self) -> nn.Module | None:
        """The first model that is trained, or else called; None if there is none."""
        called = self.own_passes or self.passes
        return called[0].model if called else None

    @property
    def own_passes(self) -> list[Pass]:
        """The passes that were trained on."""
        return [one for _, one, _ in self.training if one]

    def steps(self) -> list[Step]:
        """Return the first steps: each lasts until the next `backward()`."""
        events = self.watch.events
        places = [at for at, event in enumerate(events) if event.kind in ("backward", "gradient")]
        passes = {id(event): one for event, one, _ in self.training}
        found: list[Step] = []
        for at, following in pairwise([*places, len(events)]):
            event = events[at]
            if id(event) not in passes or event.weights is None or event.before is None:
                continue
            later = events[following].weights if following < len(events) else None
            after = flat(self.parameters) if following == len(events) else later
            if after is None or after.shape != event.weights.shape or event.fresh is None:
                continue
            step = Step(event.weights, after, event.fresh, event.before, events[at:following])
            last = passes[id(event)]
            if last and last.weights is not None and last.weights.shape == after.shape:
                step.forward_weights, step.batch = last.weights, self._batch(last)
            if id(event) in self._by_images and not step.change.any():
                continue  # it was for an adversarial image
            found.append(step)
            if len(found) == _STEPS:
                break
        return found

    def calls_of(self, one: Pass) -> list[LossCall]:
        """Return the losses that were computed between a pass and the next one."""
        later = self.passes[one.place + 1 : one.place + 2]
        return self.watch.losses[one.losses : later[0].losses if later else None]

    def _batch(self, one: Pass) -> tuple[Tensor, Tensor] | None:
        """Return the images and labels of a pass, if they are known for certain."""
        calls = self.calls_of(one)
        if one.images is None or len(calls) != 1:
            return None
        labels = calls[0].labels
        is_fit = labels.dtype == torch.long and labels.shape == (len(one.images),)
        return (one.images, labels) if is_fit else None

    # Called while the script runs

    @contextlib.contextmanager
    def _hooks(self) -> Iterator[None]:
        enter = hooks.register_module_forward_pre_hook(lambda model, args: self._enter(model, args))
        leave = hooks.register_module_forward_hook(lambda *_: self._leave())
        try:
            yield
        finally:
            enter.remove()
            leave.remove()

    def _before_backward(self, loss: Tensor) -> None:
        found = {id(one): one for one in leaves(loss)}
        models = {
            key: model
            for key, model in self._models.items()
            if any(id(p) in found for p in model.parameters())
        }
        last = self.passes[-1] if self.passes else None
        of_models = (one for one in reversed(self.passes) if id(one.model) in models)
        self._pass, self._of_loss = next(of_models, last), frozenset(models)
        if last and not found:
            models = {id(last.model): last.model}
        own = {id(p): p for model in models.values() for p in model.parameters()}
        self.parameters = list((own or found).values())
        self._is_by_images = bool(own) and not found.keys() <= own.keys()
        self._loss = float(loss.detach().sum())
        if loss.grad_fn is not None:
            token = _Token()
            self._graphs.add(token)
            kept: Any = loss.grad_fn.metadata
            kept["mnistop"] = token  # lives as long as the graph

    def _after(self, event: Event) -> None:
        if event.kind not in ("backward", "gradient") or event.fresh is None:  # as by the images
            return
        self.training.append((event, self._pass, self._loss))
        self.trained.append(self._of_loss)
        if self._is_by_images:
            self._by_images.add(id(event))
        if self._pass:
            self._pass.is_training = True
        if len(self.training) >= _BACKWARD:
            raise _EnoughError

    def _enter(self, model: nn.Module, args: tuple[Any, ...]) -> None:
        """Record the start of a module's forward pass."""
        self._depth += 1
        is_root = self._depth == 1 and any(True for _ in model.parameters())
        if not is_root or not args or not isinstance(args[0], Tensor) or self.watch.is_paused:
            return
        x = args[0].detach()
        self._note_evaluation()
        flat_rows = x.reshape(len(x), -1).double() if x.ndim > 1 else x[None].double()
        keys = (flat_rows @ torch.linspace(1, 2, flat_rows.shape[1], dtype=torch.float64)).tolist()
        rows = {hash(round(key, 6)) for key in keys}
        self._models[id(model)] = model
        drops = [one for one in model.modules() if isinstance(one, _NOISY[0])]
        is_early = len(self.passes) < _KEPT
        weights = flat(list(model.parameters())) if is_early and torch.is_grad_enabled() else None
        self.passes.append(
            Pass(
                len(self.passes),
                model,
                x if is_early else None,
                weights,
                rows,
                self.watch.line(),
                len(self.watch.losses),
                len(self._graphs),
                any(one.training and isinstance(one, _NOISY) for one in model.modules()),
                bool(drops) and not any(one.training for one in drops),
            )
        )

    def _leave(self) -> None:
        self._depth = max(0, self._depth - 1)

    def _note_evaluation(self) -> None:
        """Keep the script's numbers when passes without `backward` are over."""
        trailing: list[Pass] = []
        for one in reversed(self.passes):
            if one.is_training:
                break
            trailing.insert(0, one)
        if trailing:
            if self.evaluated and self.evaluated[-1][0][0] is trailing[0]:
                self.evaluated.pop()
            self.evaluated.append((trailing, _numbers(self.names)))


def _numbers(names: dict[str, Any]) -> dict[str, float]:
    """Return the numbers that names hold, and the last ones of lists."""
    found = {}
    for name, value in names.items():
        last = value[-1] if isinstance(value, list) and value else value
        if isinstance(last, Tensor) and last.ndim == 0:
            last = last.item()
        if isinstance(last, float | int | np.floating) and not isinstance(last, bool):
            found[f"{name}[-1]" if isinstance(value, list) else name] = float(last)
    return found
