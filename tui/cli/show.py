"""`mnistop show`: the whole story of a run."""

from __future__ import annotations

import click

from mnistop.engine.report.facts import Facts, again
from mnistop.engine.report.of_run import AGAIN, report_of_run
from mnistop.engine.runs.folder import one_line
from mnistop.engine.runs.lookup import find_run_or_sweep, typed
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.tui.cli.arguments import run_argument
from mnistop.tui.cli.document import print_parts
from mnistop.tui.cli.output import Output, with_output
from mnistop.tui.text.runs import what_next

_MISTAKES = 8
"""Images of the most confident mistakes."""


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
        out.print_json(facts.as_json())
    else:
        _print_run(out, facts)
    return 0


def _show_sweep(out: Output, sweep: Sweep, as_json: bool) -> int:
    from mnistop.engine.sweep.outcomes import SweepReader
    from mnistop.tui.cli import sweep_view

    reader = SweepReader(sweep)
    reader.read()
    if as_json:
        out.print_json(sweep_view.as_summary(reader, sweep_view.measure(out, reader, None)))
    else:
        sweep_view.print_story(out, reader)
    return 0


def _print_run(out: Output, facts: Facts) -> None:
    document = report_of_run(facts, _MISTAKES)
    state, *others = document.parts
    print_parts(out, [state])
    if facts.about.name:
        out.paragraph(one_line(f"named {facts.about.name}"))
    print_parts(out, others)
    out.print()
    out.print(what_next(_commands(facts)))
    for section in document.sections:
        if section.title != AGAIN:  # the commands above say so
            out.heading(section.title)
            print_parts(out, section.parts)


def _commands(facts: Facts) -> dict[str, str]:
    """Return what can be done with the run, by command."""
    run, summary, name = facts.run, facts.summary, typed(facts.run)
    commands = {f"mnistop --run {name}": "open it in the app"}
    if summary.is_live:
        commands[f"mnistop follow {name}"] = "watch it"
    if summary.is_live and run.is_ours:
        commands[f"mnistop stop {name}"] = "stop and save it"
    if summary.state in ("stopped", "interrupted") and run.is_ours:
        commands[f"mnistop resume {name}"] = "go on with it"
    commands[again(summary.config)] = "train the same again"
    if facts.can_be_longer and run.is_ours:
        epochs = 2 * len(facts.history.epochs)
        commands[f"mnistop resume {name} --epochs {epochs}"] = f"train on to {epochs:,} epochs"
    commands[f"mnistop report {name} -o run.html"] = "write it as a page"
    return commands
