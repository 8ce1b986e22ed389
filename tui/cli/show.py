"""`mnistop show`: the whole story of a run."""

from __future__ import annotations

from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from engine.coach import Advice, advise
from engine.evaluate import confusion_matrix, wilson_interval
from engine.events import RunStarted
from engine.history import others_as_good
from engine.judgement import Judgement, Mistake, judgement_after, worst_mistakes
from engine.sweep_reader import SweepReader
from engine.sweeps import Sweep, find_run_or_sweep
from tui.cli import story
from tui.cli.output import Output, with_output
from tui.cli.run_argument import run_argument
from tui.cli.summary import Summary


@click.command()
@with_output
@click.option("--json", "as_json", is_flag=True, help="Print all of it as one JSON object.")
@click.option(
    "--epoch",
    type=int,
    metavar="N",
    help="Show the confusion matrix after this epoch, not the last.",
)
@run_argument
def show(out: Output, as_json: bool, epoch: int | None, run: str) -> int:
    """Tell the whole story of RUN, finished or still in training.

    How it stands, its settings, the epoch log with charts, the confusion matrix, the best epoch
    and what that is worth, and the mistakes it was most sure of. Of a sweep, what came of each
    combination, side by side.
    """
    found = find_run_or_sweep(run)
    if isinstance(found, Sweep):
        return _show_sweep(out, found, as_json)
    summary = Summary.of(found)
    epoch = _checked(epoch, summary)
    judgement = None if epoch is None else _judgement(summary, epoch)
    if as_json:
        out.say_json(_as_json(summary, epoch, judgement))
    else:
        _tell(out, summary, epoch, judgement)
    return 0


def _show_sweep(out: Output, sweep: Sweep, as_json: bool) -> int:
    from tui.cli import sweep_story

    reader = SweepReader(sweep)
    reader.read()
    if as_json:
        out.say_json(sweep_story.as_summary(reader, sweep_story.measure(out, reader, None)))
    else:
        sweep_story.tell_story(out, reader)
    return 0


def _checked(epoch: int | None, summary: Summary) -> int | None:
    """The epoch to show, None before the first is finished."""
    finished = len(summary.history.epochs)
    if epoch is not None and not 0 <= epoch < finished:
        there = f"epochs 0 to {finished - 1}" if finished else "no epochs yet"
        raise click.UsageError(f"Run {summary.run.name} has {there}, not {epoch}.")
    return epoch if epoch is not None else finished - 1 if finished else None


def _judgement(summary: Summary, epoch: int) -> Judgement | None:
    if not summary.history.started:
        return None
    return judgement_after(summary.run, epoch + 1, len(summary.history.started.class_names))


def _advice(summary: Summary) -> Advice:
    epochs = len(summary.history.epochs)
    return advise(summary.history, summary.config, _judgement(summary, epochs - 1))


def _tell(out: Output, summary: Summary, epoch: int | None, judgement: Judgement | None) -> None:
    history = summary.history
    started = history.started
    story.tell_state(out, summary)
    story.tell_settings(out, summary.config)
    if not started:
        out.say()
        out.say("It has not begun to train.")
        return
    story.tell_facts(out, started)
    if history.epochs:
        story.tell_log(out, history, summary.config.epochs)
        story.draw_charts(out, history, started)
    story.tell_coach(out, _advice(summary), len(history.epochs))
    if judgement and epoch is not None:
        story.draw_confusion(out, _counts(judgement), started.class_names, epoch)
    story.tell_best(out, history, started)
    if judgement:
        out.heading(f"Most confident mistakes after epoch {epoch}")
        story.draw_mistakes(out, _worst(summary, judgement, started), started.class_names)


def _counts(judgement: Judgement) -> NDArray[np.int64]:
    return confusion_matrix(judgement.labels, judgement.predictions, judgement.classes)


def _worst(summary: Summary, judgement: Judgement, started: RunStarted) -> list[Mistake]:
    height, width = started.image_shape
    return worst_mistakes(summary.run, judgement, (height, width))


def _as_json(summary: Summary, epoch: int | None, judgement: Judgement | None) -> dict[str, Any]:
    history = summary.history
    started = history.started
    facts = summary.as_json() | {
        "changes": summary.config.changes(),
        "facts": started and _without_time(vars(started)),
        "log": [_without_time(vars(one)) for one in history.epochs],
        "coach": vars(_advice(summary)),
        "best": None,
        "confusion": None,
        "mistakes": None,
    }
    if started and history.best:
        images = started.validation_images
        facts["best"] = {
            "epoch": history.best.epoch,
            "val_acc": history.best.val_acc,
            "interval": wilson_interval(history.best.val_acc, images),
            "other_epochs_within": others_as_good(history),
        }
    if judgement and started:
        counts = _counts(judgement)
        totals = counts.sum(1)
        recall = [
            int(right) / int(total) if total else None
            for right, total in zip(counts.diagonal(), totals, strict=True)
        ]
        facts["confusion"] = {"epoch": epoch, "counts": counts.tolist(), "recall": recall}
        facts["mistakes"] = [_mistake(one) for one in _worst(summary, judgement, started)]
    return facts


def _without_time(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in ("run", "time")}


def _mistake(mistake: Mistake) -> dict[str, Any]:
    return {
        "row": mistake.row,
        "label": mistake.label,
        "prediction": int(mistake.probabilities.argmax()),
        "probabilities": [float(one) for one in mistake.probabilities],
    }
