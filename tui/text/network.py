"""The words for a network: why its shapes are what they are, and what it can represent."""

from __future__ import annotations

import numpy as np

from mnistop.engine.activations import ACTIVATIONS
from mnistop.engine.analysis.network import Step, Walk
from mnistop.engine.formatting import percent, with_sign


def proper(name: str) -> str:
    """A step's name as people write it."""
    return ACTIVATIONS[name].module if name in ACTIVATIONS else name


def shape_of(step: Step) -> str:
    """As in `(32, 128)`."""
    return f"({', '.join(map(str, step.shape))})"


def note(step: Step, walk: Walk, names: tuple[str, ...]) -> str:
    """Describe the outputs of a step for the image in a few words."""
    values = step.values
    match step.name:
        case "input":
            return f"{np.count_nonzero(values)} of {len(values)} pixels have ink"
        case "softmax":
            guess = int(values.argmax())
            right = "right" if guess == walk.label else f"WRONG, it is {names[walk.label]}"
            return f"{names[guess]}: {percent(values[guess])}, {right}"
        case "relu":
            return f"{np.count_nonzero(values)} of {len(values)} active, up to {values.max():.2f}"
    return f"from {with_sign(values.min())} to {with_sign(values.max())}"


def learned_numbers(step: Step, before: Step | None) -> str:
    """A layer's number of parameters and how it comes about."""
    if not step.parameters or before is None:
        return ""
    return f"{step.parameters:,} = {before.shape[-1]}×{step.shape[-1]} + {step.shape[-1]}"


def explanation(walk: Walk) -> list[str]:
    """Why the shapes are what they are, and what such a network can and cannot represent."""
    height, width = walk.image_shape
    classes = walk.steps[-1].shape[-1]
    batch = walk.steps[0].shape[0]
    hidden = [step.shape[-1] for step in walk.steps if step.parameters][:-1]
    return [
        f"{height * width} = {height}×{width}: the pixels of an image in one row. A batch of "
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
