"""The activations, one record each.

To add one, add its record here and its name to `RunConfig.activation`. Importing this needs no
PyTorch; only the functions do.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

INPUT = "x"
OnnxNode = tuple[str, tuple[str | float | int, ...]]
"""An operator of ONNX and its inputs: `INPUT`, the number of an earlier node, or a float."""


@dataclass(frozen=True)
class Activation:
    """A function of one number that a network applies after each hidden layer."""

    name: str
    """In a configuration, and of the function in `torch.nn.functional`."""
    module: str
    """The class in `torch.nn`, which is also the usual spelling."""
    gradient: str
    """The operator in `torch.ops.aten` that maps the gradient after the activation, and a value, to
    the gradient before it."""
    curvature: float | None
    """The largest absolute second derivative, from which enclosing lines are derived; None for
    ReLU, which is affine on both sides of 0 and treated exactly."""
    onnx: tuple[OnnxNode, ...]
    """Its nodes in ONNX opset 17; the last one's output is the result."""
    gradient_takes_input: bool = False
    """True if `gradient` takes the activation's input, not its output."""
    gradient_arguments: tuple[float, ...] = ()
    """Further arguments of `gradient`."""

    @property
    def is_relu(self) -> bool:
        """True if it is affine on both sides of 0, and 0 below."""
        return self.curvature is None

    def function(self) -> Callable[[Tensor], Tensor]:
        """Return the elementwise function."""
        from torch.nn import functional

        found: Callable[[Tensor], Tensor] = getattr(functional, self.name)
        return found

    def in_place(self) -> Callable[[Tensor], object]:
        """Return the function that replaces its argument."""
        import torch

        function = self.function()
        found: Callable[[Tensor], object] | None = getattr(torch, f"{self.name}_", None)
        return found or (lambda values: values.copy_(function(values)))

    def backward(self) -> Callable[[Tensor, Tensor], Tensor]:
        """Return the gradient before the activation from the one after it and its value (its
        input, if `gradient_takes_input`)."""
        import torch

        operator = getattr(torch.ops.aten, self.gradient).default
        if not self.gradient_arguments:
            found: Callable[[Tensor, Tensor], Tensor] = operator
            return found
        return lambda error, value: operator(error, value, *self.gradient_arguments)


_RECORDS = (
    Activation(
        "relu", "ReLU", "threshold_backward", None, (("Relu", (INPUT,)),), gradient_arguments=(0,)
    ),
    Activation("tanh", "Tanh", "tanh_backward", 4 / (3 * math.sqrt(3)), (("Tanh", (INPUT,)),)),
    Activation(
        "sigmoid", "Sigmoid", "sigmoid_backward", 1 / (6 * math.sqrt(3)), (("Sigmoid", (INPUT,)),)
    ),
    Activation(
        "gelu",
        "GELU",
        "gelu_backward",
        2 / math.sqrt(2 * math.pi),  # at 0: twice the density of the normal distribution
        (  # x · (1 + erf(x / √2)) / 2; an operator of its own only from opset 20 on
            ("Mul", (INPUT, math.sqrt(0.5))),
            ("Erf", (0,)),
            ("Add", (1, 1.0)),
            ("Mul", (INPUT, 2)),
            ("Mul", (3, 0.5)),
        ),
        gradient_takes_input=True,
    ),
    Activation(  # x · σ(x), also called swish (Ramachandran et al. 2017, arXiv:1710.05941)
        "silu",
        "SiLU",
        "silu_backward",
        0.5,  # at 0
        (("Sigmoid", (INPUT,)), ("Mul", (INPUT, 0))),
        gradient_takes_input=True,
    ),
)
ACTIVATIONS = {record.name: record for record in _RECORDS}
"""By name, in the order in which they are offered."""
