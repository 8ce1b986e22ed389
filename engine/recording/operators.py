"""Read an MLP from the operators of PyTorch that a model calls.

Reshapes are followed by applying them to positions, and functions of single numbers by applying
them to a grid, so that `nn.ReLU`, `x.clamp(min=0)` and `x * (x > 0)` are the same.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from mnistop.engine.activations import ACTIVATIONS

IMAGES = 3
"""The batch with which a model is read."""
GRID = (0, 1, -1, 0.3, -0.3, 1e-3, -1e-3, 2.1, -2.1, 4, -4, 7, -7, 15, -15, 40, -40, 90, -90)
"""Where functions of single numbers are compared."""
MOVES = frozenset(
    {"alias", "clone", "detach", "expand", "flip", "permute", "select", "slice", "squeeze", "t"}
    | {"transpose", "unsqueeze", "view", "_reshape_alias", "_unsafe_view"}
)
"""Operators in `torch.ops.aten` that only put numbers elsewhere."""
CONSTANTS = frozenset({"empty_like", "full_like", "ones_like", "zeros_like"})
"""Operators whose result has the shape of a tensor, but none of its numbers."""
BATCH_NORM = frozenset(
    {"native_batch_norm", "_native_batch_norm_legit_no_training", "cudnn_batch_norm"}
)
JOINED = "The model joins several layers (a residual or skip connection)"

Layers = tuple[tuple[Tensor, Tensor], ...]
"""Weight `(outputs, inputs)` and bias `(outputs,)` of each linear layer, float64."""


class NotAnMLPError(Exception):
    """The reason why a model is no MLP: a sentence without its full stop."""


@dataclass(frozen=True, eq=False)
class Source:
    """The pixels of an image, or what linear layers give for them."""

    size: int
    """How many numbers an image has here."""
    layers: Layers = ()
    """All linear layers up to here."""
    activation: str | None = None
    """Between these layers."""


@dataclass(frozen=True, eq=False)
class Value:
    """The content of a tensor: numbers of a source, after a function of each."""

    source: Source
    positions: Tensor
    """Of the tensor's shape: image · size + which of the source's numbers stands here."""
    grid: tuple[Tensor, ...]
    """The tensor, if all of the source's numbers were `GRID[0]`, `GRID[1]`, …"""
    by: str = ""
    """The last operator or module in this function."""
    kind: str = "logits"
    """Or "probabilities" or "log-probabilities": softmax follows."""

    @classmethod
    def of(cls, source: Source) -> Value:
        """The source's numbers themselves, `(IMAGES, size)`."""
        positions = torch.arange(IMAGES * source.size, device="cpu").view(IMAGES, source.size)
        return cls(source, positions, _grid(positions))

    def moved(self, move: Callable[[Tensor], Tensor]) -> Value:
        """The same numbers elsewhere."""
        grid = tuple(move(points.contiguous()) for points in self.grid)
        return replace(self, positions=move(self.positions.contiguous()), grid=grid)

    def line(self) -> tuple[Tensor, Tensor] | None:
        """Scale and shift of each element; None if the function is not affine."""
        points = torch.stack(self.grid).double()
        scale, shift = points[1] - points[0], points[0]
        lines = torch.stack([point * scale + shift for point in GRID])
        return (scale, shift) if is_close(lines, points) else None

    def function(self) -> tuple[str | None, Tensor, Tensor]:
        """The activation, None if there is none, and each element's scale and shift after it."""
        if line := self.line():
            return None, *line
        points = torch.stack(self.grid).double()
        for name, record in ACTIVATIONS.items():
            at = record.function()(torch.tensor(GRID, dtype=torch.float64, device="cpu"))
            scale = (points[1] - points[0]) / (at[1] - at[0])
            shift = points[0] - scale * at[0]
            if is_close(torch.stack([value * scale + shift for value in at]), points):
                return name, scale, shift
        form = " as it is set here" if self.by.lower() in ACTIVATIONS else ""
        raise NotAnMLPError(f"{self.by}{form} is none of the activations {', '.join(ACTIVATIONS)}")

    def based(self) -> Value:
        """The same with an affine function put into the linear layer that the numbers are from."""
        source, line = self.source, self.line()
        if line is None or not source.layers:
            return self
        numbers = (self.positions % source.size).flatten()
        factors = []
        for part, neutral in zip(line, (1.0, 0.0), strict=True):
            factor = torch.full((source.size,), neutral, dtype=torch.float64, device="cpu")
            factor[numbers] = part.flatten()
            if not torch.equal(factor[numbers], part.flatten()):
                return self
            factors.append(factor)
        scale, shift = factors
        if (scale == 1).all() and (shift == 0).all():
            return self
        weight, bias = source.layers[-1]
        layers = (*source.layers[:-1], (weight * scale[:, None], bias * scale + shift))
        return replace(self, source=replace(source, layers=layers), grid=_grid(self.positions))

    def of_each_image(self) -> Tensor | None:
        """The source's numbers that a tensor `(images, numbers)` contains; None if it has
        another shape or not the same of each image."""
        size, positions = self.source.size, self.positions
        if positions.ndim != 2 or len(positions) != IMAGES:
            return None
        starts = torch.arange(0, IMAGES * size, size, device="cpu")[:, None]
        return positions[0] if torch.equal(positions, starts + positions[0]) else None

    def times(self, matrix: Tensor) -> Value:
        """The product of a tensor `(images, inputs)` and a constant matrix `(inputs, outputs)`."""
        source, which, matrix = self.source, self.of_each_image(), matrix.double()
        if which is None:
            raise NotAnMLPError("A linear layer gets other numbers than all those of one image")
        activation, scales, shifts = self.function()
        scale, shift = scales[0], shifts[0]
        if (scales != scale).any() or (shifts != shift).any():
            raise NotAnMLPError("The model treats the images of a batch differently")
        if activation and not source.layers:
            raise NotAnMLPError(f"{self.by} comes before the first linear layer")
        if activation and source.activation not in (None, activation):
            raise NotAnMLPError(f"The model has both {source.activation} and {activation}")
        weight = torch.zeros(matrix.shape[1], source.size, dtype=torch.float64, device="cpu")
        weight.index_add_(1, which, (matrix * scale[:, None]).t())
        bias, layers = shift @ matrix, source.layers
        if not activation and layers:  # two linear layers in a row are one
            before, before_bias = layers[-1]
            layers, bias = layers[:-1], weight @ before_bias + bias
            weight = weight @ before
        layers = (*layers, (weight, bias))
        return Value.of(Source(len(bias), layers, activation or source.activation))


def _grid(positions: Tensor) -> tuple[Tensor, ...]:
    return tuple(torch.full_like(positions, point, dtype=torch.float64) for point in GRID)


def is_close(found: Tensor, true: Tensor, tolerance: float = 1e-9) -> bool:
    """True if all is finite, and differs by little beside the largest number."""
    return bool((found - true).abs().max() <= tolerance * true.abs().max())


class Reader(TorchDispatchMode):
    """A tracer of tensor contents while a model runs in double precision on the processor.

    Args:
        inputs: what the model will get, `(IMAGES, …)`.
    """

    def __init__(self, inputs: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        pixels = Value.of(Source(inputs[0].numel()))
        self._known: dict[int, tuple[Tensor, Value | None]] = {}
        self._keep(inputs, pixels.moved(lambda tensor: tensor.view(inputs.shape)))

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Keep PyTorch from importing its compiler for this class, which takes seconds."""
        return False

    def value(self, tensor: object) -> Value | None:
        """The content of a tensor; None if it does not depend on the pixels."""
        if id(tensor) not in self._known:
            return None
        if value := self._known[id(tensor)][1]:
            return value
        raise NotAnMLPError("The model changes numbers in place that it also uses elsewhere")

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run an operator, and keep what its result holds."""
        kwargs = kwargs or {}
        name = func.overloadpacket.__name__
        if torch.Tag.nondeterministic_seeded in func.tags:
            raise NotAnMLPError(
                "The model draws random numbers in evaluation mode too (as F.dropout does without "
                "training=self.training)"
            )
        values = [value for each in tree_leaves((args, kwargs)) if (value := self.value(each))]
        if name == "_to_copy" and args[0].is_floating_point():
            wanted = kwargs.get("dtype")
            if wanted is None or wanted.is_floating_point:
                return args[0]  # all is computed in the same precision on the same device
        if not values or name in CONSTANTS:
            return func(*args, **kwargs)
        value = self._meaning(func, name, values, args, kwargs)
        result = func(*args, **kwargs)
        changed = result[0] if isinstance(result, tuple | list) else result
        if func._schema.is_mutable:
            self._forget_views(changed)
        self._keep(changed, value)
        return result

    def _keep(self, tensor: Tensor, value: Value) -> None:
        self._known[id(tensor)] = tensor, value  # an id stays with a tensor as long as it lives

    def _forget_views(self, changed: Tensor) -> None:
        storage = changed.untyped_storage().data_ptr()
        for key, (tensor, _) in self._known.items():
            if tensor is not changed and tensor.untyped_storage().data_ptr() == storage:
                self._known[key] = tensor, None

    def _meaning(
        self, func: Any, name: str, values: list[Value], args: tuple[Any, ...], kwargs: Any
    ) -> Value:
        value = values[0]
        if name in MOVES and len(values) == 1:
            return value.moved(lambda tensor: func(tensor, *args[1:], **kwargs))
        if value.kind == "probabilities" and name == "log":
            return replace(value, kind="log-probabilities")
        if value.kind != "logits":
            raise NotAnMLPError("The model goes on after its softmax")
        if any(other.source is not value.source for other in values):
            raise NotAnMLPError(JOINED)
        if name in ("mm", "bmm", "addmm") and len(values) == 1:
            return self._product(name, args, kwargs)
        if name in ("_softmax", "_log_softmax"):
            if value.positions.ndim != 2 or args[1] not in (1, -1):
                raise NotAnMLPError("The model's softmax is not over the classes of one image")
            kind = "probabilities" if name == "_softmax" else "log-probabilities"
            return replace(value, kind=kind)
        if torch.Tag.pointwise in func.tags or name in ("_to_copy", *BATCH_NORM):
            return self._of_each_number(func, name, values, args, kwargs)
        raise NotAnMLPError(f"{_who(name)} is no part of an MLP")

    def _product(self, name: str, args: tuple[Any, ...], kwargs: Any) -> Value:
        *added, left, right = args
        one, other = self.value(left), self.value(right)
        if name == "bmm":
            if len(left) != 1:
                raise NotAnMLPError("The model multiplies the numbers of an image in groups")
            left, right = left[0], right[0]
            one, other = (each and each.moved(lambda tensor: tensor[0]) for each in (one, other))
        if one:
            product = one.times(right)
        elif other:
            product = other.moved(Tensor.t).times(left.t()).moved(Tensor.t)
        else:
            raise NotAnMLPError(JOINED)
        if name == "bmm":
            return product.moved(lambda tensor: tensor.unsqueeze(0))
        if not added:
            return product
        alpha, beta = kwargs.get("alpha", 1), kwargs.get("beta", 1)
        bias = beta * added[0].double()
        grid = tuple(alpha * points + bias for points in product.grid)
        return replace(product, grid=grid).based()

    def _of_each_number(
        self, func: Any, name: str, values: list[Value], args: tuple[Any, ...], kwargs: Any
    ) -> Value:
        """The result of an elementwise operator, or of batch normalisation."""
        value = values[0]
        if name.rstrip("_") in ACTIVATIONS:
            based = value.based()
            results = [func(points.clone(), *args[1:], **kwargs) for points in based.grid]
            return replace(based, grid=tuple(results), by=_who(name))
        if name in BATCH_NORM and any(each is True for each in args):
            raise NotAnMLPError("BatchNorm without running statistics looks at the whole batch")
        points = []
        for place in range(len(GRID)):

            def at_point(each: object, place: int = place) -> object:
                known = self.value(each)
                each = known.grid[place] if known else each
                return each.clone() if isinstance(each, Tensor) else each

            result = func(*tree_map(at_point, args), **tree_map(at_point, kwargs))
            points.append(result[0] if isinstance(result, tuple) else result)
        positions = [torch.broadcast_to(value.positions, points[0].shape) for value in values]
        if any(not torch.equal(other, positions[0]) for other in positions):
            raise NotAnMLPError("The model joins numbers of different pixels or neurons")
        found = replace(value, positions=positions[0], grid=tuple(points), by=_who(name))
        differ_by_number = any(
            isinstance(each, Tensor) and self.value(each) is None and each.numel() > 1
            for each in tree_leaves((args, kwargs))
        )
        return found.based() if differ_by_number else found


def _who(operator: str) -> str:
    """The module of `torch.nn` that is running, else the operator."""
    for frame, _ in traceback.walk_stack(None):
        module = frame.f_locals.get("self")
        if isinstance(module, nn.Module):
            kind = type(module)
            return kind.__name__ if kind.__module__.startswith("torch.nn") else operator
    return operator
