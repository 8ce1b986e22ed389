"""Optimizers: from gradients to updates.

`sgd`, `adam` and `adamw` call the kernels under `torch.optim`, which update all parameters in one
pass. Its classes are not used: creating the first one imports `torch._dynamo`, which takes a second
or two.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from mnistop.engine.config import RunConfig
from mnistop.engine.training.update_rule import (
    ADAM_EPSILON,
    BETAS,
    RMSPROP_DECAY,
    RMSPROP_EPSILON,
)


class Optimizer(ABC):
    """Updates parameters by their gradients.

    Args:
        parameters: what to update, on its final device.
        config: the hyperparameters of the method.
    """

    def __init__(self, parameters: list[Tensor], config: RunConfig) -> None:
        self.parameters = parameters
        self.config = config
        self.steps: int | Tensor = 0
        """Updates done; a tensor, int64 `()`, where a captured step counts them on a GPU."""
        self.buffers = [
            [torch.zeros_like(parameter, requires_grad=False) for parameter in parameters]
            for _ in range(self.buffer_count)
        ]
        """State buffers kept from step to step: `buffer_count` tensors of each parameter."""

    buffer_count = 0

    @torch.inference_mode()
    def step(self, gradients: list[Tensor], lr: float | Tensor) -> None:
        """Update every parameter.

        Args:
            gradients: one for each parameter; they may be overwritten.
            lr: the learning rate of this step; a tensor, float32 `()`, where a captured step reads
                it on a GPU.
        """
        self.steps += 1
        self.update(gradients, lr)

    @abstractmethod
    def update(self, gradients: list[Tensor], lr: float | Tensor) -> None:
        """Apply the gradients of step number `steps`, counted from 1."""

    def state_dict(self) -> dict[str, Any]:
        """Return all but the parameters."""
        return {"steps": int(self.steps), "memory": self.buffers}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Return to a `state_dict`.

        Raises:
            KeyError, ValueError, RuntimeError: it is of another method or model.
        """
        self.steps = state["steps"]
        for ours, theirs in zip(self.buffers, state["memory"], strict=True):
            for tensor, saved in zip(ours, theirs, strict=True):
                tensor.copy_(saved)


class ManualSGD(Optimizer):
    """The update that the notebook writes by hand: `w -= lr * (gradient + weight_decay * w)`."""

    def update(self, gradients: list[Tensor], lr: float | Tensor) -> None:
        """Apply the gradients."""
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            if self.config.weight_decay:
                gradient.add_(parameter, alpha=self.config.weight_decay)
            if isinstance(lr, Tensor):
                parameter.addcmul_(gradient, lr, value=-1)
            else:
                parameter.sub_(gradient, alpha=lr)


class SGD(Optimizer):
    """SGD with momentum: `v = momentum * v + gradient; w -= lr * v`.

    Sutskever et al. 2013, equations 1 and 2, with the learning rate outside v, as PyTorch has it.
    """

    buffer_count = 1

    def update(self, gradients: list[Tensor], lr: float | Tensor) -> None:
        """Apply the gradients."""
        torch._fused_sgd_(
            self.parameters,
            gradients,
            self.buffers[0] if self.config.momentum else [],
            lr=lr,
            momentum=self.config.momentum,
            weight_decay=self.config.weight_decay,
            dampening=0.0,
            nesterov=False,
            maximize=False,
            is_first_step=False,
        )


class Adam(Optimizer):
    """Adam with weight decay as a part of the gradient (Kingma and Ba 2015, algorithm 1)."""

    buffer_count = 2
    kernel: Callable[..., None] = staticmethod(torch._fused_adam_)

    def update(self, gradients: list[Tensor], lr: float | Tensor) -> None:
        """Apply the gradients."""
        if isinstance(self.steps, Tensor):
            steps = self.steps.to(torch.float32)
        else:
            steps = torch.full((), float(self.steps), device=self.parameters[0].device)
        self.kernel(
            self.parameters,
            gradients,
            *self.buffers,
            [],
            [steps] * len(self.parameters),
            lr=lr,
            beta1=BETAS[0],
            beta2=BETAS[1],
            weight_decay=self.config.weight_decay,
            eps=ADAM_EPSILON,
            amsgrad=False,
            maximize=False,
        )


class RMSprop(Optimizer):
    """RMSprop: `v = 0.99 v + 0.01 gradient²; w -= lr * gradient / (√v + 10⁻⁸)`.

    Tieleman and Hinton 2012, lecture 6.5, with PyTorch's constants; weight decay is a part of the
    gradient.
    """

    buffer_count = 1

    def update(self, gradients: list[Tensor], lr: float | Tensor) -> None:
        """Apply the gradients."""
        if self.config.weight_decay:
            torch._foreach_add_(gradients, self.parameters, alpha=self.config.weight_decay)
        squares = self.buffers[0]
        torch._foreach_mul_(squares, RMSPROP_DECAY)
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - RMSPROP_DECAY)
        scales = torch._foreach_sqrt(squares)
        torch._foreach_add_(scales, RMSPROP_EPSILON)
        torch._foreach_div_(gradients, scales)
        torch._foreach_mul_(gradients, lr)
        torch._foreach_sub_(self.parameters, gradients)


class AdamW(Adam):
    """Adam with weight decay apart from the gradient (Loshchilov and Hutter 2019, algorithm 2)."""

    kernel: Callable[..., None] = staticmethod(torch._fused_adamw_)


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "manual": ManualSGD,
    "sgd": SGD,
    "adam": Adam,
    "adamw": AdamW,
    "rmsprop": RMSprop,
}


def make_optimizer(config: RunConfig, parameters: Sequence[Tensor]) -> Optimizer:
    """Return the optimizer of a configuration, for parameters on their final device."""
    return OPTIMIZERS[config.optimizer](list(parameters), config)


def clip_(gradients: list[Tensor], norm: float) -> None:
    """Scale gradients down in place if their common Euclidean norm is greater than `norm`.

    Pascanu et al. 2013, algorithm 1, with PyTorch's 10⁻⁶ against a division by 0.
    """
    norms = [torch.linalg.vector_norm(gradient) for gradient in gradients]
    factor: Tensor = norm / (torch.linalg.vector_norm(torch.stack(norms)) + 1e-6)
    torch._foreach_mul_(gradients, factor.clamp_(max=1.0))
