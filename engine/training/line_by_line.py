"""A training that stops after every line of the loop, and keeps what each line did."""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn
from torch.nn import functional

from mnistop.engine.config import RunConfig
from mnistop.engine.formatting import epochs_of
from mnistop.engine.training.examples import Examples, find_device
from mnistop.engine.training.loop import DivergedError, finish_epoch
from mnistop.engine.training.state import Epoch, TrainState
from mnistop.engine.training.textbook import TextbookStep


class LineByLine:
    """A training as a run of the same configuration begins, line by line.

    The lines of a step are forward, loss, zero_grad, backward and update. A step begins with a
    batch, which is there before its first line.

    Args:
        config: the hyperparameters.
        examples: the images to train on and to validate with.

    Raises:
        ConfigError: there is no such device.
    """

    def __init__(self, config: RunConfig, examples: Examples) -> None:
        device = find_device(config.device)
        here = examples.to(device)
        self._images, self._validation = here.training, here.validation
        counts = examples.counts.training
        self.training = TrainState(config, examples.image_shape, counts, device)
        self.training.by_hand = False
        self.lines_run = 0
        """In all steps."""
        self.losses: list[float] = []
        """Of the batches so far, each from before its update: what the update lowers."""
        self.epochs: list[Epoch] = []
        """Those that are over."""
        self.layer_inputs: list[Tensor] = []
        """Of each layer in the forward pass, `(images, neurons)`: after activation and dropout."""
        self.ended = ""
        """The reason why there is no further line, in a sentence; empty while there is one."""
        self.gradients: list[Tensor] | None = None
        """Of each parameter, before clipping; None where they are cleared or none was computed."""
        self.norm = 0.0
        """The length of all these gradients together."""
        self.clipped: list[Tensor] = []
        """The gradients that the update takes."""
        self.weights_before: list[Tensor] = []
        """Of each parameter, before the last update."""
        self.buffers_before: list[list[Tensor]] = []
        """The optimizer's, before the last update."""
        self._begin_step()

    def run_line(self) -> None:
        """Run the next line, unless training has `ended`."""
        lines = self._forward, self._loss, self._zero_grad, self._backward, self._update
        number = self.lines_run % len(lines)
        if number == 0 and self.lines_run:
            self._begin_step()
        lines[number]()
        self.lines_run += 1

    def _begin_step(self) -> None:
        training = self.training
        if training.step == 0:
            self._epoch_began = time.perf_counter()
        training.begin_epoch(self._images.labels)
        size = training.config.batch_size
        self.epoch, self.number = training.epoch, training.step
        """The epoch of the present step, and its number in that, both from 0."""
        self.lr = training.lr
        self.rows = training.order[self.number * size : (self.number + 1) * size]
        """The batch's rows among the training images."""
        self.steps = training.steps()
        self.step = TextbookStep(training, self._images, self.rows)

    def _forward(self) -> None:
        self.layer_inputs.clear()
        kept = [layer.register_forward_pre_hook(self._keep) for layer in self.training.model.layers]
        self.step.forward()
        for hook in kept:
            hook.remove()

    def _keep(self, layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self.layer_inputs.append(inputs[0].detach())

    def _loss(self) -> None:
        self.step.compute_loss()
        self.losses.append(self.step.loss.item())

    def _zero_grad(self) -> None:
        self.gradients = None

    def _backward(self) -> None:
        self.step.backward()
        self.gradients = [gradient.clone() for gradient in self.step.gradients]
        norms = [torch.linalg.vector_norm(gradient) for gradient in self.gradients]
        self.norm = torch.linalg.vector_norm(torch.stack(norms)).item()
        self.step.clip()
        self.clipped = [gradient.clone() for gradient in self.step.gradients]

    def _update(self) -> None:
        training, optimizer = self.training, self.training.optimizer
        self.weights_before = [weight.detach().clone() for weight in optimizer.parameters]
        self.buffers_before = [[each.clone() for each in kind] for kind in optimizer.buffers]
        self.step.update(training.lr)
        training.record_logits(self.step.clean_logits)
        if training.step == training.steps():
            self._end_epoch()

    def _end_epoch(self) -> None:
        training = self.training
        try:
            self.epochs.append(
                finish_epoch(training, self._images, self._validation, self._epoch_began)
            )
        except DivergedError as error:
            self.ended = str(error)
        if training.stopped_early():
            self.ended = "Early stopping: the validation loss has not improved for too long."
        elif training.is_over():
            self.ended = f"{epochs_of(training.epoch, training.config.epochs)}: training is over."

    def loss_without_dropout(self) -> Tensor:
        """Return the loss of the present batch by the present weights, `()`.

        It takes no random numbers, so training goes on as it would.
        """
        model = self.training.model.eval()
        weights = self.training.class_weights
        loss = functional.cross_entropy(model(self.step.pixels), self.step.labels, weights)
        model.train()
        return loss
