"""Find the multi-layer perceptron in a model, in whatever way it is written.

A copy of the model runs once, in double precision on the processor, while the operators that it
calls are read. What is found is compared with the model itself before it is believed.
"""

from __future__ import annotations

import contextlib
import copy
import sys
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from mnistop.engine.activations import ACTIVATIONS
from mnistop.engine.recording.models import evaluation_mode, logits_of, unwrapped
from mnistop.engine.recording.operators import (
    IMAGES,
    Layers,
    NotAnMLPError,
    Reader,
    Source,
    is_close,
)
from mnistop.engine.recording.untouched import random_states_kept

MOST_PARAMETERS = 50_000_000
"""Larger models are not copied."""
COMPARED = 128
"""Images on which model and MLP are compared: at most this many given, and as many random ones."""
NOT_POSSIBLE = (
    ": attacks, weights and the pad need an MLP and do not work for this run; all else does."
)
DIFFERS = "What was found in the model computes other outputs than the model"


@dataclass(frozen=True)
class FoundMLP:
    """A model as data; it takes flat images `(batch, pixels)` with pixels in [0, 1]."""

    layers: tuple[int, ...]
    """Numbers of inputs, hidden neurons and classes."""
    activation: str
    """A name in `ACTIVATIONS`; "relu" without a hidden layer."""
    weights: dict[str, Tensor]
    """float32 on the processor, by the names of `mnistop.engine.model.MLP.state_dict`."""
    note: str = ""
    """A sentence on what was left out; empty if nothing was."""

    @property
    def parameters(self) -> int:
        """Number of the model's parameters."""
        return sum(values.numel() for values in self.weights.values())


def find(
    model: nn.Module,
    inputs: Tensor,
    normalize: tuple[Any, Any] | None = None,
    order: Any = None,
) -> FoundMLP | str:
    """Return the MLP that a model is, or a sentence that says why it is not kept.

    Nothing of the caller's changes: modes, gradients, weights and random states stay as they are.

    Args:
        model: as trained; DDP, DataParallel and `torch.compile` are unwrapped.
        inputs: images as the model takes them, `(n, …)`, at least one.
        normalize: mean and standard deviation, if `inputs` are (pixels - mean) / std: numbers, or
            arrays with one for each value of a flat input. None if they are pixels.
        order: the position in a flat input of each of the MLP's pixels; None for the same.
    """
    try:
        with _undisturbed():
            return _find(model, inputs, _Pixels.of_inputs(inputs, normalize, order))
    except NotAnMLPError as error:
        return f"{error}{NOT_POSSIBLE}"


@dataclass(frozen=True)
class _Pixels:
    """The way between a model's flat inputs and pixels in [0, 1]."""

    mean: Tensor
    """`(pixels,)`, in the order of the inputs, as the next."""
    std: Tensor
    order: Tensor
    """The position of each pixel in the inputs, `(pixels,)`."""

    @classmethod
    def of_inputs(cls, inputs: Tensor, normalize: tuple[Any, Any] | None, order: Any) -> Self:
        """Return what `find` is given of the pixels."""
        size = inputs[0].numel()
        mean, std = (
            torch.as_tensor(each, dtype=torch.float64, device="cpu").expand(size)
            for each in normalize or (0.0, 1.0)
        )
        places = range(size) if order is None else order
        return cls(mean, std, torch.as_tensor(places, device="cpu"))

    def of(self, inputs: Tensor) -> Tensor:
        """Return flat pixels of flat inputs."""
        return (inputs * self.std + self.mean)[:, self.order]

    def first_layer(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Return a layer of pixels that computes what another one does of the inputs."""
        return (weight / self.std)[:, self.order], bias - weight @ (self.mean / self.std)


def _find(model: nn.Module, inputs: Tensor, pixels: _Pixels) -> FoundMLP:
    model = unwrapped(model)
    if not isinstance(model, nn.Module):
        raise NotAnMLPError(f"A {type(model).__name__} is no torch.nn.Module")
    _check_can_be_copied(model)
    shape = (IMAGES, *inputs.shape[1:])
    source, kind = _read(_copy_in_double(model), _random(shape).double())
    weights = {}
    layers = (pixels.first_layer(*source.layers[0]), *source.layers[1:])
    for number, (weight, bias) in enumerate(layers, start=1):
        weights[f"linear_{number}.weight"] = weight.float().contiguous()
        weights[f"linear_{number}.bias"] = bias.float().contiguous()
    if not all(values.isfinite().all() for values in weights.values()):
        raise NotAnMLPError("The model's weights are too large for float32")
    sizes = (source.layers[0][0].shape[1], *(len(bias) for _, bias in source.layers))
    note = ""
    if kind != "logits":
        note = f"The model gives {kind}; it is kept without its softmax and gives logits."
    found = FoundMLP(sizes, source.activation or "relu", weights, note)
    _compare(model, found, kind, inputs, pixels)
    return found


def _random(shape: tuple[int, ...]) -> Tensor:
    return torch.rand(
        shape, dtype=torch.float32, device="cpu", generator=torch.Generator("cpu").manual_seed(0)
    )


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep all random states, and suspend the settings that change what is computed."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(random_states_kept())
        for kind in ("cpu", "cuda"):
            stack.enter_context(torch.autocast(kind, enabled=False))
        if "torch._dynamo" in sys.modules:
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.no_grad())
        yield


def _check_can_be_copied(model: nn.Module) -> None:
    parameters = list(model.parameters())
    if any(isinstance(each, nn.parameter.UninitializedParameter) for each in parameters):
        raise NotAnMLPError("The model has lazy layers that have not seen an image")
    kinds = {type(each).__name__ for each in (*parameters, *model.modules())}
    if kinds & {"DTensor", "FullyShardedDataParallel"}:
        raise NotAnMLPError("The model's weights are sharded over several processes")
    if not all(each.isfinite().all() for each in parameters if each.is_floating_point()):
        raise NotAnMLPError("The model's weights are not all finite numbers")
    if (count := sum(each.numel() for each in parameters)) > MOST_PARAMETERS:
        raise NotAnMLPError(
            f"The model has {count:,} parameters, more than the {MOST_PARAMETERS:,} that are kept"
        )


def _copy_in_double(model: nn.Module) -> nn.Module:
    """Copy a model to the processor, without forward hooks: they may tell somebody."""
    memo: dict[int, Any] = {}
    for module in model.modules():
        memo[id(module._forward_hooks)] = OrderedDict()
        for value in _tensors(vars(module).values()):
            dtype = torch.float64 if value.is_floating_point() else value.dtype
            kept = value.detach().to("cpu", dtype, copy=True)
            is_parameter = isinstance(value, nn.Parameter)
            memo[id(value)] = nn.Parameter(kept, requires_grad=False) if is_parameter else kept
    try:
        for module in model.modules():
            if (inner := unwrapped(module)) is not module:
                memo[id(module)] = copy.deepcopy(inner, memo)
        copied: nn.Module = copy.deepcopy(model, memo)
        return copied.to("cpu", torch.float64)  # TorchScript copies without the memo
    except Exception as error:
        raise NotAnMLPError(f"The model cannot be copied ({_in_short(error)})") from None


def _tensors(values: Iterable[Any], depth: int = 2) -> Iterator[Tensor]:
    """Tensors among values, and in lists and dictionaries among them."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif depth and isinstance(value, dict):
            yield from _tensors(value.values(), depth - 1)
        elif depth and isinstance(value, list | tuple):
            yield from _tensors(value, depth - 1)


def _in_short(error: BaseException) -> str:
    first_line = (str(error).strip().splitlines() or [""])[0][:200]
    return f"{type(error).__name__}: {first_line}" if first_line else type(error).__name__


def _read(model: nn.Module, inputs: Tensor) -> tuple[Source, str]:
    """Return the source of a model's logits, and the kind of its outputs."""
    images, reader = inputs.flatten(1).clone(), Reader(inputs)
    try:
        with evaluation_mode(model), reader:
            outputs = logits_of(model(inputs))
    except NotAnMLPError:
        raise
    except Exception as error:
        raise NotAnMLPError(
            f"The model cannot be followed on images {tuple(inputs.shape)} ({_in_short(error)})"
        ) from None
    if not isinstance(outputs, Tensor):
        raise NotAnMLPError(f"The model gives a {type(outputs).__name__} and no tensor of logits")
    value = reader.value(outputs)
    if value is None or not value.source.layers:
        raise NotAnMLPError("The model has no linear layer between pixels and outputs")
    if value.line() is None:
        raise NotAnMLPError(f"{value.by} comes after the last linear layer")
    which = value.of_each_image()
    if which is None:
        raise NotAnMLPError(f"The model's outputs {tuple(outputs.shape)} are not one row an image")
    source = value.based().source
    *layers, (weight, bias) = source.layers
    source = replace(source, layers=(*layers, (weight[which], bias[which])))
    if not is_close(_outputs(source.layers, source.activation, value.kind, images), outputs):
        raise NotAnMLPError(DIFFERS)
    return source, value.kind


def _outputs(layers: Layers, activation: str | None, kind: str, images: Tensor) -> Tensor:
    """An MLP's outputs for flat images, in their precision: logits, or the softmax of them."""
    values = images
    for number, (weight, bias) in enumerate(layers):
        if number:
            values = ACTIVATIONS[activation or "relu"].function()(values)
        values = functional.linear(values, weight.to(values.dtype), bias.to(values.dtype))
    if kind == "logits":
        return values
    return values.softmax(1) if kind == "probabilities" else values.log_softmax(1)


def _compare(model: nn.Module, found: FoundMLP, kind: str, inputs: Tensor, pixels: _Pixels) -> None:
    """Compare the MLP with the model itself, on its own device and in its own precision.

    Raises:
        NotAnMLPError: they differ by more than rounding.
    """
    own = next((each for each in model.parameters() if each.is_floating_point()), inputs)
    random_ones = (_random((COMPARED, len(pixels.order))) - pixels.mean) / pixels.std
    random_ones = random_ones.to(inputs.dtype).view(-1, *inputs.shape[1:])
    images = torch.cat([inputs[:COMPARED].detach().cpu(), random_ones])
    try:
        with evaluation_mode(model):
            outputs = logits_of(model(images.to(own.device, own.dtype, copy=True)))
    except Exception as error:
        raise NotAnMLPError(f"The model fails on validation images ({_in_short(error)})") from None
    names = (f"linear_{number}" for number in range(1, len(found.layers)))
    layers = tuple(
        (found.weights[f"{name}.weight"], found.weights[f"{name}.bias"]) for name in names
    )
    tolerance = 1e-3 if outputs.dtype in (torch.float32, torch.float64) else 5e-2
    computed = _outputs(layers, found.activation, kind, pixels.of(images.double().flatten(1)))
    if not is_close(computed, outputs.detach().cpu().double(), tolerance):
        raise NotAnMLPError(DIFFERS)
