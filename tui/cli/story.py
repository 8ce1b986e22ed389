"""The sections of a run's story, each printed from what is already known of the run."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.analysis.coach import Advice
from mnistop.engine.config import HYPERPARAMETERS, RunConfig
from mnistop.engine.data.notes import ClassCounts
from mnistop.engine.events import RunStarted
from mnistop.engine.hyperparameters import as_text
from mnistop.engine.report.facts import Facts, again
from mnistop.engine.runs.folder import one_line
from mnistop.engine.runs.history import History, others_as_good
from mnistop.engine.runs.lookup import typed
from mnistop.engine.runs.predictions import Mistake
from mnistop.tui.cli.gallery import Picture, draw_gallery
from mnistop.tui.cli.output import Output
from mnistop.tui.draw.cells import beside
from mnistop.tui.draw.chart import chart
from mnistop.tui.draw.matrix import confusion
from mnistop.tui.draw.series import Series
from mnistop.tui.text.runs import (
    EPOCH_HEADER,
    accuracy,
    count,
    duration,
    epoch_row,
    flattering,
    is_milestone,
    on_device,
    percent,
    unseen_accuracy,
    what_next,
)

_CHART_HEIGHT = 15
_WIDEST_CHART = 72
_NARROWEST_PAIR = 100
"""From this width on the two charts stand side by side."""


def tell_state(out: Output, facts: Facts) -> None:
    """How far the run is, and how to go on."""
    summary = facts.summary
    name, history = typed(facts.run), facts.history
    trained = f"{count(len(history.epochs), 'epoch')} of {summary.config.epochs:,}"
    took = duration(sum(epoch.seconds for epoch in history.epochs))
    out.tell(f"run {facts.run.name}: {summary.state}, {trained} in {took}")
    if tested := unseen_accuracy(history):
        out.tell(f"test accuracy {tested}, a 95% interval")
    if facts.about.name:
        out.tell(f"named {facts.about.name}")
    if facts.about.note:
        out.tell(f"note: {facts.about.note}")
    if message := getattr(history.ended, "message", ""):
        out.tell(message)
    if facts.schedules:
        out.tell(facts.schedules)
    commands = {f"mnistop --run {name}": "open it in the app"}
    if summary.is_live:
        commands[f"mnistop follow {name}"] = "watch it"
    if summary.is_live and facts.run.is_ours:
        commands[f"mnistop stop {name}"] = "stop and save it"
    if summary.state in ("stopped", "interrupted") and facts.run.is_ours:
        commands[f"mnistop resume {name}"] = "go on with it"
    commands[again(summary.config)] = "train the same again"
    if facts.can_be_longer:
        epochs = 2 * len(history.epochs)
        commands[f"mnistop resume {name} --epochs {epochs}"] = f"train on to {epochs:,} epochs"
    commands[f"mnistop report {name} -o run.html"] = "write it as a page"
    out.say(what_next(commands))


def tell_settings(out: Output, config: RunConfig) -> None:
    """The hyperparameters: first those that differ from the notebook's, then all."""
    out.heading("Settings")
    changes = config.changes()
    if not changes:
        out.say("as in the notebook")
    for name, text in changes.items():
        known = HYPERPARAMETERS[name]
        out.say(one_line(f"{known.label}: {text} (the notebook has {as_text(known.default)})"))
    idle = config.without_effect()
    items = [
        one_line(f"{HYPERPARAMETERS[name].label} {as_text(value)}")
        for name, value in config
        if name not in idle
    ]
    out.say()
    out.say("\n".join(_flow(items, out.width)))


def tell_facts(out: Output, started: RunStarted) -> None:
    """The data, the model, and the loss before training."""
    out.heading("Data and model")
    height, width = started.image_shape
    classes = len(started.class_names)
    versions = ", ".join(f"{name} {version}" for name, version in started.versions.items())
    out.tell(
        f"{count(started.training_images, 'image')} to train on and "
        f"{started.validation_images:,} to validate, {height}×{width} pixels, {classes} classes"
    )
    for note in started.notes:
        out.tell(note)
    if counts := ClassCounts.of(started):
        columns = zip(counts.names, counts.training, counts.validation, strict=True)
        items = [one_line(f"{name} {trained:,} + {kept:,}") for name, trained, kept in columns]
        out.tell("images of each class, training + validation:")
        out.say("\n".join(_flow(items, out.width)))
    out.tell(
        f"layers {'-'.join(map(str, started.layers))}, "
        f"{count(started.parameters, 'parameter')}, on {on_device(started)} ({versions})"
    )
    out.tell(
        f"validation loss before training {started.val_loss:.3f}; "
        f"guessing among {classes} has ln {classes} = {math.log(classes):.3f}"
    )


def tell_log(out: Output, history: History, epochs: int) -> None:
    """The epoch table, with the best epoch and the lowest validation loss marked."""
    out.heading("Log")
    best = history.best
    lowest = min(history.epochs, key=lambda epoch: epoch.val_loss)
    out.say(EPOCH_HEADER)
    for epoch in history.epochs:
        marks = []
        if best and epoch.epoch == best.epoch:
            marks.append("best")
        if epoch is lowest:
            marks.append("lowest loss")
        last = epoch is history.epochs[-1]
        if marks or last or is_milestone(epoch.epoch, epochs):
            out.say(f"{epoch_row(epoch)}  {', '.join(marks)}".rstrip())


def draw_charts(out: Output, history: History, started: RunStarted) -> None:
    """Loss and accuracy over the epochs, side by side where there is room."""
    out.say()
    pair = out.width >= _NARROWEST_PAIR
    width = min((out.width - 2) // 2 if pair else out.width, _WIDEST_CHART)
    epochs = history.epochs
    best = history.best.epoch if history.best else None
    classes = len(started.class_names)
    loss = chart(
        [
            Series("train", [epoch.train_loss for epoch in epochs], "train"),
            Series("val", [epoch.val_loss for epoch in epochs], "val"),
        ],
        width,
        _CHART_HEIGHT,
        out.terminal,
        best=best,
        reference=(f"ln {classes}", math.log(classes)),
        title="loss",
    )
    accuracies = chart(
        [
            Series("train", [epoch.train_acc for epoch in epochs], "train"),
            Series("val", [epoch.val_acc for epoch in epochs], "val"),
        ],
        width,
        _CHART_HEIGHT,
        out.terminal,
        best=best,
        percent=True,
        title="accuracy",
    )
    if pair:
        out.draw(beside([loss, accuracies]))
    else:
        out.draw(loss)
        out.say()
        out.draw(accuracies)


def tell_coach(out: Output, advice: Advice, epochs: int) -> None:
    """What the coach says of the newest epoch."""
    out.heading(f"Coach after epoch {epochs - 1}" if epochs else "Coach")
    out.tell(f"{advice.sentence} {advice.remedy}".rstrip())


def draw_confusion(
    out: Output, counts: NDArray[np.integer], names: Sequence[str], epoch: int
) -> None:
    """The confusion matrix of the predictions after an epoch, and how many are right."""
    out.heading(f"Confusion matrix after epoch {epoch}")
    out.draw(confusion(counts, names, out.terminal, out.width, len(names) + 2))
    right, images = int(np.trace(counts)), int(counts.sum())
    out.say(f"{right:,} of {images:,} right: {accuracy(right / images, images)}")


def tell_best(out: Output, history: History, started: RunStarted) -> None:
    """The best epoch, and how much better than the others it may be called."""
    if not history.best:
        return
    out.heading("Best epoch")
    images = started.validation_images
    found = accuracy(history.best.val_acc, images)
    if tested := unseen_accuracy(history):
        out.tell(f"test accuracy {tested}, with the weights of epoch {history.best.epoch}")
    out.tell(f"epoch {history.best.epoch}, validation accuracy {found}, a 95% interval")
    others = len(history.epochs) - 1
    if others:
        out.tell(
            f"{others_as_good(history):,} of {count(others, 'other epoch')} lie within "
            f"this interval: between them, {count(images, 'image')} cannot tell."
        )
        out.tell(flattering(history))


def draw_mistakes(out: Output, mistakes: Sequence[Mistake], names: Sequence[str]) -> None:
    """The validation images that are predicted wrongly with most confidence."""
    if not mistakes:
        out.say("None: every validation image is classified correctly.")
        return
    draw_gallery(out, [_picture(mistake, names) for mistake in mistakes])


def _picture(mistake: Mistake, names: Sequence[str]) -> Picture:
    order = np.argsort(-mistake.probabilities, kind="stable").tolist()
    shown = order[:2] if mistake.label in order[:2] else [order[0], mistake.label]
    probabilities = ", ".join(
        f"{names[index]} {percent(mistake.probabilities[index])}" for index in shown
    )
    return Picture(
        mistake.image,
        (
            f"a {names[mistake.label]}, taken for {names[order[0]]}",
            probabilities,
            f"validation image {mistake.row}",
        ),
    )


def _flow(items: Sequence[str], width: int) -> list[str]:
    """The items with commas between, in lines of at most `width`."""
    lines = [""]
    for item in items:
        if len(lines[-1]) + len(item) + 3 > width:
            lines.append("")
        lines[-1] += f"{item}, "
    return [line.rstrip() for line in lines[:-1]] + [lines[-1].rstrip(", ")]
