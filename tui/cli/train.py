"""`mnistop train`, `resume` and `follow`: a run from its start, or from now on, to its end."""

from __future__ import annotations

import asyncio
import functools
import math
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from mnistop.engine import events, worker
from mnistop.engine.config import RunConfig
from mnistop.engine.formatting import count, is_milestone, loss, on_device
from mnistop.engine.runs.history import History, reduce
from mnistop.engine.runs.lookup import find_run_or_sweep
from mnistop.engine.runs.recorded import planned_epochs
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.tui.cli import watch
from mnistop.tui.cli.options import (
    EndNotice,
    SettingsCommand,
    given_settings,
    naming_origin,
    run_argument,
    setting_options,
    with_ending,
    with_output,
)
from mnistop.tui.cli.output import Printer, print_error, print_note
from mnistop.tui.text.run_lines import (
    closing_lines,
    failure_sentence,
    progress_numbers,
    share_done,
    suspension,
)
from mnistop.tui.text.run_table import EPOCHS
from mnistop.tui.text.table import Table

if TYPE_CHECKING:
    from rich.console import RenderableType


_EVENTS = "Print the events as JSON lines."
_detach_option = click.option(
    "--detach", is_flag=True, help="Train in the background, and print the name."
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
  mnistop train --source openml --samples all  all of MNIST
  mnistop train --json > events.jsonl          for programs
  RUN=$(mnistop train --detach)                in the background

\b
Exit codes: 0 finished, 1 failed or stopped by another process, 2 wrong usage
or bad input, 130 stopped by Ctrl+C and saved.
""",
)
@with_output(json=_EVENTS)
@with_ending
@_detach_option
@setting_options()
def train(
    out: Printer,
    ending: EndNotice,
    detach: bool,
    preset: str | None,
    config_file: str | None,
    **flags: str | None,
) -> int:
    """Train a model without the app, in a separate process.

    Ctrl+C stops the run and saves it; a second Ctrl+C exits at once. If the terminal is closed,
    training continues, and mnistop follow shows it again.
    """
    config, _ = given_settings(preset, config_file, flags)
    message = "loading PyTorch, the data and the model"
    return watch.train(RunView(out), ending, lambda: (worker.launch(config), ""), message, detach)


@click.command()
@with_output(json=_EVENTS)
@with_ending
@_detach_option
@click.option(
    "--dask",
    metavar="ADDRESS",
    help="Continue a sweep on the workers of a Dask scheduler; none for this machine.",
)
@click.option(
    "--epochs",
    metavar="N",
    help="Train to N epochs in total, even a finished run.",
)
@run_argument
def resume(
    out: Printer,
    ending: EndNotice,
    detach: bool,
    dask: str | None,
    epochs: str | None,
    run: str,
) -> int:
    """Resume RUN from its last checkpoint or from a pause.

    The results are the same as if it had never been stopped. Ctrl+C stops and saves it again.
    In a sweep, only runs that have not ended are trained.

    With --epochs N it is trained to N epochs in total, with the same results as if started with N,
    except that a learning-rate schedule is that of N epochs only from there on. When it ends, it is
    tested again on unseen images.
    """
    with naming_origin({"epochs": epochs}):
        total = None if epochs is None else RunConfig.from_values({"epochs": epochs}).epochs
    found = find_run_or_sweep(run)
    found.check_ours()
    if isinstance(found, Sweep):
        if total:
            raise click.UsageError(
                f"--epochs is for runs, but {found.name} is a sweep, which compares runs of equal "
                "length: start a new one with mnistop sweep."
            )
        resume_it = functools.partial(worker.resume_sweep, found, "" if dask == "none" else dask)
        message = "loading PyTorch and the data"
    else:
        if dask:
            raise click.UsageError(f"--dask is for sweeps, but {found.name} is a run.")
        resume_it = functools.partial(worker.resume, found, total)
        message = "loading PyTorch, the data and the checkpoint"
        if found.is_running():
            message = "resuming the run"
    return watch.train(_view(out, found), ending, lambda: (found, resume_it()), message, detach)


@click.command()
@with_output(json=_EVENTS)
@with_ending
@run_argument
def follow(out: Printer, ending: EndNotice, run: str) -> int:
    """Watch RUN from its first epoch until it ends.

    Ctrl+C exits; the run continues.
    """
    found = find_run_or_sweep(run)
    return watch.follow(_view(out, found), ending, found)


def _view(out: Printer, found: Run | Sweep) -> watch.View[Any]:
    if isinstance(found, Sweep):
        from mnistop.tui.cli.sweep import SweepView

        return SweepView(out)
    return RunView(out)


_TABLE = Table(EPOCHS)
_WIDE = 100
"""The least width of a progress line with images per second."""
_SUSPENSION_SECONDS = 1.0
"""The time between two looks at the state of the process."""


class RunView(watch.View[Run]):
    """A view of one run until its end; with JSON, the lines of its `events.jsonl`."""

    def __init__(self, out: Printer) -> None:
        self._history = History()
        self._epochs = 0
        """The planned number of epochs; 0 if it is unknown, as for a script's own loop."""
        self._skipped: events.EpochFinished | None = None
        self._has_header = False
        super().__init__(out)

    async def follow(self, run: Run) -> None:
        """Print the run's events until the last one."""
        self.begin(run)
        suspensions = asyncio.create_task(self._report_suspensions(run))
        try:
            async for batch in worker.follow(run):
                self.update(batch)
        finally:
            suspensions.cancel()

    async def _report_suspensions(self, run: Run) -> None:
        was_suspended = False
        while True:
            is_suspended = await asyncio.to_thread(worker.is_suspended, run)
            if is_suspended and not was_suspended:
                (self.out.print if self.out.is_live else print_note)(suspension(run))
            was_suspended = is_suspended
            await asyncio.sleep(_SUSPENSION_SECONDS)

    def begin(self, run: Run) -> None:
        """Print the run's name."""
        self._epochs = planned_epochs(run.config())
        self.out.print(f"run {run.name}")

    def update(self, new: Sequence[events.Event]) -> None:
        """Print new events."""
        history = self._history = reduce(self._history, new)
        self._epochs = history.planned or self._epochs
        if history.preparing:
            self.out.wait(history.preparing, at_once=False)
        elif history.started and not history.ended:
            self.out.wait("" if self._epochs or not self.out.is_live else "training")
        self.out.print(*self._lines(new))
        self.out.print_json(*(event.to_json() for event in new))

    def print_end(self, run: Run) -> tuple[str, bool]:
        """Print how it ended, its accuracy, and the next commands."""
        history = self._history
        lines = closing_lines(run, history, self._epochs)
        self.out.print(*lines)
        if self.out.as_json:
            print_note(lines[1])
        if sentence := failure_sentence(run, history):
            print_error(sentence)
        return history.state(running=False), not sentence

    def _lines(self, new: Sequence[events.Event]) -> Iterator[str]:
        """Yield the lines of new events: the model and data, the epoch table, and pauses."""
        for event in new:
            match event:
                case events.RunStarted():
                    yield from _facts(event)
                    for note in event.notes:
                        if self.out.is_live:
                            width = self.out.width
                            yield from textwrap.wrap(
                                f"note  {note}", width, subsequent_indent=" " * 6
                            )
                        else:
                            print_note(f"note: {note}")
                    if event.class_names and not self._has_header:
                        self._has_header = True
                        yield _TABLE.line()
                case events.RunResumed():
                    self._epochs = event.epochs or self._epochs
                    total = f" of {self._epochs:,}" if self._epochs else ""
                    yield f"resumed in epoch {event.epoch}{total}"
                case events.EpochFinished():
                    if not self._has_header:  # of a recorded run without validation images
                        self._has_header = True
                        yield _TABLE.line()
                    self._skipped = None if is_milestone(event.epoch, self._epochs) else event
                    if not self._skipped:
                        yield _TABLE.line(event)
                case events.EpochsPlanned():
                    self._epochs = event.epochs
                case events.RunPaused():
                    yield "paused"
                case events.RunUnpaused():
                    yield "continuing"
                case _ if isinstance(event, events.LAST_EVENTS) and self._skipped:
                    yield _TABLE.line(self._skipped)
                    self._skipped = None

    def progress(self, width: int) -> RenderableType | None:
        """Draw a progress bar between the epoch and the other numbers."""
        history, planned = self._history, self._epochs
        if not history.started or not planned:
            return None
        numbers = progress_numbers(history, planned)
        if width < _WIDE:
            numbers.pop("rate", None)
        epoch = numbers.pop("epoch")
        return self.bar(
            f"{epoch} ", share_done(history, planned), f" {'  '.join(numbers.values())}", width
        )


def _facts(started: events.RunStarted) -> Iterator[str]:
    if started.layers and started.parameters is not None:
        layers = f"{'-'.join(map(str, started.layers))}, {count(started.parameters, 'parameter')}"
        yield f"model {layers}, on {on_device(started)}"
    if started.training_images:
        training = f"{count(started.training_images, 'image')} to train on"
        yield f"data  {training}, {started.validation_images:,} to validate"
    elif started.validation_images:
        yield f"data  {count(started.validation_images, 'image')} to validate"
    classes = len(started.class_names)
    if started.val_loss is not None:
        yield (
            f"loss  {loss(started.val_loss)} on validation before training; "
            f"guessing has ln {classes} = {math.log(classes):.3f}"
        )
