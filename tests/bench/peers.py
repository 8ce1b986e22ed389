"""The rivals of training: the notebook's loop, plain PyTorch, and other libraries.

Each does the work of a configuration on given arrays: all epochs, the validation images judged
after each (scikit-learn's has no such thing, and does without).
"""

import contextlib
import importlib.util
import logging
import os
import warnings
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from mnistop.engine.activations import ACTIVATIONS
from mnistop.engine.config import RunConfig

Arrays = tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]
"""Flat training images and their labels, flat validation images and theirs."""


def notebook(config: RunConfig, arrays: Arrays) -> float:
    """The course notebook's loop; returns the validation accuracy."""
    losses: list[float] = []
    right: list[float] = []

    def log(loss: Tensor, hits: Tensor) -> None:
        losses.append(loss.item())
        right.append(hits.sum().item())

    loop, accuracy = NotebookLoop(config, arrays), 0.0

    def end(model: nn.Module) -> None:
        nonlocal accuracy
        _, accuracy = loop.validate(model)

    loop.train(log, end)
    return accuracy


class NotebookLoop:
    """The course notebook's loop with `DataLoader`s; others gather what it finds."""

    def __init__(self, config: RunConfig, arrays: Arrays) -> None:
        x_train, y_train, x_val, y_val = map(torch.from_numpy, arrays)
        train, val = TensorDataset(x_train, y_train), TensorDataset(x_val, y_val)
        self._train = DataLoader(train, batch_size=config.batch_size, shuffle=True)
        # a generator of its own, so that weights are the same without validation
        self._val = DataLoader(val, config.batch_size, generator=torch.Generator())
        self._criterion = nn.CrossEntropyLoss()
        self._config = config

    def train(
        self, log: Callable[[Tensor, Tensor], object], end: Callable[[nn.Module], object]
    ) -> nn.Module:
        """Train a model, and return it.

        Args:
            log: gets loss and hits, of shape `(b,)`, of each step.
            end: gets the model at the end of each epoch.
        """
        model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
        for _ in range(self._config.epochs):
            model.train()
            for x, y in self._train:
                logits = model(x)
                loss = self._criterion(logits, y)
                model.zero_grad()
                loss.backward()
                with torch.no_grad():
                    for parameter in model.parameters():
                        parameter -= self._config.lr * parameter.grad
                log(loss, logits.argmax(1) == y)
            end(model)
        return model

    def validate(self, model: nn.Module) -> tuple[Tensor, float]:
        """Return logits `(n, classes)` and accuracy; the mean loss is computed too."""
        model.eval()
        batches, losses, right = [], [], 0
        with torch.no_grad():
            for x, y in self._val:
                logits = model(x)
                batches.append(logits)
                losses.append(self._criterion(logits, y).item())
                right += (logits.argmax(1) == y).sum().item()
        np.mean(losses)
        logits = torch.cat(batches)
        return logits, right / len(logits)


def floor(config: RunConfig, arrays: Arrays) -> None:
    """The matrix products of the same steps and of judging, and the update: nothing can be faster.

    Three products to get the gradients and one to get each layer's update in place, on whole rows
    and without a bias, an activation, a loss, a shuffle, or anything that is counted.
    """
    images, validation = map(torch.from_numpy, arrays[::2])
    first, second = torch.randn(128, 784) * 0.01, torch.randn(10, 128) * 0.01
    with torch.inference_mode():
        for _ in range(config.epochs):
            for x in torch.split(images, config.batch_size):
                hidden = torch.mm(x, first.t())
                logits = torch.mm(hidden, second.t())
                below = torch.mm(logits, second)
                second.addmm_(logits.t(), hidden, alpha=-1e-12)
                first.addmm_(below.t(), x, alpha=-1e-12)
            torch.mm(torch.mm(validation, first.t()), second.t())


def autograd(config: RunConfig, arrays: Arrays) -> float:
    """A good plain loop: whole tensors permuted once an epoch, autograd, `torch.optim`."""
    x_train, y_train, x_val, y_val = map(torch.from_numpy, arrays)
    module = getattr(nn, ACTIVATIONS[config.activation].module)
    parts: list[nn.Module] = []
    width = x_train.shape[1]
    for neurons in config.hidden:
        parts += [nn.Linear(width, neurons), module()]
        parts += [nn.Dropout(config.dropout)] if config.dropout else []
        width = neurons
    model = nn.Sequential(*parts, nn.Linear(width, 10))
    optimizer = _optimizer(config, model)
    counts, weights = torch.bincount(y_train, minlength=10), None
    if config.class_weights == "balanced":
        weights = len(y_train) / (10 * counts)
    accuracy = 0.0
    for _ in range(config.epochs):
        model.train()
        if config.sampler == "balanced":
            order = torch.multinomial((1 / counts)[y_train], len(y_train), replacement=True)
        else:
            order = torch.randperm(len(x_train))
        x_all, y_all = x_train[order], y_train[order]
        total, right = torch.zeros(()), torch.zeros((), dtype=torch.int64)
        for start in range(0, len(x_train), config.batch_size):
            x, y = (all_[start : start + config.batch_size] for all_ in (x_all, y_all))
            clean = len(y)
            if config.shift:
                x = _shifted(x, config.shift)
            if config.adversarial_epsilon:
                x = torch.cat([x, _fgsm(model, x, y, config.adversarial_epsilon)])
                y = torch.cat([y, y])
            logits = model(x)
            loss = functional.cross_entropy(logits, y, weights)
            optimizer.zero_grad()
            loss.backward()
            if config.clip_norm:
                nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
            optimizer.step()
            with torch.no_grad():
                total += loss * clean
                right += (logits[:clean].argmax(1) == y[:clean]).sum()
        total.item(), right.item()
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
            functional.cross_entropy(logits, y_val).item()
            accuracy = (logits.argmax(1) == y_val).float().mean().item()
    return accuracy


def _optimizer(config: RunConfig, model: nn.Module) -> torch.optim.Optimizer:
    decay = config.weight_decay
    match config.optimizer:
        case "adam":
            return torch.optim.Adam(model.parameters(), config.lr, weight_decay=decay)
        case "adamw":
            return torch.optim.AdamW(model.parameters(), config.lr, weight_decay=decay)
        case name:
            momentum = config.momentum if name == "sgd" else 0.0
            return torch.optim.SGD(model.parameters(), config.lr, momentum, weight_decay=decay)


def _shifted(x: Tensor, most: int) -> Tensor:
    pictures = functional.pad(x.view(-1, 28, 28), (most, most, most, most))
    moves = torch.randint(0, 2 * most + 1, (2, len(x), 1))
    rows, columns = moves[0] + torch.arange(28), moves[1] + torch.arange(28)
    numbers = torch.arange(len(x))[:, None, None]
    return pictures[numbers, rows[:, :, None], columns[:, None, :]].flatten(1)


def _fgsm(model: nn.Module, x: Tensor, y: Tensor, epsilon: float) -> Tensor:
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(functional.cross_entropy(model(x), y), x)
    return (x + epsilon * gradient.sign()).clamp(0, 1).detach()


def mlp_classifier(config: RunConfig, arrays: Arrays) -> float:
    """scikit-learn's `MLPClassifier`, which does not judge the validation images."""
    model = MLPClassifier(
        config.hidden,
        solver="sgd",
        alpha=0.0,
        batch_size=config.batch_size,
        learning_rate_init=config.lr,
        momentum=0.0,
        max_iter=config.epochs,
        tol=0.0,
        n_iter_no_change=config.epochs,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(*arrays[:2])
    return float(model.score(*arrays[2:]))


def skorch(config: RunConfig, arrays: Arrays) -> float:
    """skorch's `NeuralNetClassifier`, without its printing."""
    import skorch as library
    from skorch.helper import predefined_split

    net = library.NeuralNetClassifier(
        nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10)),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.SGD,
        lr=config.lr,
        max_epochs=config.epochs,
        batch_size=config.batch_size,
        train_split=predefined_split(library.dataset.Dataset(*arrays[2:])),
        iterator_train__shuffle=True,
        callbacks__print_log=None,
        verbose=0,
    )
    net.fit(*arrays[:2])
    return float(net.history[-1, "valid_acc"])


def lightning(config: RunConfig, arrays: Arrays) -> float:
    """Lightning's `MemberRunner`, without its progress bar, summary, logger and checkpoints."""
    import lightning as library

    class Module(library.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
            self.right = 0

        def training_step(self, batch: tuple[Tensor, Tensor], number: int) -> Tensor:
            return functional.cross_entropy(self.model(batch[0]), batch[1])

        def on_validation_epoch_start(self) -> None:
            self.right = 0

        def validation_step(self, batch: tuple[Tensor, Tensor], number: int) -> None:
            self.right += int((self.model(batch[0]).argmax(1) == batch[1]).sum())

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), config.lr)

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    x_train, y_train, x_val, y_val = map(torch.from_numpy, arrays)
    module = Module()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = library.MemberRunner(
            max_epochs=config.epochs,
            accelerator="cpu",
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_checkpointing=False,
            num_sanity_val_steps=0,
        )
        trainer.fit(
            module,
            DataLoader(TensorDataset(x_train, y_train), config.batch_size, shuffle=True),
            DataLoader(TensorDataset(x_val, y_val), config.batch_size),
        )
    return module.right / len(y_val)


def keras(config: RunConfig, arrays: Arrays) -> float:
    """Keras `fit` on its PyTorch back end, without its printing."""
    os.environ["KERAS_BACKEND"] = "torch"
    import keras as library

    model = library.Sequential(
        [
            library.Input((784,)),
            library.layers.Dense(128, activation="relu"),
            library.layers.Dense(10),
        ]
    )
    model.compile(
        library.optimizers.SGD(config.lr),
        library.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    with contextlib.redirect_stdout(None):
        history = model.fit(
            *arrays[:2],
            batch_size=config.batch_size,
            epochs=config.epochs,
            validation_data=arrays[2:],
            verbose=0,
        )
    return float(history.history["val_accuracy"][-1])


def libraries() -> dict[str, Callable[[RunConfig, Arrays], float]]:
    """Those of the other libraries that are installed, by their names."""
    optional = {"skorch": skorch, "lightning": lightning, "keras": keras}
    found = {name: run for name, run in optional.items() if importlib.util.find_spec(name)}
    return {"scikit-learn MLPClassifier": mlp_classifier} | found
