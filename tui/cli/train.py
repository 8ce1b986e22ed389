"""`mnistop train`, `resume` and `follow`: a run, from its start or from now on to its end."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable, Sequence

import click

from mnistop.engine import worker
from mnistop.engine.config import RunConfig
from mnistop.engine.runs.history import History
from mnistop.engine.runs.lookup import find_run_or_sweep
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.tui.cli.arguments import run_argument
from mnistop.tui.cli.ending import Ending, with_ending
from mnistop.tui.cli.options import SettingsCommand, given_settings, setting_options, told_by_origin
from mnistop.tui.cli.output import Output, complain, remark, with_output
from mnistop.tui.cli.run_view import view_for
from mnistop.tui.cli.watch import RunWatch
from mnistop.tui.text.closing import closing_words, complaint

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
    return _train(
        out,
        lambda: worker.launch(config),
        "loading PyTorch, the data and the model",
        as_json,
        detach,
        ending,
    )


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
        return _resume_sweep(out, found, as_json, detach, dask, ending)
    found.check_ours()
    if dask:
        raise click.UsageError(f"--dask is for sweeps, and {found.name} is a run.")

    warnings: list[str] = []

    def start() -> Run:
        warnings.append(worker.resume(found, total))
        return found

    message = (
        "resuming the run" if found.is_running() else "loading PyTorch, the data and the checkpoint"
    )
    return _train(out, start, message, as_json, detach, ending, warnings)


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
        from mnistop.tui.cli.sweep import follow_sweep

        return follow_sweep(out, found, as_json, ending)
    watch = RunWatch(view_for(out, as_json), stops=False, leave=ending.left)
    history = asyncio.run(watch.follow(found))
    try:
        _close(out, found, history, as_json)
    finally:
        ending.reached(found)
    return 1 if complaint(found, history) else 0


def _total(epochs: str | None) -> int | None:
    """The number of epochs that `--epochs` names.

    Raises:
        ConfigError: it names none.
    """
    if epochs is None:
        return None
    with told_by_origin({"epochs": epochs}):
        return RunConfig.from_values({"epochs": epochs}).epochs


def _resume_sweep(
    out: Output, sweep: Sweep, as_json: bool, detach: bool, dask: str | None, ending: Ending
) -> int:
    from mnistop.tui.cli.sweep import watch_sweep

    warnings: list[str] = []

    def start() -> Sweep:
        warnings.append(worker.resume_sweep(sweep, "" if dask == "none" else dask))
        return sweep

    message = "loading PyTorch and the data"
    return watch_sweep(out, start, message, as_json, ending, detach, warnings=warnings)


def _train(
    out: Output,
    start: Callable[[], Run],
    message: str,
    as_json: bool,
    detach: bool,
    ending: Ending,
    warnings: Sequence[str] = (),
) -> int:
    """Start a run, or resume one, and show it to its end.

    Args:
        out: where it is shown.
        start: returns once it is there, or raises.
        message: what is waited for meanwhile.
        as_json: whether to print JSON lines.
        detach: whether to leave it at once.
        ending: what is to be done at its end.
        warnings: those that `start` gives.

    Returns:
        The exit code.
    """
    if detach:
        ending.refuse_bell()
    watch = RunWatch(view_for(out, as_json), stops=True, leave=ending.left)

    async def start_and_follow() -> tuple[Run, History | None]:
        run = await watch.launch(start, message)
        watch.warn(warnings)
        if detach and not watch.asked:
            watch.close()
            return run, None
        return run, await watch.follow(run)

    run, history = asyncio.run(start_and_follow())
    if not history:
        ending.left(run)
        _tell_detached(out, run, as_json)
        return 0
    try:
        _close(out, run, history, as_json)
    finally:
        ending.reached(run)
    return _exit_code(history, watch.asked)


def _exit_code(history: History, asked: signal.Signals | None) -> int:
    state = history.state(running=False)
    if state == "finished":
        return 1 if getattr(history.ended, "message", "") else 0
    return 128 + asked if state == "stopped" and asked else 1


def _close(out: Output, run: Run, history: History, as_json: bool) -> None:
    lines = closing_words(run, history, run.config().epochs)
    if as_json:
        remark(lines[1])
    else:
        out.say("\n".join(lines))
    if sentence := complaint(run, history):
        complain(sentence)


def _tell_detached(out: Output, run: Run, as_json: bool) -> None:
    out.say(json.dumps({"run": run.name}) if as_json else run.name)
    remark(
        f"It trains by itself: mnistop follow {run.name} watches it, "
        f"mnistop stop {run.name} stops it."
    )
