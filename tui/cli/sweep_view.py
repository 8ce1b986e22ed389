"""The ways in which `mnistop sweep` shows a sweep while it goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from mnistop.engine.evaluate import wilson_interval
from mnistop.engine.sweep.effort import effort
from mnistop.engine.sweep.outcomes import (
    Group,
    Outcome,
    best_acc,
    best_of,
    comparable,
    grouped,
    unseen_acc,
)
from mnistop.engine.sweep.reader import SweepReader
from mnistop.tui.cli.output import Output, remark
from mnistop.tui.cli.printer import LiveLine
from mnistop.tui.text.runs import STOPPING, count, duration, percent
from mnistop.tui.text.sweep_table import accuracy_of, in_words, settings_of

if TYPE_CHECKING:
    from rich.console import RenderableType


class SweepView(Protocol):
    """Shows one sweep; called in the order of its methods."""

    def wait(self, message: str) -> None:
        """Something takes its time."""

    def stopping(self) -> None:
        """It has been asked to stop and save."""

    def begin(self, reader: SweepReader) -> None:
        """The sweep is there."""

    def update(self, reader: SweepReader) -> None:
        """Something has changed."""

    def close(self) -> None:
        """Leaves the terminal as it was; nothing more comes."""


class JsonSweepView:
    """A JSON line for each run that has come to its end.

    Args:
        out: where to print.
    """

    def __init__(self, out: Output) -> None:
        self._out = out
        self._ended = _Ended()

    def wait(self, message: str) -> None:
        """Says nothing: it is no result."""

    def stopping(self) -> None:
        """Says nothing: the runs tell how they ended."""

    def begin(self, reader: SweepReader) -> None:
        """Says nothing: each line names its run."""

    def update(self, reader: SweepReader) -> None:
        """Prints the runs that have ended since."""
        for _, one in self._ended.of(reader):
            self._out.say(json.dumps(outcome_as_json(one)))

    def close(self) -> None:
        """Nothing to do."""


class PlainSweepView:
    """A line for each run that has come to its end, for pipes and files.

    Args:
        out: where to print.
    """

    def __init__(self, out: Output) -> None:
        self._out = out
        self._ended = _Ended()

    def wait(self, message: str) -> None:
        """Says so on stderr."""
        remark(f"{message} ...")

    def stopping(self) -> None:
        """Says so on stderr."""
        remark(f"{STOPPING} ...")

    def begin(self, reader: SweepReader) -> None:
        """Prints the sweep's name, and how many runs it has."""
        self._out.say(heading(reader))

    def update(self, reader: SweepReader) -> None:
        """Prints the runs that have ended since."""
        for line in self._ended.lines(reader):
            self._out.say(line)

    def close(self) -> None:
        """Nothing to do."""


class LiveSweepView:
    """The same lines, and below them one that shows how far the sweep is.

    Args:
        out: a terminal.
    """

    def __init__(self, out: Output) -> None:
        self._out = out
        self._ended = _Ended()
        self._reader: SweepReader | None = None
        self._since = time.monotonic()
        self._share = 0.0
        """What was done when this began."""
        self._live = LiveLine(out, self._progress)

    def wait(self, message: str) -> None:
        """Shows it with a sign that turns."""
        self._live.wait(message)

    def stopping(self) -> None:
        """Shows it until the end."""
        self._live.stopping()

    def begin(self, reader: SweepReader) -> None:
        """Prints the sweep's name and starts the progress bar."""
        self._reader, self._since = reader, time.monotonic()
        self._share = share_done(reader)
        self._live.message = ""
        self._live.start()
        self._live.print(heading(reader))

    def update(self, reader: SweepReader) -> None:
        """Prints the runs that have ended since."""
        for line in self._ended.lines(reader):
            self._live.print(line, crop=True)

    def close(self) -> None:
        """Takes the progress bar away."""
        self._live.close()

    def _progress(self, width: int) -> RenderableType | None:
        from mnistop.tui.cli.progress import bar_line

        reader, seconds = self._reader, time.monotonic() - self._since
        if reader is None:
            return None
        share = share_done(reader)
        pace = (share - self._share) / seconds if seconds else 0.0
        left = f"{reader.done:,} of {count(len(reader.outcomes), 'run')} "
        right = f" {share:4.0%}  {progress_words(reader, share, pace)}"
        return bar_line(left, share, right, self._out, width)


def view_for(out: Output, as_json: bool) -> SweepView:
    """The view that fits where the output goes."""
    if as_json:
        return JsonSweepView(out)
    return LiveSweepView(out) if out.can_redraw else PlainSweepView(out)


class _Ended:
    """Which runs have come to their end and been told."""

    def __init__(self) -> None:
        self._told: set[int] = set()

    def of(self, reader: SweepReader) -> Iterator[tuple[int, Outcome]]:
        """Those that have ended since, by their place in the plan."""
        for place, one in enumerate(reader.outcomes):
            if one.is_done and place not in self._told:
                self._told.add(place)
                yield place, one

    def lines(self, reader: SweepReader) -> Iterator[str]:
        """A line for each."""
        groups = [Group((one,)) for one in reader.outcomes]
        settings = settings_of(groups)
        if len({one.config.seed for one in reader.outcomes}) > 1:
            settings["seed"] = [str(one.config.seed) for one in reader.outcomes]
        width = max(len(in_words(settings, place)) for place in range(len(groups)))
        digits = len(str(len(groups)))
        for place, one in self.of(reader):
            words = in_words(settings, place)
            tested = one.test_acc is not None
            test = f"test {accuracy_of(groups[place], unseen_acc)}  " if tested else ""
            best = f"  at epoch {one.best_epoch}" if one.best_epoch is not None else ""
            yield (
                f"{place + 1:>{digits}}/{len(groups)}  {words:<{width}}  {test}"
                f"val {accuracy_of(groups[place], best_acc)}{best}  {one.verdict}"
            ).rstrip()


def heading(reader: SweepReader) -> str:
    """The sweep's name and size, as in `sweep 20261124-142501-quiet-otter: 12 runs`."""
    return f"sweep {reader.sweep.name}: {count(len(reader.outcomes), 'run')}"


def share_done(reader: SweepReader) -> float:
    """The share of the work that is done, by what each run takes."""
    done = whole = 0.0
    for one in reader.outcomes:
        cost = effort(one.config)
        done += cost * (1.0 if one.is_done else one.epochs / one.config.epochs)
        whole += cost
    return done / whole


def progress_words(reader: SweepReader, share: float, pace: float) -> str:
    """The time left, and the best run so far.

    Args:
        reader: the sweep.
        share: what is done of it.
        pace: the share that is done in a second.
    """
    left = f"{duration((1 - share) / pace)} left" if pace > 0 else "starting"
    groups = grouped(reader.outcomes)
    found = best_of(groups)
    if not found:
        return left
    best = found[0]
    words = in_words(settings_of(groups), groups.index(best))
    measured = best.measured(comparable(groups))
    return f"{left}  best {percent(measured.mean)} {words}".rstrip() if measured else left


def outcome_as_json(one: Outcome) -> dict[str, Any]:
    """One run of a sweep; None for what is not known."""
    interval = None if one.best_val_acc is None else wilson_interval(one.best_val_acc, one.images)
    tested = None if one.test_acc is None else wilson_interval(one.test_acc, one.test_images)
    return {
        "run": one.name or None,
        "state": one.state,
        "config": dict(one.config),
        "epochs": one.epochs,
        "test_images": one.test_images or None,
        "test_acc": one.test_acc,
        "test_interval": tested,
        "best_epoch": one.best_epoch,
        "best_val_acc": one.best_val_acc,
        "interval": interval,
        "val_acc": one.val_acc,
        "val_loss": one.val_loss,
        "learning_rate": one.verdict or None,
        "attacked_acc": one.attacked,
    }
