"""The figures of a student's own run, as the notebook shows them, for the page that is handed in.

PyTorch is imported in functions only, by the questions of `mnistop.engine.analysis`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.analysis.fragility import attack_image
from mnistop.engine.analysis.network import first_layer
from mnistop.engine.analysis.samples import load_samples
from mnistop.engine.data.sources import absolute
from mnistop.engine.errors import MnistopError
from mnistop.engine.formatting import accuracy, percent
from mnistop.engine.report.document import (
    Bars,
    Chart,
    Curve,
    Matrix,
    Paragraph,
    Part,
    Picture,
    Pictures,
    Section,
)
from mnistop.engine.report.facts import Facts
from mnistop.engine.report.of_run import curve_charts, mistake_pictures
from mnistop.engine.runs.run_folder import Run

GRID = 16
"""Images of a grid, as in the notebook."""
EPSILON = 0.125
MISTAKES = 8


def figures(run: Run, single_layer: Run | None) -> Iterator[Section]:
    """Yield a section for each figure of the notebook; of one that cannot be drawn, the reason.

    Args:
        run: the student's run.
        single_layer: their run without a hidden layer, for its weights; None if there is none.
    """
    facts = Facts.of(run)
    parts: dict[str, Callable[[], Iterator[Part]]] = {
        "Samples, labels and flattening": lambda: _data(facts),
        "Curves": lambda: _curves(facts),
        "Predictions": lambda: _predictions(facts),
        "Confusion matrix": lambda: _matrix(facts),
        "Most confident mistakes": lambda: _mistakes(facts),
        "An adversarial example": lambda: _adversarial(facts),
        "Weights of the first layer": lambda: _weights(run, GRID),
    }
    if single_layer:
        parts["Weights of a single layer"] = lambda: _weights(single_layer, GRID)
    for title, draw in parts.items():
        try:
            drawn = tuple(draw())
        except MnistopError as error:
            drawn = (Paragraph(str(error)),)
        yield Section(f"Figure: {title}", drawn)


def _names(facts: Facts) -> list[str]:
    """Return the names of the classes.

    Raises:
        MnistopError: the run has none.
    """
    if not facts.history.started or facts.predictions is None:
        raise MnistopError("The run has no predictions for validation images.")
    return facts.history.started.class_names


def _data(facts: Facts) -> Iterator[Part]:
    config = facts.config
    if facts.is_recorded:
        raise MnistopError("The run was recorded by a script, which alone knows its images.")
    samples = load_samples(replace(config, source=absolute(config.source)), 0, GRID)
    names = samples.description.class_names
    yield Pictures(
        tuple(
            Picture(image, (f"label {names[label]}",))
            for image, label in zip(samples.images, samples.labels.tolist(), strict=True)
        )
    )
    counts = {"training": samples.counts.training, "validation": samples.counts.validation}
    yield Bars("Images of each class", names, counts)
    image = samples.images[0]
    yield Paragraph(f"The first image, flattened: {image.shape} → ({image.size},)")
    values = image.ravel().astype(np.float64).tolist()
    yield Chart(
        "Pixels by position",
        (Curve("value", values, "line-0"),),
        fractions=True,
        x_label="position",
    )


def _curves(facts: Facts) -> Iterator[Part]:
    started = facts.history.started
    if started and facts.history.epochs:
        yield from curve_charts(facts, started)
    else:
        yield Paragraph("The run has no epoch yet.")


def _predictions(facts: Facts) -> Iterator[Part]:
    names, known, started = _names(facts), facts.predictions, facts.history.started
    assert known
    assert started
    images = facts.run.images(started.shape)
    pictures = []
    for row in range(min(GRID, len(known))):
        true, taken = names[known.labels[row]], names[known.predicted[row]]
        mark = "✓" if known.right[row] else "✗ wrong:"
        pictures.append(
            Picture(images[row], (f"{mark} predicted {taken}", f"true {true}", f"image {row}"))
        )
    yield Pictures(tuple(pictures))
    for word, rows in (("right", np.flatnonzero(known.right)), ("wrong", _worst(facts))):
        if len(rows):
            row = int(rows[0])
            true, taken = names[known.labels[row]], names[known.predicted[row]]
            title = f"A {word} one, validation image {row}: a {true}, predicted {taken}"
            yield _probabilities(title, names, known.probabilities[row])


def _worst(facts: Facts) -> NDArray[np.intp]:
    known = facts.predictions
    assert known
    wrong = np.flatnonzero(~known.right)
    return wrong[np.argsort(-known.confidence[wrong], kind="stable")]


def _probabilities(title: str, names: list[str], values: NDArray[np.float32]) -> Bars:
    return Bars(title, names, {"probability": [float(one) for one in values]}, fractions=True)


def _matrix(facts: Facts) -> Iterator[Part]:
    names, counts = _names(facts), facts.counts
    assert counts is not None
    right, images = int(np.trace(counts)), int(counts.sum())
    yield Matrix(counts, names)
    yield Paragraph(f"{right:,} of {images:,} right: {accuracy(right / images, images)}.")


def _mistakes(facts: Facts) -> Iterator[Part]:
    names = _names(facts)
    yield mistake_pictures(facts.mistakes(MISTAKES), names)


def _adversarial(facts: Facts) -> Iterator[Part]:
    names, known = _names(facts), facts.predictions
    assert known
    right = np.flatnonzero(known.right)
    if not len(right):
        raise MnistopError("The model classifies no validation image correctly.")
    found = attack_image(facts.run, int(right[0]), EPSILON)
    yield Paragraph(
        f"Validation image {right[0]}, FGSM with ε = {EPSILON}: x_adv = clamp(x + ε · "
        "sign(∂loss/∂x), 0, 1)."
    )
    change = (found.perturbation / EPSILON).astype(np.float32)
    before = _said(names, found.clean_probabilities, "✓")
    after = _said(names, found.adversarial_probabilities, "✗" if found.success else "✓")
    signs = _signs(change, f"+{EPSILON}", f"−{EPSILON}")
    yield Pictures(
        (
            Picture(found.image, ("original", before)),
            Picture(change, ("perturbation", signs), diverging=True),
            Picture(found.adversarial, ("adversarial", after)),
        )
    )
    yield _probabilities("Original", names, found.clean_probabilities)
    yield _probabilities("Adversarial", names, found.adversarial_probabilities)


def _said(names: list[str], probabilities: NDArray[np.float32], mark: str) -> str:
    taken = int(probabilities.argmax())
    return f"{mark} predicted {names[taken]}, {percent(float(probabilities[taken]))}"


def _signs(values: NDArray[np.float32], most: str, least: str) -> str:
    """Explain the colours of signed values, of one channel or of three."""
    if values.ndim == 3:
        return f"0 is gray; in red, green and blue {most} is bright, {least} dark"
    return f"{most} is blue, {least} red"


def _weights(run: Run, most: int) -> Iterator[Part]:
    layer = first_layer(run)
    shown = layer.weights[:most]
    scale = float(np.abs(shown).max()) or 1.0
    kind = "class" if layer.is_single else "neuron"
    yield Paragraph(
        f"The first {len(shown)} of {len(layer.weights)}, on one scale: "
        f"{_signs(shown[0], f'+{scale:.2f}', f'−{scale:.2f}')}."
    )
    yield Pictures(
        tuple(
            Picture((image / scale).astype(np.float32), (f"{kind} {place}",), diverging=True)
            for place, image in enumerate(shown)
        )
    )
