"""A run as the commands show it while it goes on: its epoch table, or its events as JSON lines."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, ClassVar

from mnistop.engine import events, worker
from mnistop.engine.formatting import accuracy, count, duration, is_milestone, loss, on_device
from mnistop.engine.runs.history import History, reduce
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.cli.output import Output, complain, remark
from mnistop.tui.cli.printer import Printer, bar_line
from mnistop.tui.text.run_lines import EPOCH_HEADER, closing_words, complaint, epoch_row

if TYPE_CHECKING:
    from rich.console import RenderableType

_RECENT = 10
"""The time left is estimated from so many epochs."""
_WIDE = 100
"""From this width on the line of progress has room for the images per second."""


class RunView:
    """A view of one run until its end.

    Args:
        out: standard output.
        as_json: whether to print its events as JSON lines.
    """

    kind: ClassVar[str] = "run"

    def __init__(self, out: Output, as_json: bool) -> None:
        self.state = ""
        """The run's last state, once `print_end` has been called."""
        self.went_well = False
        self._history = History()
        self._epochs = 1
        """The number that the run is to have."""
        self._skipped: events.EpochFinished | None = None
        self.printer = Printer(out, as_json, self._progress)

    def stop(self, run: Run) -> None:
        """Ask the run to stop and save."""
        worker.stop(run)

    async def follow(self, run: Run) -> None:
        """Print all that the run logs, until its last event."""
        self.begin(run)
        async for batch in worker.follow(run):
            self.update(batch)

    def begin(self, run: Run) -> None:
        """Print the run's name."""
        self._epochs = run.config().epochs
        if not self.printer.as_json:
            self.printer.print(f"run {run.name}")

    def update(self, new: Sequence[events.Event]) -> None:
        """Print some more events, in JSON as they are in `events.jsonl`."""
        history = self._history = reduce(self._history, new)
        if history.preparing:
            self.printer.wait(history.preparing, at_once=False)
        elif history.started and not history.ended:
            self.printer.message = ""
        if not self.printer.is_live:
            for event in new:
                for note in event.notes if isinstance(event, events.RunStarted) else ():
                    remark(f"note: {note}")
        as_json = self.printer.as_json
        self.printer.print(*([e.to_json() for e in new] if as_json else self._lines(new)))

    def print_end(self, run: Run) -> None:
        """Print how it ended, how good it is, and what is next."""
        history = self._history
        self.state = history.state(running=False)
        lines = closing_words(run, history, run.config().epochs)
        if self.printer.as_json:
            remark(lines[1])
        else:
            self.printer.out.print("\n".join(lines))
        sentence = complaint(run, history)
        self.went_well = not sentence
        if sentence:
            complain(sentence)

    def _lines(self, new: Sequence[events.Event]) -> Iterator[str]:
        """The lines of some events: the run's facts, the epoch table, and what happens to it."""
        for event in new:
            match event:
                case events.RunStarted():
                    yield from _facts(event)
                    for note in event.notes if self.printer.is_live else ():
                        width = self.printer.out.width
                        yield from textwrap.wrap(f"note  {note}", width, subsequent_indent=" " * 6)
                    yield EPOCH_HEADER
                case events.RunResumed():
                    self._epochs = event.epochs or self._epochs
                    yield f"resumed in epoch {event.epoch} of {self._epochs:,}"
                case events.EpochFinished():
                    self._skipped = None if is_milestone(event.epoch, self._epochs) else event
                    if not self._skipped:
                        yield epoch_row(event)
                case events.RunPaused():
                    yield "paused"
                case events.RunUnpaused():
                    yield "going on"
                case _ if isinstance(event, events.LAST_EVENTS) and self._skipped:
                    yield epoch_row(self._skipped)
                    self._skipped = None

    def _progress(self, width: int) -> RenderableType | None:
        """A bar between the epoch, and the time left with the newest validation accuracy."""
        history, part, done = self._history, self._history.progress, len(self._history.epochs)
        if not history.started:
            return None
        epochs = done + (part.step / part.steps if part and part.epoch == done else 0)
        share = epochs / self._epochs
        right = f" {share:4.0%}  {_time_left(history, self._epochs - epochs)}"
        if history.epochs:
            images = history.started.validation_images
            right += f"  val acc {accuracy(history.epochs[-1].val_acc, images)}"
        if part and width >= _WIDE:
            right += f"  {part.images_per_second:,.0f} images/s"
        return bar_line(f"epoch {done}/{self._epochs} ", share, right, self.printer.out, width)


def _facts(started: events.RunStarted) -> Iterator[str]:
    layers = "-".join(map(str, started.layers))
    yield f"model {layers}, {count(started.parameters, 'parameter')}, on {on_device(started)}"
    yield (
        f"data  {count(started.training_images, 'image')} to train on, "
        f"{started.validation_images:,} to validate"
    )
    classes = len(started.class_names)
    yield (
        f"loss  {loss(started.val_loss)} on validation before training; "
        f"guessing has ln {classes} = {math.log(classes):.3f}"
    )


def _time_left(history: History, epochs: float) -> str:
    """The time that some more epochs take.

    Args:
        history: of a run that has started.
        epochs: how many, with a part of the present one.
    """
    if history.paused:
        return "paused"
    if history.epochs:
        seconds = fmean(epoch.seconds for epoch in history.epochs[-_RECENT:])
        return f"{duration(epochs * seconds)} left"
    if history.progress and history.started and history.progress.images_per_second:
        images = history.started.training_images * epochs
        return f"{duration(images / history.progress.images_per_second)} left"
    return "first epoch"
