"""The lines of a step in words: what each has computed, with its numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mnistop.engine.analysis.line_by_line import LINES, LoopState
from mnistop.engine.export.loop_code import step_code
from mnistop.engine.formatting import count, percent, with_sign
from mnistop.engine.formatting import loss as loss_text
from mnistop.engine.images import CHANNELS
from mnistop.engine.training.update_rule import update_rule
from mnistop.tui.text.one_image import layer_name

_PURPOSES = {
    "forward": "a score for each class",
    "loss": "how wrong the scores are",
    "zero_grad": "forget the gradients of the batch before",
    "backward": "how the loss changes with each weight",
    "update": "a step against the gradient",
}
_LAST = 10
"""Losses that are listed."""


@dataclass(frozen=True)
class Section:
    """The results of a line of the loop."""

    name: str
    """Of the line, as in `LINES`."""
    rows: list[str]
    """Of a table or a formula, to be cut where they are too long."""
    sentences: list[str]
    """Below the rows."""

    @property
    def title(self) -> str:
        """The number and the purpose of the line."""
        return f"{LINES.index(self.name) + 1} {self.name}: {_PURPOSES[self.name]}"


@dataclass(frozen=True)
class CodeLine:
    """A line of code."""

    number: int
    """Of the line of the loop that it belongs to, from 1; 0 for the code before these."""
    starts: bool
    """True for the first one of this number."""
    text: str
    comment: str


def code_lines(state: LoopState) -> list[CodeLine]:
    """Return the code of a step, with the results of the lines that were run as comments."""
    config = state.config
    where = f"batch {state.number + 1} of {state.steps:,}, epoch {state.epoch}"
    lines = [CodeLine(0, False, f"for rows in order.split({config.batch_size}):", where)]
    for number, (name, code) in enumerate(step_code(config).items()):
        result = _result(state, name) if 0 < number <= state.line else ""
        for place, each in enumerate(code):
            text, _, comment = each.partition("  # ")
            starts = number > 0 and place == 0
            lines.append(CodeLine(number, starts, f"    {text}", result * starts or comment))
    if config.optimizer != "manual":
        formulas = (f"    #   {each}" for each in update_rule(config))
        lines += [CodeLine(len(LINES), False, text, "") for text in formulas]
    return lines


def _result(state: LoopState, name: str) -> str:
    """Return what a line has computed, in a few words."""
    match name:
        case "forward":
            return _shape(state.outputs[-1].shape)
        case "loss":
            return _number(state.loss)
        case "zero_grad":
            return "no gradients"
        case "backward":
            return f"norm {_number(state.norm)}"
    assert state.update
    return f"w {state.update.before:.5g}, then {state.weight.value:.5g}"


def _number(value: float | None) -> str:
    """Format a loss or a norm."""
    assert value is not None
    return f"{value:.4f}" if abs(value) < 10_000 else f"{value:.4g}"


def _shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def image_name(state: LoopState) -> str:
    """Return the name of the chosen image, as in `image 4 of 32, a 7`."""
    image = state.image
    kind = ", adversarial" if image.is_adversarial else ""
    images = state.outputs[0].shape[0]
    return f"image {image.place + 1} of {images}, a {state.class_names[image.label]}{kind}"


def weight_name(state: LoopState) -> str:
    """Return the name of the chosen weight, as in `linear_1.weight[2, 573]`."""
    number, row, column = state.weight.index
    parameter = state.parameters[number]
    place = f"{row}, {column}" if len(parameter.shape) == 2 else f"{row}"
    return f"{parameter.name}[{place}]"


def sections(state: LoopState) -> list[Section]:
    """Return what the lines of the present step have computed, in order."""
    return [make(state) for make in (_forward, _loss, _zero_grad, _backward, _update)[: state.line]]


def _forward(state: LoopState) -> Section:
    config, label = state.config, state.image.label
    names = [layer_name(output.name) for output in state.outputs]
    widths = max(map(len, names)), max(len(_shape(output.shape)) for output in state.outputs)
    rows = []
    for name, output in zip(names, state.outputs, strict=True):
        values = "" if output.some is None else " ".join(f"{value:.2f}" for value in output.some)
        more = " ..." if output.some is not None and output.shape[1] > len(output.some) else ""
        rows.append(f"{name:<{widths[0]}}  {_shape(output.shape):<{widths[1]}}  {values}{more}")
    sentences = []
    if config.sampler == "balanced":
        sentences.append(
            "The batch was drawn with replacement, with all classes equally likely: the same image "
            "may be in it twice."
        )
    if config.shift:
        sentences.append(f"Each image was moved by up to {count(config.shift, 'pixel')} each way.")
    if config.adversarial_epsilon:
        sentences.append(
            f"The second half of the batch are the same images, each pixel changed by FGSM by up "
            f"to {config.adversarial_epsilon:g}."
        )
    if config.hidden and config.dropout:
        sentences.append(
            f"Dropout sets a random {percent(config.dropout, 0)} of the hidden outputs to 0 and "
            f"divides the others by {1 - config.dropout:g}."
        )
    assert state.logits is not None
    logits = zip(state.class_names, state.logits.tolist(), strict=True)
    sentences += [
        f"Logits of {image_name(state)}: "
        + " ".join(f"{name}:{with_sign(value)}" for name, value in logits)
        + ".",
        f"Softmax makes them probabilities: {percent(_probability(state))} for "
        f"{state.class_names[label]}.",
    ]
    return Section("forward", rows, sentences)


def _probability(state: LoopState) -> float:
    """Return the probability of the image's class."""
    assert state.logits is not None
    logits = state.logits.astype(np.float64)
    powers = np.exp(logits - logits.max())
    return float(powers[state.image.label] / powers.sum())


def _loss(state: LoopState) -> Section:
    images, classes = state.outputs[0].shape[0], len(state.class_names)
    sentences = [
        f"Image {state.image.place + 1} alone: {_number(state.image_loss)}, which is "
        f"-ln {_probability(state):.4f}, the logarithm of its class's probability.",
        f"The mean of {count(images, 'image')}{_weights(state)}: {_number(state.loss)}.",
    ]
    if len(state.losses) == 1:
        sentences.append(
            f"A model that knows nothing gives every class 1/{classes}: "
            f"ln {classes} = {math.log(classes):.4f}."
        )
    return Section("loss", [], sentences)


def _weights(state: LoopState) -> str:
    """Return how images are weighted in the mean; empty if all are weighted alike."""
    if state.config.class_weights == "none":
        return ""
    name = state.class_names[state.image.label]
    return f", weighted by their classes ({state.class_weight:.3g} for a {name})"


def _zero_grad(state: LoopState) -> Section:
    sentence = "Without this line, the gradients of this batch would be added to the last one's."
    if len(state.losses) == 1:
        sentence = "There are none yet: this is the first batch."
    return Section("zero_grad", [], [sentence])


def _backward(state: LoopState) -> Section:
    config, clip = state.config, state.config.clip_norm
    wide = max(len(parameter.name) for parameter in state.parameters)
    rows = [
        f"{parameter.name:<{wide}}  {_shape(parameter.shape):<11}  norm {parameter.norm:.5f}"
        for parameter in state.parameters
    ]
    rows.append(f"{weight_name(state)}: gradient {state.weight.gradient:.6g}")
    number, row, column = state.weight.index
    sentences = []
    if number == 0:
        width, *channels = state.image.pixels.shape[1:]
        pixel, channel = divmod(column, math.prod(channels))
        place = f"({pixel // width}, {pixel % width})"
        if channels:
            place += f", {CHANNELS[channel]},"
        to = f"neuron {row}" if config.hidden else f"class {state.class_names[row]}"
        sentences.append(f"This weight leads from pixel {place} to {to}.")
    if clip and state.norm > clip:
        sentences.append(
            f"All gradients together have norm {_number(state.norm)}, more than {clip:g}: each is "
            f"multiplied by {clip / state.norm:.4f}."
        )
    elif clip:
        sentences.append(
            f"All gradients together have norm {_number(state.norm)}, within {clip:g}: they stay."
        )
    return Section("backward", rows, sentences)


def _update(state: LoopState) -> Section:
    update = state.update
    assert update
    schedule = f" ({state.config.schedule})" if state.config.schedule != "constant" else ""
    rows = [f"lr = {state.lr:.6g}{schedule}, w = {weight_name(state)}, g its gradient"]
    for line in update.lines:
        rows += [f"{line.assignment}", f"  = {line.numbers} = {line.result:.6g}"]
    rows.append(f"w before {update.before:.6g}, after {state.weight.value:.6g}")
    sentences = [f"{state.ended} 0 starts over."] if state.ended else []
    sentences.append(f"All weights together have moved by {_number(update.moved)}.")
    if update.loss is not None:
        now, before = _number(update.loss), _number(state.loss)
        sentences.append(f"The loss of this batch was {before}; now it would be {now}.")
    if len(state.losses) > 1:
        last = " ".join(loss_text(loss) for loss in state.losses[-_LAST:])
        sentences.append(f"The last losses: {last}.")
    if state.number == state.steps - 1 and state.validation:
        val_loss, accuracy = state.validation[-1]
        sentences.append(
            f"Epoch {state.epoch} is over. Validation: loss {_number(val_loss)}, accuracy "
            f"{percent(accuracy)}."
        )
    return Section("update", rows, sentences)
