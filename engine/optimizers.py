"""What turns gradients into updates, and the learning rate of each epoch."""

import math
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

from engine.config import RunConfig


class Optimizer(Protocol):
    """What training needs of an optimizer; those of `torch.optim` have it."""

    param_groups: list[dict[str, Any]]

    def step(self) -> object:
        """Updates every parameter by its gradient."""

    def state_dict(self) -> dict[str, Any]:
        """All but the parameters."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes back to a `state_dict`."""


class ManualSGD:
    """The update that the notebook writes by hand: `w -= lr * (gradient + weight_decay * w)`."""

    def __init__(self, parameters: list[nn.Parameter], lr: float, weight_decay: float) -> None:
        self.param_groups: list[dict[str, Any]] = [{"lr": lr}]
        self._parameters = parameters
        self._weight_decay = weight_decay

    @torch.inference_mode()
    def step(self) -> None:
        """Updates every parameter by its gradient."""
        lr = self.param_groups[0]["lr"]
        for parameter in self._parameters:
            gradient = cast("Tensor", parameter.grad)
            if self._weight_decay:
                gradient.add_(parameter, alpha=self._weight_decay)
            parameter.sub_(gradient, alpha=lr)

    def state_dict(self) -> dict[str, Any]:
        """Nothing: this optimizer remembers nothing."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Has nothing to go back to."""


def make_optimizer(config: RunConfig, model: nn.Module) -> Optimizer:
    """The optimizer of a configuration, for the parameters of a model on its final device."""
    parameters = list(model.parameters())
    fused = parameters[0].device.type in ("cpu", "cuda")
    lr, weight_decay = config.lr, config.weight_decay
    match config.optimizer:
        case "manual":
            return ManualSGD(parameters, lr, weight_decay)
        case "sgd":
            return torch.optim.SGD(
                parameters, lr, config.momentum, weight_decay=weight_decay, fused=fused
            )
        case "adam":
            return torch.optim.Adam(parameters, lr, weight_decay=weight_decay, fused=fused)
        case "adamw":
            return torch.optim.AdamW(parameters, lr, weight_decay=weight_decay, fused=fused)


def lr_of_epoch(config: RunConfig, epoch: int) -> float:
    """The learning rate during an epoch, counted from 0.

    `cosine` is half a cosine from `lr` to 0 (Loshchilov and Hutter 2017, equation 5, without
    restarts); `step` divides by 10 at half and at three quarters of the epochs (He et al. 2016,
    section 4.2).
    """
    done = epoch / config.epochs
    match config.schedule:
        case "constant":
            return config.lr
        case "cosine":
            return config.lr * (1 + math.cos(math.pi * done)) / 2
        case "step":
            return config.lr * 0.1 ** ((done >= 0.5) + (done >= 0.75))
