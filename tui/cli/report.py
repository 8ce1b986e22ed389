"""`mnistop report`: what there is to tell of runs, as a document or as data."""

from __future__ import annotations

import click

from mnistop.engine.errors import RunError
from mnistop.engine.report import FORMATS
from mnistop.engine.runs.lookup import find_run_or_sweep
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.tui.cli.arguments import (
    STDOUT,
    check_destination,
    deliver,
    format_of,
    runs_argument,
    with_destination,
)
from mnistop.tui.cli.output import Output, with_output


@click.command(
    epilog="""
\b
Examples:
  mnistop report last                              Markdown, here
  mnistop report last --output run.html            a page with charts, images
  mnistop report quiet-otter calm-lark -o two.html
  mnistop report last --format csv > epochs.csv    a row an epoch
"""
)
@with_output
@with_destination("Write into this file; - is standard output.  [default: -]")
@click.option(
    "--format",
    type=click.Choice(list(dict.fromkeys(FORMATS.values()))),
    help="What to write.  [default: by the extension of FILE, else markdown]",
)
@click.option(
    "--epoch",
    type=int,
    metavar="N",
    help="Show the confusion matrix and the mistakes after this epoch, not the last.",
)
@runs_argument
def report(
    out: Output,
    output: str | None,
    force: bool,
    format: str | None,
    epoch: int | None,
    names: tuple[str, ...],
) -> int:
    """Write a report of RUN, finished or in training, or compare several or those of a sweep.

    Markdown and HTML show a run's best epoch with its interval, curves, the coach's advice,
    confusion matrix, worst mistakes, settings and log; for several runs their curves in one chart
    and the settings in which they differ. HTML is a single self-contained page with charts and
    images. CSV has a row per epoch, JSON everything.
    """
    output = output or STDOUT
    if format is None:
        format = "markdown" if output == STDOUT else format_of(output, FORMATS)
    runs = [run for name in names for run in _runs_of(name)]
    if epoch is not None and len(runs) > 1:
        raise click.UsageError("--epoch goes with one run only.")
    check_destination(output, force)
    from mnistop.engine.report.of_runs import report as compose

    text = compose(runs, format, epoch)
    deliver(out, text.encode("utf-8", "backslashreplace"), output, force)
    return 0


def _runs_of(name: str) -> list[Run]:
    """The run of a name, or those of the sweep that have been started."""
    found = find_run_or_sweep(name)
    if not isinstance(found, Sweep):
        return [found]
    if members := found.members():
        return members
    raise RunError(f"Sweep {found.name} has not begun a run yet.")
