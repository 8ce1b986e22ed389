"""A model as an ONNX file (https://onnx.ai)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.errors import MnistopError
from mnistop.engine.export.trained import Trained

if TYPE_CHECKING:
    from onnx import NodeProto

INPUT, LOGITS, PROBABILITIES = "pixels", "logits", "probabilities"
"""The names of the input and the two outputs."""

_OPSET, _IR_VERSION = 17, 8
"""Both of 2022, so that runtimes of some years ago read the file too. GELU is an operator of its
own from opset 20 on; here it is made of smaller ones."""

_OPERATORS = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid"}
_CONSTANTS = {"half": 0.5, "one": 1.0, "root": math.sqrt(0.5)}


def to_onnx(trained: Trained) -> bytes:
    """The content of an ONNX file.

    The input `pixels` is `(batch, height · width)` in [0, 1], the outputs are `logits` and their
    softmax `probabilities`, both `(batch, classes)`; all float32, and the batch of any size.

    Raises:
        MnistopError: the package onnx is not there.
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
    arrays |= {name: np.array(value, np.float32) for name, value in _CONSTANTS.items()}
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
    """The steps from the pixels to the probabilities, each named by what it gives."""
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
        elif activation == "gelu":  # x · (1 + erf(x / √2)) / 2
            yield node("Mul", [name, "root"], f"{values}.scaled")
            yield node("Erf", [f"{values}.scaled"], f"{values}.erf")
            yield node("Add", [f"{values}.erf", "one"], f"{values}.raised")
            yield node("Mul", [name, f"{values}.raised"], f"{values}.double")
            yield node("Mul", [f"{values}.double", "half"], values)
        else:
            yield node(_OPERATORS[activation], [name], values)


def _facts(trained: Trained) -> Iterator[tuple[str, str]]:
    """What the file says of the model."""
    architecture = trained.architecture
    yield "run", trained.run
    yield "epoch", str(trained.epoch)
    yield "class_names", json.dumps(list(architecture.class_names))
    yield "image_shape", "x".join(map(str, architecture.image_shape))
