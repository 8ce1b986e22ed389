"""`mnistop show`: the whole story of a run."""

from __future__ import annotations

import click

from mnistop.engine.report.facts import Facts
from mnistop.engine.runs.lookup import find_run_or_sweep
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.tui.cli import story
from mnistop.tui.cli.arguments import run_argument
from mnistop.tui.cli.output import Output, with_output


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

    Its state, its settings, the epoch log with charts, the confusion matrix, the best epoch with
    its interval, and the most confident mistakes. For a sweep, the results of all combinations,
    side by side.
    """
    found = find_run_or_sweep(run)
    if isinstance(found, Sweep):
        return _show_sweep(out, found, as_json)
    facts = Facts.of(found, epoch)
    if as_json:
        out.say_json(facts.as_json())
    else:
        _tell(out, facts)
    return 0


def _show_sweep(out: Output, sweep: Sweep, as_json: bool) -> int:
    from mnistop.engine.sweep.reader import SweepReader
    from mnistop.tui.cli import sweep_view

    reader = SweepReader(sweep)
    reader.read()
    if as_json:
        out.say_json(sweep_view.as_summary(reader, sweep_view.measure(out, reader, None)))
    else:
        sweep_view.tell_story(out, reader)
    return 0


def _tell(out: Output, facts: Facts) -> None:
    history = facts.history
    started = history.started
    story.tell_state(out, facts)
    story.tell_settings(out, facts.config)
    if not started:
        out.say()
        out.say("It has not begun to train.")
        return
    story.tell_facts(out, started)
    if history.epochs:
        story.tell_log(out, history, facts.config.epochs)
        story.draw_charts(out, history, started)
    story.tell_coach(out, facts.advice, len(history.epochs))
    if facts.counts is not None and facts.epoch is not None:
        story.draw_confusion(out, facts.counts, started.class_names, facts.epoch)
    story.tell_best(out, history, started)
    if facts.judgement:
        out.heading(f"Most confident mistakes after epoch {facts.epoch}")
        story.draw_mistakes(out, facts.mistakes(), started.class_names)
