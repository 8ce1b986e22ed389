"""The fast step of a training on the processor: forward and backward pass written out by hand."""

import itertools
from collections.abc import Iterator

import torch
from torch import Tensor

from mnistop.engine.activations import ACTIVATIONS
from mnistop.engine.config import RunConfig
from mnistop.engine.model import MLP
from mnistop.engine.training.examples import augment_batch
from mnistop.engine.training.optimizers import clip_, make_optimizer
from mnistop.engine.training.packing import BatchGather, Inputs, Packing
from mnistop.engine.training.state import Labelled, TrainState


class Backprop:
    """The passes of one batch after the other through the same buffers.

    Args:
        model: its activation and dropout.
        packing: the order of the numbers in the matrices.
        matrices: the model's weights and biases, which may change between the batches.
        largest: the most images in a batch.
    """

    def __init__(self, model: MLP, packing: Packing, matrices: list[Tensor], largest: int) -> None:
        self._model = model
        activation = ACTIVATIONS[model.activation]
        self._activate_, self._derive = activation.in_place(), activation.backward()
        self._takes_sums = activation.gradient_takes_input
        *self._hidden, last = matrices
        self._to_logits = last.t()
        self._back = [weights.t() for weights in packing.weights(matrices)]
        self._buffers = [packing.inputs(layer, largest) for layer in range(1, len(matrices))]
        self._resize(largest)

    def _resize(self, batch: int) -> None:
        self._batch = batch
        self._above = [each.of(slice(batch)) for each in self._buffers]
        """The inputs of each layer but the first."""

    def forward(self, images: Inputs, dropout: float) -> Tensor:
        """Return logits `(classes, batch)`: softmax takes a fifth of the time along the columns.

        Args:
            images: the inputs of the first layer.
            dropout: the model's, or 0 to disable it.
        """
        if images.matrix.shape[0] != self._batch:
            self._resize(images.matrix.shape[0])
        self._inputs = [images, *self._above]
        self._kept: list[Tensor] = []
        self._masks: list[Tensor] = []
        layers = itertools.pairwise(self._inputs)
        for matrix, (inputs, outputs) in zip(self._hidden, layers, strict=True):
            values = outputs.values
            torch.mm(inputs.matrix, matrix, out=values)
            if self._takes_sums:
                self._kept.append(values.clone())
            self._activate_(values)
            if dropout:
                if not self._takes_sums:
                    self._kept.append(values.clone())
                self._masks.append(self._model.dropout_mask(values))
                values.mul_(self._masks[-1])
        return torch.mm(self._to_logits, self._inputs[-1].transposed)

    def backward(self, error: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
        """Yield the gradient of each layer's pre-activations, from the last layer to the first.

        Args:
            error: the gradient of the logits, `(classes, batch)`.

        Yields:
            The layer's number, its inputs `(rows, batch)`, and the gradient `(batch, outputs)`:
            their product is the gradient of its matrix. The matrix may be changed at once.
        """
        delta = error.t()
        for number in range(len(self._hidden), 0, -1):
            below = torch.mm(delta, self._back[number])
            yield number, self._inputs[number].transposed, delta
            if self._masks:
                below.mul_(self._masks[number - 1])
            kept = self._kept[number - 1] if self._kept else self._inputs[number].values
            delta = self._derive(below, kept)
        yield 0, self._inputs[0].transposed, delta

    def input_gradient(self, error: Tensor) -> Tensor:
        """Return the gradient of the images, `(batch, pixels)`, from that of the logits."""
        for _, _, delta in self.backward(error):
            lowest = delta
        return torch.mm(lowest, self._back[0])


class ManualBackpropStep:
    """Training steps without autograd, in less than half the time.

    It works on its own matrices, in a `Packing`; the training copies the results back when its
    model or its optimizer is read. Pixels that are 0 in all training images are left out: the
    gradient of their weights is 0, so these never change. Plain SGD subtracts each matrix of
    gradients while it is computed.

    Args:
        training: the state to continue.
        images: the training images.
    """

    def __init__(self, training: TrainState, images: Labelled) -> None:
        config, model, optimizer = training.config, training.model, training.optimizer
        self._training, self._images, self._its_optimizer = training, images, optimizer
        self._packing = Packing(model.sizes, used_pixels(config, images.pixels))
        self._matrices = self._packing.pack(optimizer.parameters)
        self._optimizer = make_optimizer(config, self._matrices)
        self._optimizer.steps = optimizer.steps
        self._optimizer.buffers = [self._packing.pack(each) for each in optimizer.buffers]
        self._fused = is_plain_sgd(config)
        if not self._fused:
            self._gradients = [torch.empty_like(matrix) for matrix in self._matrices]

        self._one_hot = torch.eye(model.sizes[-1])
        batch = min(config.batch_size, len(images))
        if config.shift or config.adversarial_epsilon:
            self._gathered = None
            batch *= 2 if config.adversarial_epsilon else 1
            self._augmented = self._packing.inputs(0, batch)
        else:
            pixels = self._packing.pixels_of(images.pixels)
            targets = self._one_hot.index_select(1, images.labels)
            self._gathered = BatchGather(training, self._packing, pixels, targets)
        self._passes = Backprop(model, self._packing, self._matrices, batch)
        self._stale_weights = self._stale_buffers = False
        training.fast_step = self

    def step(self, rows: Tensor) -> Tensor:
        """Update the weights on the next batch.

        Args:
            rows: its rows among the training images, `(batch,)`.

        Returns:
            Its logits before the update, `(batch, classes)`.
        """
        if self._gathered:
            images, targets = self._gathered.next(rows.shape[0])
        else:
            images, targets = self._augment(rows)
        logits = self._passes.forward(images, self._training.config.dropout)
        error = torch.softmax(logits, 0).sub_(targets)
        total: float = targets.shape[1]
        if self._training.class_weights is not None:
            weights = torch.mv(targets.t(), self._training.class_weights)
            error.mul_(weights)
            total = weights.sum().item()
        if self._fused:
            rate = self._training.lr / total
            for number, inputs, delta in self._passes.backward(error):
                self._matrices[number].addmm_(inputs, delta, alpha=-rate)
            self._optimizer.steps += 1
        else:
            error.div_(total)
            for number, inputs, delta in self._passes.backward(error):
                torch.mm(inputs, delta, out=self._gradients[number])
            if self._training.config.clip_norm:
                clip_(self._gradients, self._training.config.clip_norm)
            self._optimizer.step(self._gradients, self._training.lr)
        self._stale_weights = self._stale_buffers = True
        return logits.t() if self._gathered else logits.t()[: rows.shape[0]]

    def _augment(self, rows: Tensor) -> tuple[Inputs, Tensor]:
        """Return inputs and targets of a batch whose images are shifted or attacked first."""
        pixels, labels = augment_batch(self._training, self._images, rows, self._attacked)
        return self._laid_out(pixels), self._one_hot.index_select(1, labels)

    def _laid_out(self, pixels: Tensor) -> Inputs:
        inputs = self._augmented.of(slice(len(pixels)))
        inputs.values.copy_(pixels)
        return inputs

    def _attacked(self, images: Tensor, labels: Tensor) -> Tensor:
        """Attack a batch as `attacks.FGSM` does, with the gradient of `Goal.losses` by hand."""
        logits = self._passes.forward(self._laid_out(images), dropout=0.0)
        others = logits.scatter(0, labels[None], -torch.inf)
        error = torch.softmax(others, 0).sub_(self._one_hot.index_select(1, labels))
        gradient = self._passes.input_gradient(error)
        epsilon = self._training.config.adversarial_epsilon
        return gradient.sign_().mul_(epsilon).add_(images).clamp_(0, 1)

    def sync_weights(self) -> None:
        """Copy the current weights back to the model."""
        if self._stale_weights:
            self._stale_weights = False
            self._packing.unpack(self._matrices, self._its_optimizer.parameters)

    def sync_buffers(self) -> None:
        """Copy the current state back to the optimizer."""
        if self._stale_buffers:
            self._stale_buffers = False
            self._its_optimizer.steps = self._optimizer.steps
            for ours, theirs in zip(
                self._optimizer.buffers, self._its_optimizer.buffers, strict=True
            ):
                self._packing.unpack(ours, theirs)


def is_plain_sgd(config: RunConfig) -> bool:
    """Return whether an update is `w -= lr * gradient` and nothing else."""
    return config.optimizer == "manual" and not (config.weight_decay or config.clip_norm)


def used_pixels(config: RunConfig, pixels: Tensor) -> Tensor | None:
    """Return the pixels whose weights can change: those that are not 0 in all training images.

    Args:
        config: weight decay changes all weights, and shifted or perturbed images have pixels
            elsewhere.
        pixels: the training images, `(n, pixels)`, in [0, 1].

    Returns:
        Their numbers in order, int64; None if nearly all are, and leaving out the others is not
        worth a copy of the images.
    """
    if config.weight_decay or config.shift or config.adversarial_epsilon:
        return None
    used = pixels.amax(0).nonzero()[:, 0]
    return used if len(used) < 7 / 8 * pixels.shape[1] else None
