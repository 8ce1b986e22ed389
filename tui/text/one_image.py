"""One image in words: its predictions epoch by epoch, and its way through the network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.activations import ACTIVATIONS
from mnistop.engine.analysis.network import Step, Walk
from mnistop.engine.formatting import percent, with_sign
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Piece, Strip, flow, line, short_names, shorten
from mnistop.tui.draw.palette import Palette

_NAME_WIDTH = 10


def trail(
    predictions: NDArray[np.integer],
    label: int,
    names: Sequence[str],
    terminal: Terminal,
    width: int,
    height: int,
    shown: int | None = None,
) -> list[Strip]:
    """Draw a strip of the epochs, and below it the predictions, as in `9×3 [4]×20`.

    Where they are correct the strip is full and the class is in brackets.

    Args:
        predictions: `(epochs,)`.
        label: the true class.
        names: of the classes.
        terminal: the terminal.
        width: cells of each line.
        height: lines, at most.
        shown: an epoch to mark on the strip.
    """
    if not len(predictions) or width < 8:
        return []
    right = predictions == label
    muted = Palette.of(terminal).muted
    drawn = [
        line([(shorten(summary(right), width, terminal), muted)], width),
        _strip(right, terminal, width),
    ]
    if shown is not None and shown >= 0:
        drawn.append(_marker(shown, len(right), terminal, width))
    return [*drawn, *_runs(predictions, label, names, terminal, width, height - len(drawn))][
        : max(height, 0)
    ]


def summary(right: NDArray[np.bool_]) -> str:
    """Describe the epochs in which an image was learned and forgotten.

    Args:
        right: whether it was correct after each epoch, `(epochs,)`, at least one.
    """
    epochs = np.flatnonzero(right)
    if not len(epochs):
        return f"never right in {len(right)} epochs" if len(right) > 1 else "not right yet"
    if len(epochs) == len(right):
        return "right from the first epoch on"
    turns = np.flatnonzero(np.diff(right.astype(np.int8)))
    if right[-1]:
        forgotten = int((~right[1:] & right[:-1]).sum())
        times = f", forgotten {_times(forgotten)} before" if forgotten else ""
        return f"right since epoch {int(turns[-1]) + 1}{times}"
    return f"first right at epoch {int(epochs[0])}, wrong since epoch {int(epochs[-1]) + 1}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _strip(right: NDArray[np.bool_], terminal: Terminal, width: int) -> Strip:
    palette = Palette.of(terminal)
    count = min(len(right), width)
    columns = np.arange(len(right)) * count // len(right)
    share = np.bincount(columns, right, count) / np.bincount(columns, minlength=count)
    full, part, none = "█▄·" if terminal.unicode else "#+."
    cells = [
        (full, palette.good) if s == 1 else (none, palette.bad) if s == 0 else (part, palette.val)
        for s in share.tolist()
    ]
    pieces = [
        ("".join(text for text, _ in group), style)
        for style, group in groupby(cells, key=lambda cell: cell[1])
    ]
    return line(pieces, width)


def _marker(shown: int, epochs: int, terminal: Terminal, width: int) -> Strip:
    epoch = min(shown, epochs - 1)
    column = epoch if epochs <= width else epoch * width // epochs
    sign, text = "▲" if terminal.unicode else "^", f"epoch {shown}"
    before = column + 1 + len(text) + 1 > width and column > len(text)
    start = column - len(text) - 1 if before else column
    words = f"{text} {sign}" if before else f"{sign} {text}"
    return line([(" " * start, None), (words, Palette.of(terminal).muted)], width)


def _runs(
    predictions: NDArray[np.integer],
    label: int,
    names: Sequence[str],
    terminal: Terminal,
    width: int,
    height: int,
) -> list[Strip]:
    runs = [(index, len([*group])) for index, group in groupby(predictions.tolist())]
    pieces = [[_run(index, count, index == label, names, terminal)] for index, count in runs]
    lines = flow(pieces, width, " ")
    if len(lines) > height:
        gap: list[Piece] = [("…" if terminal.unicode else "~", None)]
        head, tail = len(pieces), 0
        while len(lines) > max(height, 1) and head + tail > 1:
            if not tail:
                head = tail = head // 2
            elif head >= tail:
                head -= 1
            else:
                tail -= 1
            shown = [*pieces[:head], gap, *pieces[len(pieces) - tail :]]
            lines = flow(shown, width, " ")
    return [line(pieces, width) for pieces in lines[: max(height, 0)]]


def _run(index: int, count: int, right: bool, names: Sequence[str], terminal: Terminal) -> Piece:
    palette = Palette.of(terminal)
    short = short_names(tuple(names), _NAME_WIDTH, terminal)
    name = short[index] if index < len(names) else "?"
    text = f"[{name}]" if right else name
    times = f"{'×' if terminal.unicode else 'x'}{count}" if count > 1 else ""
    return text + times, palette.good if right else palette.bad


def layer_name(name: str) -> str:
    """Return the name of a step as in PyTorch, where it has one."""
    return ACTIVATIONS[name].module if name in ACTIVATIONS else name


def shape_text(step: Step) -> str:
    """Return the shape of a step's outputs, as in `(32, 128)`."""
    return f"({', '.join(map(str, step.shape))})"


def outputs_text(step: Step, walk: Walk, names: tuple[str, ...]) -> str:
    """Describe the outputs of a step for the image in a few words."""
    values = step.values
    match step.name:
        case "input":
            what = "values are above 0" if walk.image_shape[2:] else "pixels have ink"
            return f"{np.count_nonzero(values)} of {len(values)} {what}"
        case "softmax":
            guess = int(values.argmax())
            right = "right" if guess == walk.label else f"WRONG, it is {names[walk.label]}"
            return f"{names[guess]}: {percent(values[guess])}, {right}"
        case "relu":
            return f"{np.count_nonzero(values)} of {len(values)} active, up to {values.max():.2f}"
    return f"from {with_sign(values.min())} to {with_sign(values.max())}"


def parameters_text(step: Step, before: Step | None) -> str:
    """Return the number of a layer's parameters as a sum."""
    if not step.parameters or before is None:
        return ""
    return f"{step.parameters:,} = {before.shape[-1]}×{step.shape[-1]} + {step.shape[-1]}"


def explain_network(walk: Walk) -> list[str]:
    """Explain the shapes, and the abilities and limits of such a network."""
    size, shape = math.prod(walk.image_shape), "×".join(map(str, walk.image_shape))
    of_each = "red, green and blue of each pixel" if walk.image_shape[2:] else "the pixels"
    classes = walk.steps[-1].shape[-1]
    batch = walk.steps[0].shape[0]
    hidden = [step.shape[-1] for step in walk.steps if step.parameters][:-1]
    return [
        f"{size} = {shape}: {of_each} of an image in one row. A batch of "
        f"{batch} images goes through at once, so {batch} stays in front all the way.",
        f"The last number is {classes}: one logit for each of the {classes} classes; softmax "
        "turns them into probabilities that sum to 1.",
        _power(hidden),
    ]


def _power(hidden: list[int]) -> str:
    if not hidden:
        return (
            "Without a hidden layer each class has one template that is laid over the image. "
            "Two ways of writing a digit blur into one, and no pixel can mean one thing beside "
            "ink and another beside none."
        )
    what = (
        f"Each of the {hidden[0]} neurons of the first layer compares all pixels with one "
        "pattern. Many digits share parts of strokes, so those help most. "
    )
    if len(hidden) == 1:
        return what + (
            "One hidden layer adds such patterns up. It cannot build them from smaller "
            "parts, and a stroke moved by some pixels is a new pattern to it."
        )
    return what + (
        "Later layers make patterns of patterns. But none knows which pixels are neighbours: a "
        "stroke moved by some pixels is still a new pattern."
    )
