"""The report of one run."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence

import numpy as np

from mnistop.engine.config import HYPERPARAMETERS, RunConfig, label_of
from mnistop.engine.data.notes import ClassCounts
from mnistop.engine.evaluate import wilson_interval
from mnistop.engine.events import EpochFinished, ModelKept, RunStarted
from mnistop.engine.formatting import (
    UNKNOWN,
    accuracy,
    count,
    duration,
    epochs_of,
    is_milestone,
    loss,
    name_list,
    on_device,
    percent,
)
from mnistop.engine.hyperparameters import as_text
from mnistop.engine.recording.metrics import MetricsReader
from mnistop.engine.report.document import (
    Chart,
    Code,
    Curve,
    Document,
    Entry,
    Listing,
    Matrix,
    Paragraph,
    Part,
    Picture,
    Pictures,
    Section,
    Table,
)
from mnistop.engine.report.facts import Architecture, Facts, train_command
from mnistop.engine.runs.history import flattering, or_nan, others_as_good, unseen_accuracy
from mnistop.engine.runs.lookup import typed
from mnistop.engine.runs.predictions import Mistake
from mnistop.engine.runs.recorded import RecordedConfig
from mnistop.engine.runs.run_folder import Run

AGAIN = "Again"
"""The section with commands to repeat the run and to use its model."""


def report_of_run(facts: Facts, mistakes: int = 12) -> Document:
    """Return the report of a run.

    Args:
        facts: the run.
        mistakes: the most images of confident mistakes to show.
    """
    sections = tuple(_sections(facts, mistakes))
    return Document(facts.title, tuple(_summary(facts)), sections)


def progress_line(facts: Facts) -> str:
    """Return a phrase as in `finished, 100 epochs of 100 in 0.9 s`."""
    epochs = facts.history.epochs
    trained = epochs_of(len(epochs), facts.planned)
    took = duration(facts.history.seconds)
    return f"{facts.state}, {trained} in {took}"


def _summary(facts: Facts) -> Iterator[Part]:
    history = facts.history
    started = history.started
    when = f", started {time.strftime('%F %H:%M', time.localtime(started.time))}" if started else ""
    yield Paragraph(f"Run {facts.run.name}: {progress_line(facts)}{when}.")
    if facts.about.note:
        yield Paragraph(f"Note: {facts.about.note}")
    if message := getattr(history.ended, "message", ""):
        yield Paragraph(message)
    if facts.schedules:
        yield Paragraph(facts.schedules)
    for note in started.notes if started else ():
        yield Paragraph(f"The data: {note}")
    if not started:
        yield Paragraph("It has not started training.")
    if not (started and history.best):
        return
    images = started.validation_images
    found = accuracy(history.best.val_acc, images)
    tested = unseen_accuracy(history)
    if tested:
        if not history.is_recorded:
            tested += f", with the weights of the best epoch, {history.best.epoch}"
        yield Paragraph(f"Test accuracy {tested}; a 95% interval.", strong=True)
    yield Paragraph(
        f"Best epoch {history.best.epoch}: validation accuracy {found}, a 95% interval.",
        strong=not tested,
    )
    others = len(history.epochs) - 1
    if others:
        yield Paragraph(
            f"{others_as_good(history):,} of {count(others, 'other epoch')} lie within this "
            f"interval: between them, {count(images, 'image')} cannot tell. {flattering(history)}"
        )


def _sections(facts: Facts, mistakes: int) -> Iterator[Section]:
    history = facts.history
    started = history.started
    if started and history.epochs:
        yield Section("Curves", tuple(curve_charts(facts, started)))
    if started:
        advice = facts.advice
        after = f" after epoch {len(history.epochs) - 1}" if history.epochs else ""
        words = f"{advice.sentence} {advice.remedy}".rstrip()
        yield Section(f"Coach{after}", (Paragraph(words),))
    if started and facts.counts is not None:
        right, images = int(np.trace(facts.counts)), int(facts.counts.sum())
        words = f"{right:,} of {images:,} right: {accuracy(right / images, images)}."
        yield Section(
            f"Confusion matrix after epoch {facts.epoch}",
            (Matrix(facts.counts, started.class_names), Paragraph(words)),
        )
        yield Section(
            f"Most confident mistakes after epoch {facts.epoch}",
            (mistake_pictures(facts.mistakes(mistakes), started.class_names),),
        )
    is_usual = not (facts.config.changes() or facts.is_recorded)
    alike = (Paragraph("All as in the notebook."),) if is_usual else ()
    yield Section("Settings", (*alike, Listing(tuple(settings(facts.config)))))
    if started:
        yield Section("Data and model", (_model(started, history.kept),))
    if history.epochs:
        yield Section(
            "Log",
            (_log(history.epochs, history.best, facts.planned or len(history.epochs)),),
        )
    if facts.is_recorded and (table := _metrics(facts.run)).rows:
        yield Section("Metrics", (table,))
    yield Section(AGAIN, tuple(_again(facts)))


def curve_charts(facts: Facts, started: RunStarted) -> Iterator[Chart]:
    """Yield the charts of loss and accuracy over the epochs, of a run that has some."""
    epochs, best = facts.history.epochs, facts.history.best
    classes = len(started.class_names)
    yield Chart(
        "Loss",
        _curves(
            [epoch.train_loss for epoch in epochs],
            [epoch.val_loss for epoch in epochs],
        ),
        reference=(f"ln {classes}", math.log(classes)) if classes > 1 else None,
        best=best.epoch if best else None,
    )
    if not any(epoch.val_acc or epoch.train_acc for epoch in epochs):
        return
    yield Chart(
        "Accuracy",
        _curves(
            [epoch.train_acc for epoch in epochs],
            [epoch.val_acc for epoch in epochs],
        ),
        fractions=True,
        best=best.epoch if best else None,
        interval=wilson_interval(or_nan(best.val_acc), started.validation_images) if best else None,
    )


def _curves(
    training: Sequence[float | None], validation: Sequence[float | None]
) -> tuple[Curve, ...]:
    """Return both curves; without that of training where a recorded run has not logged it."""
    curves = {"training": training, "validation": validation}
    return tuple(
        Curve(name, [or_nan(value) for value in values])
        for name, values in curves.items()
        if any(value is not None for value in values)
    )


def mistake_pictures(mistakes: Sequence[Mistake], names: Sequence[str]) -> Part:
    """Return the images of mistakes, or that there are none."""
    if not mistakes:
        return Paragraph("None: every validation image is classified correctly.")
    return Pictures(tuple(_picture(mistake, names) for mistake in mistakes))


def _picture(mistake: Mistake, names: Sequence[str]) -> Picture:
    said, taken = mistake.probabilities, int(mistake.probabilities.argmax())
    return Picture(
        mistake.image,
        (
            f"a {names[mistake.label]}, taken for {names[taken]}",
            f"{names[taken]} {percent(said[taken])}, "
            f"{names[mistake.label]} {percent(said[mistake.label])}",
            f"validation image {mistake.row}",
        ),
    )


def settings(config: RunConfig) -> Iterator[Entry]:
    """Yield the hyperparameters with an effect, with remarks where they differ from the notebook's.

    For a recorded run these are the settings that its script names.
    """
    if isinstance(config, RecordedConfig):
        yield Entry("recorded by", config.script)
        for name, text in config.settings.items():
            yield Entry(name, text)
        return
    changes, idle = config.changes(), config.without_effect()
    for name, value in config:
        if name not in idle:
            remark = (
                f"the notebook has {as_text(HYPERPARAMETERS[name].default)}"
                if name in changes
                else ""
            )
            yield Entry(label_of(name), as_text(value), remark)


def _model(started: RunStarted, kept: ModelKept | None) -> Listing:
    """List the facts of the data and the model; a recorded run does not know them all."""
    model = kept or started
    classes = len(started.class_names)
    chance = f"ln {classes} = {math.log(classes):.3f}" if classes else ""
    facts = {
        "training images": started.training_images and f"{started.training_images:,}",
        "validation images": started.validation_images and f"{started.validation_images:,}",
        "unseen images, to test on": started.test_images is not None and f"{started.test_images:,}",
        "image size": started.image_shape and f"{'×'.join(map(str, started.shape))} pixels",
        "classes": name_list(started.class_names),
        "images of each class, training + validation": _class_counts(started),
        "layers": "-".join(map(str, model.layers or ())),
        "parameters": model.parameters and f"{model.parameters:,}",
        "device": started.device and on_device(started),
        "versions": ", ".join(f"{name} {text}" for name, text in started.versions.items()),
        "validation loss before training": started.val_loss is not None
        and f"{loss(started.val_loss)}; guessing among {classes} has {chance}",
    }
    return Listing(tuple(Entry(label, str(text)) for label, text in facts.items() if text))


def _class_counts(started: RunStarted) -> str:
    counts = ClassCounts.of(started) if started.class_names else None
    columns = zip(counts.names, counts.training, counts.validation, strict=True) if counts else ()
    return ", ".join(
        f"{name_list([name])}: {trained:,} + {kept:,}" for name, trained, kept in columns
    )


def _log(epochs: Sequence[EpochFinished], best: EpochFinished | None, planned: int) -> Table:
    lowest = min(epochs, key=lambda epoch: math.inf if epoch.val_loss is None else epoch.val_loss)
    rows = []
    for epoch in epochs:
        marks = ["best"] if best and epoch.epoch == best.epoch else []
        if epoch is lowest and epoch.val_loss is not None:
            marks.append("lowest loss")
        if marks or epoch is epochs[-1] or is_milestone(epoch.epoch, planned):
            rows.append(
                (
                    str(epoch.epoch),
                    loss(epoch.train_loss),
                    loss(epoch.val_loss),
                    percent(epoch.train_acc),
                    percent(epoch.val_acc),
                    UNKNOWN if epoch.lr is None else f"{epoch.lr:g}",
                    ", ".join(marks),
                )
            )
    head = ("epoch", "train loss", "val loss", "train acc", "val acc", "learning rate", "")
    return Table(head, rows, texts=frozenset({""}))


_MOST_METRICS = 100


def _metrics(run: Run) -> Table:
    """A table of a recorded run's metrics: number of values, the last and the extremes."""
    reader = MetricsReader(run.path)
    while reader.read():
        pass
    rows = []
    for name in reader.names[:_MOST_METRICS]:
        values = reader.series(name).values
        finite = values[np.isfinite(values)]
        ends = (finite.min(), finite.max()) if len(finite) else (math.nan, math.nan)
        rows.append((name, f"{len(values):,}", *(f"{value:.4g}" for value in (values[-1], *ends))))
    return Table(("metric", "values", "last", "least", "largest"), rows, frozenset({"metric"}))


def _again(facts: Facts) -> Iterator[Part]:
    if isinstance(facts.config, RecordedConfig):
        yield Paragraph(f"{facts.config.script} recorded this run: only it can train it again.")
    else:
        yield Paragraph("The same run, to the same bits on the same machine:")
        yield Code(train_command(facts.config), "sh")
    if facts.history.started and facts.history.epochs and facts.history.saved:
        yield Paragraph("Its model as a file, and that file in plain PyTorch:")
        yield Code(f"mnistop export {typed(facts.run)} --output model.pt", "sh")
        architecture = Architecture.of(facts.history, facts.config)
        yield Code(architecture.in_pytorch("model.pt"), "python")
