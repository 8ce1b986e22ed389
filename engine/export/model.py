"""A trained model as plain arrays, as a file for plain PyTorch, and as an ONNX file
(https://onnx.ai)."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.activations import ACTIVATIONS, OnnxNode
from mnistop.engine.analysis.loading import load_model, load_model_in, load_snapshot
from mnistop.engine.errors import MnistopError, RunError
from mnistop.engine.events import RunStarted
from mnistop.engine.learning_rate import after_divergence
from mnistop.engine.report.facts import Architecture
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.history import History, reduce
from mnistop.engine.runs.predictions import snapshot_epochs
from mnistop.engine.runs.run_folder import Run

if TYPE_CHECKING:
    from onnx import NodeProto

    from mnistop.engine.model import MLP


Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Trained:
    """A model with its weights after an epoch."""

    run: str
    """The name of the run."""
    architecture: Architecture
    epoch: int
    """The last epoch that the weights were fully trained in, from 0; -1 for none."""
    layers: Sequence[tuple[Floats, Floats]]
    """Each linear layer's weights `(outputs, inputs)` and biases `(outputs,)`."""

    @classmethod
    def of(cls, run: Run, which: str = "best") -> Trained:
        """Read the weights of a run.

        Args:
            run: the run.
            which: `best`, those of the highest validation accuracy; `last`, the newest; or the
                number of an epoch.

        Raises:
            RunError: there are no such weights, or they are damaged.
        """
        history = reduce(History(), read_events(run))
        if not history.started:
            raise RunError(f"Run {run.name} has not started training yet.")
        model, epochs = _load(run, history.started, history, which)
        layers = [
            (layer.weight.detach().numpy(), layer.bias.detach().numpy()) for layer in model.layers
        ]
        architecture = Architecture.of(history, run.config())
        sizes = [layers[0][0].shape[1], *(len(biases) for _, biases in layers)]
        if sizes != list(architecture.sizes):
            raise RunError(f"{run.path} is damaged: its weights fit no model of this run.")
        return cls(run.name, architecture, epochs - 1, layers)


def _no_best(run: Run, history: History) -> str:
    """Explain why a run has no weights of a best epoch, with a remedy."""
    if getattr(history.ended, "diverged", False):
        when = f"in epoch {len(history.epochs)}"
        return (
            f"Run {run.name} diverged {when}, before the weights of a best epoch were saved: there "
            f"is no trained model to export. {after_divergence(run.config())}"
        )
    when = "ended before it had" if history.ended else "has not yet"
    remedy = "resume it" if history.ended else "wait for its first epochs"
    return f"Run {run.name} {when} saved the weights of a best epoch: {remedy}."


def _load(run: Run, started: RunStarted, history: History, which: str) -> tuple[MLP, int]:
    """Return the model, and the number of epochs after which its weights were saved."""
    last, best = run.path / "checkpoint.pt", run.path / "best.pt"
    if problem := history.no_model(run.is_running()):
        raise RunError(f"Run {run.name} keeps no model. {problem}")
    if which == "last" or (which == "best" and history.kept):
        return load_model(run)
    saved = {one.file: one.epochs for one in history.saved}
    if which == "best":
        if not os.path.exists(best):
            raise RunError(_no_best(run, history))
        return load_model_in(run, best)[0], saved.get(best.name, 0)
    files = {saved[path.name]: path for path in (best, last) if path.name in saved}
    epochs = int(which) + 1
    if epochs in files:
        return load_model_in(run, files[epochs])[0], epochs
    kept = {number for number in snapshot_epochs(run, started.layers or ()) if number}
    if epochs in kept:
        return load_snapshot(run, epochs), epochs
    there = ", ".join(str(number - 1) for number in sorted(kept | set(files)))
    raise RunError(
        f"Run {run.name} keeps no weights of epoch {which}: choose best, last or one of {there}."
        if there
        else f"Run {run.name} keeps no weights yet."
    )


def to_pytorch(trained: Trained) -> bytes:
    """Return the content of a file for `torch.load(…, weights_only=True)`, a dictionary.

    `state_dict` fits the `nn.Sequential` of `modules`, each given as its class in `torch.nn` and
    its arguments; `Architecture.in_pytorch` returns the code. The model maps flat images with
    pixels in [0, 1] to logits.
    """
    import torch

    architecture = trained.architecture
    weights = {}
    for place, layer in enumerate(trained.layers):
        for name, values in zip(("weight", "bias"), layer, strict=True):
            weights[f"{2 * place}.{name}"] = torch.from_numpy(values)
    content = {
        "state_dict": weights,
        "modules": architecture.modules,
        "class_names": list(architecture.class_names),
        "image_shape": architecture.image_shape,
        "run": trained.run,
        "epoch": trained.epoch,
    }
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


INPUT, LOGITS, PROBABILITIES = "pixels", "logits", "probabilities"
"""The names of the input and the two outputs."""

_OPSET, _IR_VERSION = 17, 8
"""Both of 2022, so that runtimes a few years old can read the file too."""


def to_onnx(trained: Trained) -> bytes:
    """Return the content of an ONNX file.

    The input `pixels` is `(batch, height · width)` in [0, 1], the outputs are `logits` and their
    softmax `probabilities`, both `(batch, classes)`; all float32, for batches of any size.

    Raises:
        MnistopError: the package onnx is missing.
    """
    try:
        from onnx import TensorProto, helper, numpy_helper
    except ImportError:
        raise MnistopError(
            'ONNX files need the package onnx: pip install "mnistop[onnx]" brings it.'
        ) from None
    architecture = trained.architecture
    sizes = architecture.sizes
    arrays: dict[str, NDArray[np.float32]] = {
        f"linear_{number}.{name}": values
        for number, layer in enumerate(trained.layers, start=1)
        for name, values in zip(("weight", "bias"), layer, strict=True)
    }
    recipe = ACTIVATIONS[architecture.activation].onnx
    constants = [each for _, inputs in recipe for each in inputs if isinstance(each, float)]
    arrays |= {_constant(value): np.array(value, np.float32) for value in constants}
    nodes = list(_nodes(architecture.activation, len(trained.layers)))
    used = {name for node in nodes for name in node.input}
    images = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["batch", sizes[0]])
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", sizes[-1]])
        for name in (LOGITS, PROBABILITIES)
    ]
    tensors = [
        numpy_helper.from_array(values, name) for name, values in arrays.items() if name in used
    ]
    model = helper.make_model(
        helper.make_graph(nodes, "mlp", [images], outputs, tensors),
        producer_name="mnistop",
        ir_version=_IR_VERSION,
        opset_imports=[helper.make_opsetid("", _OPSET)],
    )
    helper.set_model_props(model, dict(_facts(trained)))
    content: bytes = model.SerializeToString()
    return content


def _nodes(activation: str, layers: int) -> Iterator[NodeProto]:
    """Yield the steps from the pixels to the probabilities, each named by its output."""
    from onnx import helper

    def node(kind: str, inputs: Sequence[str], output: str, **options: Any) -> NodeProto:
        return helper.make_node(kind, list(inputs), [output], name=output, **options)

    values = INPUT
    for number in range(1, layers + 1):
        name = f"linear_{number}"
        result = LOGITS if number == layers else name
        yield node("Gemm", [values, f"{name}.weight", f"{name}.bias"], result, transB=1)
        values = f"{activation}_{number}"
        if number == layers:
            yield node("Softmax", [LOGITS], PROBABILITIES, axis=1)
        else:
            yield from _activation(ACTIVATIONS[activation].onnx, name, values)


def _activation(recipe: Sequence[OnnxNode], given: str, result: str) -> Iterator[NodeProto]:
    """Yield the nodes of an activation of a tensor."""
    from onnx import helper

    names: list[str] = []
    for number, (operator, inputs) in enumerate(recipe):
        named = [_input(each, given, names) for each in inputs]
        is_last = number == len(recipe) - 1
        names.append(result if is_last else f"{result}.{operator.lower()}_{number}")
        yield helper.make_node(operator, named, [names[-1]], name=names[-1])


def _input(given: str | float | int, tensor: str, earlier: Sequence[str]) -> str:
    match given:
        case int():
            return earlier[given]
        case float():
            return _constant(given)
    return tensor


def _constant(value: float) -> str:
    return f"constant_{value!r}"


def _facts(trained: Trained) -> Iterator[tuple[str, str]]:
    """Yield the metadata of the model, in the file."""
    architecture = trained.architecture
    yield "run", trained.run
    yield "epoch", str(trained.epoch)
    yield "class_names", json.dumps(list(architecture.class_names))
    yield "image_shape", "x".join(map(str, architecture.image_shape))
