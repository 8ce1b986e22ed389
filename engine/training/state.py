"""The state of a training in one object, which a checkpoint stores."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from mnistop.engine.activations import ACTIVATIONS
from mnistop.engine.config import RunConfig
from mnistop.engine.cores import EVALUATION_ROWS
from mnistop.engine.learning_rate import lr_of_epoch
from mnistop.engine.model import MLP
from mnistop.engine.training.class_balance import ClassBalance
from mnistop.engine.training.optimizers import Optimizer, make_optimizer


@dataclass(frozen=True)
class Labelled:
    """Images and their labels on one device."""

    pixels: Tensor
    """float32 in [0, 1], `(n, pixels)`; those of a colour image are its values, channel last."""
    labels: Tensor
    """int64, `(n,)`."""

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Epoch:
    """The results of an epoch; losses are means over images, accuracies fractions."""

    train_loss: float
    val_loss: float
    train_acc: float
    val_acc: float
    lr: float
    seconds: float
    log_probabilities: Tensor
    """Log-probabilities of the validation images after the epoch, `(n, classes)`."""
    predictions: Tensor
    """The most probable classes of the validation images then, int64, `(n,)`."""
    dead: float | None = None
    """The share of hidden ReLU neurons that are 0 for every validation image; None without any."""


class ParameterMirror(Protocol):
    """A fast step that works on copies of the weights and of the optimizer's buffers."""

    def sync_weights(self) -> None:
        """Copy the current weights back to the model."""

    def sync_buffers(self) -> None:
        """Copy the current state back to the optimizer."""


class TrainState:
    """The state of a training: weights, optimizer, random generators, and position.

    Args:
        config: the hyperparameters.
        image_shape: height and width in pixels, and 3 if the images are in colour.
        class_counts: the training images of each class, `(classes,)`.
        device: where to compute.
    """

    def __init__(
        self,
        config: RunConfig,
        image_shape: tuple[int, ...],
        class_counts: Sequence[int],
        device: torch.device,
    ) -> None:
        self.config = config
        self.image_shape = image_shape
        self.device = device
        sizes = (math.prod(image_shape), *config.hidden, len(class_counts))
        start = torch.Generator().manual_seed(config.seed)
        self._model = MLP(sizes, config.activation, config.dropout, start).to(device)
        self._balance = ClassBalance(config, class_counts, device)
        self.by_hand = device.type == "cpu"
        """True if gradients are written out by hand; otherwise they are autograd's."""
        self.captured = device.type == "cuda"
        """True if steps are captured as a CUDA graph."""
        self._optimizer = make_optimizer(config, list(self._model.parameters()))
        self.fast_step: ParameterMirror | None = None
        """The step that holds newer copies of the weights and of the optimizer's buffers."""
        self.lr = config.lr
        """The learning rate of the current epoch."""
        self.shuffle = torch.Generator().manual_seed(config.seed + 1)
        self.noise = torch.Generator(device).manual_seed(config.seed + 2)
        self._model.dropout_generator = self.noise
        self._weights = self._model.state_dict()
        self._epoch_weights = _copied(self._weights)
        self.epoch = 0
        """The current epoch, which is also the number of finished ones."""
        self.step = 0
        """Updates done in the current epoch."""
        self.order = torch.empty(0, dtype=torch.int64)
        """Rows of the training images as shuffled or drawn for the current epoch, `(images,)`, on
        the training's device; empty until it begins."""
        self.logits: list[Tensor] = []
        """Logits of each batch of the current epoch, from before its update."""
        self.best: tuple[float, float] | None = None
        """Validation accuracy and negative loss of the best epoch."""
        self.best_epochs = 0
        """Finished epochs when it was best."""
        self.lowest_val_loss = torch.inf
        self.epochs_since_lowest = 0

    @property
    def class_weights(self) -> Tensor | None:
        """The weight of each class in the loss, `(classes,)`; None if all are 1."""
        return self._balance.weights

    @property
    def model(self) -> MLP:
        """The model as it stands."""
        if self.fast_step:
            self.fast_step.sync_weights()
        return self._model

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer of the model's parameters as it stands."""
        if self.fast_step:
            self.fast_step.sync_buffers()
        return self._optimizer

    @property
    def weights(self) -> dict[str, Tensor]:
        """The weights as they stand, by name; the next steps change them."""
        if self.fast_step:
            self.fast_step.sync_weights()
        return self._weights

    def begin_epoch(self, labels: Tensor) -> None:
        """Set the learning rate, and shuffle or draw unless the epoch was begun before a stop.

        Args:
            labels: of all training images, `(images,)`.
        """
        self.lr = lr_of_epoch(self.config, self.epoch)
        self._model.train(not self.by_hand)
        if not len(self.order):
            self.order = self._balance.order(labels, self.shuffle).to(self.device)

    def batches(self) -> Sequence[Tensor]:
        """Return the rows of each remaining batch of the current epoch."""
        left = self.order[self.step * self.config.batch_size :]
        return torch.split(left, self.config.batch_size) if len(left) else ()

    def record_logits(self, logits: Tensor) -> None:
        """Keep the logits of a batch from before its update, and count the step."""
        self.logits.append(logits)
        self.step += 1

    def images_done(self) -> int:
        """Return the number of images of the current epoch that have been trained on."""
        return min(self.step * self.config.batch_size, len(self.order))

    def steps(self) -> int:
        """Return the number of updates in an epoch."""
        return -(-len(self.order) // self.config.batch_size)

    def epoch_logits(self, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of the current epoch's images so far, and their labels.

        Args:
            labels: of all training images, `(images,)`.

        Returns:
            Logits `(n, classes)`, each from before the update that it led to, and labels `(n,)`.
        """
        rows = self.order[: self.images_done()]
        return torch.cat(self.logits), labels.index_select(0, rows)

    def end_epoch(self, epoch: Epoch) -> None:
        """Count the epoch, keep its weights, and update the best epoch."""
        for name, weights in self.weights.items():
            self._epoch_weights[name].copy_(weights)
        self.epoch += 1
        self.step = 0
        self.order = torch.empty(0, dtype=torch.int64)
        self.logits = []
        score = (epoch.val_acc, -epoch.val_loss)
        if self.best is None or score > self.best:
            self.best = score
            self.best_epochs = self.epoch
        if epoch.val_loss < self.lowest_val_loss:
            self.lowest_val_loss = epoch.val_loss
            self.epochs_since_lowest = 0
        else:
            self.epochs_since_lowest += 1

    def is_over(self) -> bool:
        """Return whether all epochs are done or early stopping applies."""
        return self.epoch >= self.config.epochs or self.stopped_early()

    def stopped_early(self) -> bool:
        """Return whether the validation loss has not improved for too long."""
        patience = self.config.early_stopping
        return bool(patience) and self.epochs_since_lowest >= patience

    def state_dict(self) -> dict[str, Any]:
        """Return all that is needed to continue bit for bit.

        In the middle of an epoch that is also the model as it was after the last whole one, whose
        predictions are known: analyses of the run use that one.
        """
        plain = {name: getattr(self, name) for name in _PLAIN}
        return (
            plain
            | ({"epoch_model": self._epoch_weights} if self.step else {})
            | {
                "logits": torch.cat(self.logits) if self.step else None,
                "model": self.weights,
                "optimizer": self.optimizer.state_dict(),
                "shuffle": self.shuffle.get_state(),
                "noise": self.noise.get_state(),
            }
        )

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Return to where `state_dict` was taken.

        Raises:
            KeyError, RuntimeError, ValueError, TypeError: it is of another model or version.
        """
        for name in _PLAIN:
            setattr(self, name, state[name])
        self.order = self.order.to(self.device)
        self.logits = [state["logits"].to(self.device)] if self.step else []
        self.model.load_state_dict(state["model"])
        for name, weights in state.get("epoch_model", state["model"]).items():
            self._epoch_weights[name].copy_(weights)
        self.optimizer.load_state_dict(state["optimizer"])
        self.shuffle.set_state(state["shuffle"])
        self.noise.set_state(state["noise"])


def _copied(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in weights.items()}


_PLAIN = (
    "epoch",
    "step",
    "order",
    "best",
    "best_epochs",
    "lowest_val_loss",
    "epochs_since_lowest",
)
"""Attributes that a checkpoint stores as they are."""


def accuracy(predictions: Tensor, labels: Tensor) -> float:
    """Return the share of correct predictions, both `(n,)`."""
    return int((predictions == labels).count_nonzero()) / len(labels)


def log_softmax(logits: Tensor) -> Tensor:
    """Return the log-probabilities of logits, both `(n, classes)`.

    Along columns PyTorch computes them in a tenth of the time that it takes along such short rows.
    """
    return functional.log_softmax(logits.t().contiguous(), 0).t().contiguous()


def cross_entropy(logits: Tensor, labels: Tensor) -> float:
    """Return the mean loss of logits `(n, classes)`."""
    return functional.nll_loss(log_softmax(logits), labels).item()


@torch.no_grad()
def evaluate(model: MLP, images: Labelled) -> tuple[Tensor, float, float | None]:
    """Evaluate a model on images, in evaluation mode.

    Returns:
        Log-probabilities `(n, classes)`, their mean cross-entropy, and the share of dead neurons,
        as in `Epoch.dead`.
    """
    if model.training:
        model.eval()
    logits, peaks = [], []
    for pixels in torch.split(images.pixels, EVALUATION_ROWS):
        *hidden, last = model.outputs(pixels)
        logits.append(last)
        if hidden and ACTIVATIONS[model.activation].is_relu:
            peaks.append(torch.cat([values.amax(0) for values in hidden]))
    log_probabilities = log_softmax(torch.cat(logits))
    loss = functional.nll_loss(log_probabilities, images.labels).item()
    dead = None
    if peaks:
        peak = functools.reduce(torch.maximum, peaks)
        dead = 1 - int(peak.count_nonzero()) / len(peak)
    return log_probabilities, loss, dead
