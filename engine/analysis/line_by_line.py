"""The lines of a training loop, run one after the other: `worker.ask(run_lines, …)`.

As in `mnistop.engine.analysis.loading`, PyTorch is imported in functions only.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.analysis.loading import progress_file
from mnistop.engine.analysis.samples import load_dataset
from mnistop.engine.config import RunConfig
from mnistop.engine.data.dataset import Dataset
from mnistop.engine.training.update_rule import BUFFERS, Evaluated, evaluate_rule, update_rule

if TYPE_CHECKING:
    from torch import Tensor

    from mnistop.engine.training.line_by_line import LineByLine

LINES = ("forward", "loss", "zero_grad", "backward", "update")
"""The lines of a step."""

WeightIndex = tuple[int, int, int]
"""A parameter, in the order of the model; a row of it; and a column, which is 0 for a bias."""

_SOME = 8
"""Values of a layer that are returned."""


@dataclass(frozen=True, eq=False)
class BatchImage:
    """An image of the batch."""

    place: int
    """In the batch, from 0."""
    row: int
    """Of the training images."""
    label: int
    pixels: NDArray[np.float32]
    """`(height, width)` or `(height, width, 3)` in [0, 1], as the model gets it."""
    is_adversarial: bool


@dataclass(frozen=True, eq=False)
class LayerOutput:
    """The batch after a step of the forward pass."""

    name: str
    """`input`, `linear_1`, the name of the activation, …"""
    shape: tuple[int, int]
    """Images, and values of each."""
    some: NDArray[np.float32] | None
    """The first values for the chosen image, `(n,)`; None before an activation."""


@dataclass(frozen=True)
class Parameter:
    """Weights or biases of a layer, and their gradient."""

    name: str
    """As in `linear_1.weight`."""
    shape: tuple[int, ...]
    norm: float | None
    """The Euclidean length of the gradient, before clipping; None while there is none."""


@dataclass(frozen=True)
class ChosenWeight:
    """One weight."""

    index: WeightIndex
    value: float
    gradient: float | None
    """Before clipping; None while there is none."""
    steepest: WeightIndex
    """The weight of the same parameter with the largest gradient; itself while there is none."""


@dataclass(frozen=True)
class WeightUpdate:
    """The last update of the chosen weight."""

    before: float
    gradient: float
    """After clipping."""
    lines: list[Evaluated]
    """The optimizer's formulas with its numbers."""
    moved: float
    """The Euclidean distance that all weights have moved together."""
    loss: float | None
    """Of the same batch after the update; None with dropout, which would be another one."""


@dataclass(frozen=True, eq=False)
class LoopState:
    """All that is shown of a training after some of its lines."""

    config: RunConfig
    class_names: tuple[str, ...]
    lines_run: int
    """In all steps."""
    epoch: int
    """Of the present step, from 0."""
    number: int
    """Of the present step in its epoch, from 0."""
    steps: int
    """In an epoch."""
    lr: float
    """In this epoch."""
    image: BatchImage
    outputs: tuple[LayerOutput, ...]
    """From the input to the logits; the input alone before the forward pass."""
    logits: NDArray[np.float32] | None
    """Of the image, `(classes,)`."""
    image_loss: float | None
    """The cross-entropy of the image."""
    class_weight: float
    """The weight of the image's class in the loss; 1 without class weights."""
    loss: float | None
    """The mean cross-entropy of the batch; weighted if classes have weights."""
    parameters: tuple[Parameter, ...]
    """Of all layers. Their gradients are those of the batch before until they are cleared."""
    norm: float
    """The Euclidean length of all gradients together, before clipping."""
    weight: ChosenWeight
    update: WeightUpdate | None
    """None before the last line of a step."""
    losses: tuple[float, ...]
    """Of all batches so far."""
    validation: tuple[tuple[float, float], ...]
    """Validation loss and accuracy after each finished epoch."""
    ended: str
    """The reason why there is no further line, in a sentence; empty while there is one."""

    @property
    def line(self) -> int:
        """The last line that was run in the present step, from 1; 0 at the very start."""
        return line_of(self.lines_run)


def line_of(lines_run: int) -> int:
    """Return the last line of its step that was run, from 1; 0 at the very start."""
    return (lines_run - 1) % len(LINES) + 1 if lines_run else 0


def run_lines(
    config: RunConfig,
    lines: int,
    place: int = 0,
    weight: WeightIndex | None = None,
    progress: Path | None = None,
) -> LoopState:
    """Run the loop of a configuration up to some line, and return what is known then.

    The training of the last call goes on; for an earlier line it starts anew.

    Args:
        config: the hyperparameters, the path of a source made absolute.
        lines: to have been run, in all steps; fewer are if training ends before.
        place: of the image to show in its batch, from 0.
        weight: the weight to show; None for that of the first layer along which the loss of the
            batch is steepest. For both, the nearest one is taken if there is no such.
        progress: a file to write to what is being loaded.

    Raises:
        MnistopError: the data cannot be loaded, or there is no such device.
    """
    report = progress_file(progress)
    dataset = load_dataset(config, report)
    loop = _begun(config, dataset)
    if loop.lines_run > lines:
        _begun.cache_clear()
        loop = _begun(config, dataset)
    while loop.lines_run < lines and not loop.ended:
        loop.run_line()
    return _state(loop, dataset.class_names, place, weight)


@functools.lru_cache(1)
def _begun(config: RunConfig, dataset: Dataset) -> LineByLine:
    from mnistop.engine.training.examples import make_examples
    from mnistop.engine.training.line_by_line import LineByLine

    return LineByLine(config, make_examples(dataset, config))


def _state(
    loop: LineByLine, class_names: tuple[str, ...], place: int, chosen: WeightIndex | None
) -> LoopState:
    from mnistop.engine.training.state import cross_entropy

    step, line = loop.step, line_of(loop.lines_run)
    place = max(0, min(place, len(step.labels) - 1))
    weight = _weight(loop, chosen)
    logits = step.logits[place].detach() if line else None
    label, class_weights = int(step.labels[place]), loop.training.class_weights
    return LoopState(
        config=loop.training.config,
        class_names=class_names,
        lines_run=loop.lines_run,
        epoch=loop.epoch,
        number=loop.number,
        steps=loop.steps,
        lr=loop.lr,
        image=BatchImage(
            place,
            row=int(loop.rows[place % len(loop.rows)]),
            label=label,
            pixels=step.pixels[place].cpu().numpy().reshape(loop.training.image_shape),
            is_adversarial=place >= len(loop.rows),
        ),
        outputs=_outputs(loop, place, line),
        logits=None if logits is None else logits.cpu().numpy(),
        image_loss=(
            cross_entropy(logits[None], step.labels[place : place + 1])
            if logits is not None and line >= 2
            else None
        ),
        class_weight=1.0 if class_weights is None else class_weights[label].item(),
        loss=loop.losses[-1] if line >= 2 else None,
        parameters=_parameters(loop),
        norm=loop.norm,
        weight=weight,
        update=_update(loop, weight) if line == len(LINES) else None,
        losses=tuple(loop.losses),
        validation=tuple((epoch.val_loss, epoch.val_acc) for epoch in loop.epochs),
        ended=loop.ended,
    )


def _outputs(loop: LineByLine, place: int, line: int) -> tuple[LayerOutput, ...]:
    step = loop.step
    shapes = loop.training.model.shapes(len(step.labels))
    if not line:
        return (LayerOutput(*shapes[0], None),)
    values = iter([*loop.layer_inputs[1:], step.logits])
    return tuple(
        LayerOutput(
            name,
            shape,
            next(values)[place, :_SOME].detach().cpu().numpy()
            if name == loop.training.config.activation or name == shapes[-1][0]
            else None,
        )
        for name, shape in shapes
    )


def _parameters(loop: LineByLine) -> tuple[Parameter, ...]:
    return tuple(
        Parameter(
            name,
            tuple(values.shape),
            loop.gradients[number].norm().item() if loop.gradients else None,
        )
        for number, (name, values) in enumerate(loop.training.model.named_parameters())
    )


def _weight(loop: LineByLine, chosen: WeightIndex | None) -> ChosenWeight:
    parameters = loop.training.optimizer.parameters
    chosen = chosen or _steepest_of_first_layer(loop)
    number = max(0, min(chosen[0], len(parameters) - 1))
    values = _as_matrix(parameters[number])
    rows, columns = values.shape
    row, column = max(0, min(chosen[1], rows - 1)), max(0, min(chosen[2], columns - 1))
    index = steepest = number, row, column
    gradient = None
    if loop.gradients:
        slopes = _as_matrix(loop.gradients[number])
        gradient = slopes[row, column].item()
        steepest = number, *divmod(int(slopes.abs().argmax()), columns)
    return ChosenWeight(index, values[row, column].item(), gradient, steepest)


def _steepest_of_first_layer(loop: LineByLine) -> WeightIndex:
    """Return the weight with the largest gradient before the update, without dropout."""
    import torch

    weights = loop.training.model.layers[0].weight
    (slopes,) = torch.autograd.grad(loop.loss_without_dropout(), weights)
    row, column = divmod(int(slopes.abs().argmax()), weights.shape[1])
    return 0, row, column


def _update(loop: LineByLine, weight: ChosenWeight) -> WeightUpdate:
    number, row, column = weight.index
    config, optimizer = loop.training.config, loop.training.optimizer

    def value(parameters: list[Tensor]) -> float:
        return _as_matrix(parameters[number])[row, column].item()

    before, gradient = value(loop.weights_before), value(loop.clipped)
    buffers = zip(BUFFERS[config.optimizer], loop.buffers_before, strict=True)
    symbols = {name: value(kept) for name, kept in buffers}
    symbols |= {"w": before, "g": gradient, "lr": loop.lr, "t": int(optimizer.steps)}
    moves = zip(optimizer.parameters, loop.weights_before, strict=True)
    moved = sum((after - before).square().sum().item() for after, before in moves) ** 0.5
    loss = None if config.hidden and config.dropout else loop.loss_without_dropout().item()
    return WeightUpdate(before, gradient, evaluate_rule(update_rule(config), symbols), moved, loss)


def _as_matrix(values: Tensor) -> Tensor:
    """Return weights as they are, biases `(n,)` as a column `(n, 1)`."""
    return values.detach().reshape(len(values), -1)
