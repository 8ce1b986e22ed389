"""`mnistop train`, `resume` and `follow`: a run, from its start or from now on to its end."""

from __future__ import annotations

import click

from mnistop.engine import worker
from mnistop.engine.config import RunConfig
from mnistop.engine.runs.lookup import find_run_or_sweep
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.tui.cli import watch
from mnistop.tui.cli.arguments import Ending, run_argument, with_ending
from mnistop.tui.cli.options import SettingsCommand, given_settings, naming_origin, setting_options
from mnistop.tui.cli.output import Output, with_output
from mnistop.tui.cli.run_view import RunView

_json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print the run's events as JSON lines."
)
_detach_option = click.option(
    "--detach", is_flag=True, help="Print the run's name and leave it training."
)


@click.command(
    cls=SettingsCommand,
    epilog="""
\b
Examples:
  mnistop train                                the notebook's run
  mnistop train --lr 0.5 --hidden "256 128"    with two hidden layers
  mnistop train --hidden none                  a single-layer model
  mnistop train --preset adam --epochs 30      a preset, changed
  mnistop train --source openml --samples all  all 70,000 images
  mnistop train --json > events.jsonl          for programs
  RUN=$(mnistop train --detach)                goes on by itself

\b
Exit codes: 0 trained to the end, 1 failed or stopped from elsewhere, 2 wrong
use or bad input, 130 stopped by Ctrl+C and saved.
""",
)
@with_output
@with_ending
@_json_option
@_detach_option
@setting_options()
def train(
    out: Output,
    ending: Ending,
    as_json: bool,
    detach: bool,
    preset: str | None,
    config_file: str | None,
    **flags: str | None,
) -> int:
    """Train a model without the app, in a process of its own.

    Ctrl+C stops the training and saves it; a second one leaves at once. When the terminal goes
    away, training goes on, and mnistop follow watches it again.
    """
    config, _ = given_settings(preset, config_file, flags)
    view, message = RunView(out, as_json), "loading PyTorch, the data and the model"
    return watch.train(view, ending, lambda: (worker.launch(config), ""), message, detach)


@click.command()
@with_output
@with_ending
@_json_option
@_detach_option
@click.option(
    "--dask",
    metavar="ADDRESS",
    help="Go on with a sweep on the workers of a Dask scheduler; none for this machine.",
)
@click.option(
    "--epochs",
    metavar="N",
    help="Train on to N epochs in total, also a finished run.",
)
@run_argument
def resume(
    out: Output,
    ending: Ending,
    as_json: bool,
    detach: bool,
    dask: str | None,
    epochs: str | None,
    run: str,
) -> int:
    """Go on with RUN, from its last checkpoint or from a pause.

    The results are the same as if it had never been stopped. Ctrl+C stops and saves it again.
    For a sweep, the runs that have ended are not trained again.

    With --epochs N it is trained on to N epochs in total: to the same results as if it had been
    begun with N, except that a schedule of the learning rate is that of N epochs from there on
    only. It is tested anew on images never seen when it ends.
    """
    total = _total(epochs)
    found = find_run_or_sweep(run)
    if isinstance(found, Sweep):
        if total:
            raise click.UsageError(
                f"--epochs is for runs, and {found.name} is a sweep, which compares runs of the "
                "same length: mnistop sweep trains a new one."
            )
        found.check_ours()
        from mnistop.tui.cli.sweep_view import SweepView

        sweep, where = found, "" if dask == "none" else dask
        return watch.train(
            SweepView(out, as_json),
            ending,
            lambda: (sweep, worker.resume_sweep(sweep, where)),
            "loading PyTorch and the data",
            detach,
        )
    found.check_ours()
    if dask:
        raise click.UsageError(f"--dask is for sweeps, and {found.name} is a run.")
    going = found.is_running()
    message = "resuming the run" if going else "loading PyTorch, the data and the checkpoint"
    resumed = found
    return watch.train(
        RunView(out, as_json),
        ending,
        lambda: (resumed, worker.resume(resumed, total)),
        message,
        detach,
    )


@click.command()
@with_output
@with_ending
@_json_option
@run_argument
def follow(out: Output, ending: Ending, as_json: bool, run: str) -> int:
    """Watch RUN from its first epoch on, and live until it ends.

    Ctrl+C leaves, and the run goes on.
    """
    found = find_run_or_sweep(run)
    if isinstance(found, Sweep):
        from mnistop.tui.cli.sweep_view import SweepView

        return watch.follow(SweepView(out, as_json), ending, found)
    return watch.follow(RunView(out, as_json), ending, found)


def _total(epochs: str | None) -> int | None:
    """The number of epochs that `--epochs` names.

    Raises:
        ConfigError: it names none.
    """
    if epochs is None:
        return None
    with naming_origin({"epochs": epochs}):
        return RunConfig.from_values({"epochs": epochs}).epochs
