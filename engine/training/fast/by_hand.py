"""The fast step of a training on the processor."""

import torch
from torch import Tensor

from mnistop.engine.config import RunConfig
from mnistop.engine.training.augment import varied
from mnistop.engine.training.fast.backprop import Backprop
from mnistop.engine.training.fast.packing import Gathered, Inputs, Packing
from mnistop.engine.training.optimizers import clip_, make_optimizer
from mnistop.engine.training.state import Labelled, Training


class ByHand:
    """Makes the steps of a training without autograd, in less than half the time.

    It works on matrices of its own, in a `Packing`; the training takes the results over once
    somebody looks at its model or its optimizer. Pixels that are 0 in all training images are left
    out: the gradient of their weights is 0, so these never change. Plain SGD subtracts each matrix
    of gradients while it is computed.

    Args:
        training: what to go on with.
        images: the training images.
    """

    def __init__(self, training: Training, images: Labelled) -> None:
        config, model, optimizer = training.config, training.model, training.optimizer
        self._training, self._images, self._its_optimizer = training, images, optimizer
        self._packing = Packing(model.sizes, used_pixels(config, images.pixels))
        self._matrices = self._packing.pack(optimizer.parameters)
        self._optimizer = make_optimizer(config, self._matrices)
        self._optimizer.steps = optimizer.steps
        self._optimizer.memory = [self._packing.pack(each) for each in optimizer.memory]
        self._in_one_go = is_plain_sgd(config)
        if not self._in_one_go:
            self._gradients = [torch.empty_like(matrix) for matrix in self._matrices]

        self._one_hot = torch.eye(model.sizes[-1])
        batch = min(config.batch_size, len(images))
        if config.shift or config.adversarial_epsilon:
            self._gathered = None
            batch *= 2 if config.adversarial_epsilon else 1
            self._varied = self._packing.inputs(0, batch)
        else:
            pixels = self._packing.pixels_of(images.pixels)
            targets = self._one_hot.index_select(1, images.labels)
            self._gathered = Gathered(training, self._packing, pixels, targets)
        self._passes = Backprop(model, self._packing, self._matrices, batch)
        self._new_weights = self._new_memory = False
        training.lent_to = self

    def step(self, rows: Tensor) -> Tensor:
        """Updates the weights by the training's next batch.

        Args:
            rows: its rows among the training images, `(batch,)`.

        Returns:
            Its logits before the update, `(batch, classes)`.
        """
        if self._gathered:
            images, targets = self._gathered.next(rows.shape[0])
        else:
            images, targets = self._vary(rows)
        logits = self._passes.forward(images, self._training.config.dropout)
        error = torch.softmax(logits, 0).sub_(targets)
        if self._in_one_go:
            rate = self._training.lr / targets.shape[1]
            for number, inputs, delta in self._passes.backward(error):
                self._matrices[number].addmm_(inputs, delta, alpha=-rate)
            self._optimizer.steps += 1
        else:
            error.div_(targets.shape[1])
            for number, inputs, delta in self._passes.backward(error):
                torch.mm(inputs, delta, out=self._gradients[number])
            if self._training.config.clip_norm:
                clip_(self._gradients, self._training.config.clip_norm)
            self._optimizer.step(self._gradients, self._training.lr)
        self._new_weights = self._new_memory = True
        said = logits.t()
        return said if self._gathered else said[: rows.shape[0]]

    def _vary(self, rows: Tensor) -> tuple[Inputs, Tensor]:
        """Inputs and targets of a batch whose images are shifted or attacked first."""
        pixels, labels = varied(self._training, self._images, rows, self._attacked)
        return self._laid_out(pixels), self._one_hot.index_select(1, labels)

    def _laid_out(self, pixels: Tensor) -> Inputs:
        inputs = self._varied.of(slice(len(pixels)))
        inputs.values.copy_(pixels)
        return inputs

    def _attacked(self, images: Tensor, labels: Tensor) -> Tensor:
        """What `attacks.FGSM` makes of a batch, with the gradient of `Goal.losses` by hand."""
        logits = self._passes.forward(self._laid_out(images), dropout=0.0)
        others = logits.scatter(0, labels[None], -torch.inf)
        error = torch.softmax(others, 0).sub_(self._one_hot.index_select(1, labels))
        gradient = self._passes.input_gradient(error)
        epsilon = self._training.config.adversarial_epsilon
        return gradient.sign_().mul_(epsilon).add_(images).clamp_(0, 1)

    def settle_weights(self) -> None:
        """Brings the weights of the training's model up to date."""
        if self._new_weights:
            self._new_weights = False
            self._packing.unpack(self._matrices, self._its_optimizer.parameters)

    def settle_memory(self) -> None:
        """Brings the memory of the training's optimizer up to date."""
        if self._new_memory:
            self._new_memory = False
            self._its_optimizer.steps = self._optimizer.steps
            for ours, theirs in zip(
                self._optimizer.memory, self._its_optimizer.memory, strict=True
            ):
                self._packing.unpack(ours, theirs)


def is_plain_sgd(config: RunConfig) -> bool:
    """Whether an update is `w -= lr * gradient` and nothing else."""
    return config.optimizer == "manual" and not (config.weight_decay or config.clip_norm)


def used_pixels(config: RunConfig, pixels: Tensor) -> Tensor | None:
    """The pixels whose weights can change: those that are not 0 in all training images.

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
