"""How a run is shown while it goes on: as JSON lines, as plain lines, or with a progress bar."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from mnistop.engine import events
from mnistop.engine.config import RunConfig
from mnistop.engine.runs.history import History
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.cli.output import Output, remark
from mnistop.tui.cli.printer import LiveLine
from mnistop.tui.text.runs import (
    EPOCH_HEADER,
    STOPPING,
    count,
    epoch_row,
    is_milestone,
    loss,
    on_device,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

NOTICE_SECONDS = 5.0
"""Plain lines tell what is waited for this often at most."""


class View(Protocol):
    """Shows one run; called in the order of its methods."""

    def wait(self, message: str) -> None:
        """Something takes its time before there is a run."""

    def stopping(self) -> None:
        """It has been asked to stop and save."""

    def begin(self, run: Run, config: RunConfig) -> None:
        """The run is there."""

    def update(self, new: Sequence[events.Event], history: History) -> None:
        """The run has said something."""

    def close(self) -> None:
        """Leaves the terminal as it was; nothing more comes."""


class JsonView:
    """The events as JSON lines; all else goes to stderr.

    Args:
        out: where to print.
    """

    def __init__(self, out: Output) -> None:
        self._out = out

    def wait(self, message: str) -> None:
        """Says nothing: it is no event."""

    def stopping(self) -> None:
        """Says nothing: the last event tells."""

    def begin(self, run: Run, config: RunConfig) -> None:
        """Says nothing: the events name the run."""

    def update(self, new: Sequence[events.Event], history: History) -> None:
        """Prints the events as they are in `events.jsonl`; what is odd about the data, for people,
        on stderr, too.
        """
        _remark_notes(new)
        self._out.say("\n".join(event.to_json() for event in new))

    def close(self) -> None:
        """Nothing to do."""


class PlainView:
    """The epoch table and all else as plain lines, for pipes and files.

    What is waited for, and what is odd about the data, goes to stderr, where a person may see it.

    Args:
        out: where to print.
    """

    def __init__(self, out: Output) -> None:
        self._out = out
        self._lines = _Lines(0)
        self._waited_at = 0.0

    def wait(self, message: str) -> None:
        """Says so on stderr."""
        remark(f"{message} ...")

    def stopping(self) -> None:
        """Says so on stderr."""
        remark(f"{STOPPING} ...")

    def begin(self, run: Run, config: RunConfig) -> None:
        """Prints the run's name."""
        self._lines = _Lines(config.epochs)
        self._out.say(f"run {run.name}")

    def update(self, new: Sequence[events.Event], history: History) -> None:
        """Prints the lines of the events, if they have any."""
        _remark_notes(new)
        for event in new:
            if isinstance(event, events.Preparing) and self._is_due(event):
                self.wait(event.message)
        for line in self._lines.of(new):
            self._out.say(line)

    def _is_due(self, event: events.Event) -> bool:
        if event.time - self._waited_at < NOTICE_SECONDS:
            return False
        self._waited_at = event.time
        return True

    def close(self) -> None:
        """Nothing to do."""


class LiveView:
    """The epoch table, and below it a line that shows how far the run is.

    Args:
        out: a terminal.
    """

    def __init__(self, out: Output) -> None:
        self._out = out
        self._lines = _Lines(0)
        self._history = History()
        self._epochs = 1
        self._live = LiveLine(out, self._progress)

    def wait(self, message: str) -> None:
        """Shows it with a sign that turns."""
        self._live.wait(message)

    def stopping(self) -> None:
        """Shows it until the end."""
        self._live.stopping()

    def begin(self, run: Run, config: RunConfig) -> None:
        """Prints the run's name and starts the progress bar."""
        self._epochs = config.epochs
        self._lines = _Lines(config.epochs)
        self._live.start()
        self._live.print(f"run {run.name}")

    def update(self, new: Sequence[events.Event], history: History) -> None:
        """Prints rows of the table, and moves the progress bar."""
        self._history = history
        if history.resumed and history.resumed.epochs:
            self._epochs = history.resumed.epochs
        if history.preparing:
            self._live.message = history.preparing
        elif history.started and not history.ended:
            self._live.message = ""
        if lines := list(self._lines.of(new, self._wrapped_notes)):
            self._live.print("\n".join(lines))

    def _wrapped_notes(self, started: events.RunStarted) -> Iterator[str]:
        for note in started.notes:
            yield from textwrap.wrap(f"note  {note}", self._out.width, subsequent_indent=" " * 6)

    def close(self) -> None:
        """Takes the progress bar away."""
        self._live.close()

    def _progress(self, width: int) -> RenderableType | None:
        from mnistop.tui.cli.progress import progress_line

        if not self._history.started:
            return None
        return progress_line(self._history, self._epochs, self._out, width)


class _Lines:
    """The lines of a run: its facts, the epoch table, and what happens to it.

    Args:
        epochs: how many the run is to have.
    """

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._skipped: events.EpochFinished | None = None

    def of(
        self,
        new: Sequence[events.Event],
        notes: Callable[[events.RunStarted], Iterable[str]] = lambda started: (),
    ) -> Iterator[str]:
        """The lines that come with some more events.

        Args:
            new: the events.
            notes: the lines on what is odd about the data.
        """
        for event in new:
            match event:
                case events.RunStarted():
                    yield from _facts(event)
                    yield from notes(event)
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


def _remark_notes(new: Sequence[events.Event]) -> None:
    for event in new:
        if isinstance(event, events.RunStarted):
            for note in event.notes:
                remark(f"note: {note}")


def view_for(out: Output, as_json: bool) -> View:
    """The view that fits where the output goes."""
    if as_json:
        return JsonView(out)
    return LiveView(out) if out.can_redraw else PlainView(out)
