"""The one line that shows how far a run is, while it goes on."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.text import Text

from mnistop.engine.runs.history import History
from mnistop.tui.cli.output import Output
from mnistop.tui.draw.bars import progress
from mnistop.tui.draw.cells import printable
from mnistop.tui.draw.strip import Strip
from mnistop.tui.text.runs import accuracy, duration

if TYPE_CHECKING:
    from rich.console import RenderableType

RECENT = 10
"""The time left is reckoned from so many epochs."""

_NARROWEST_BAR = 5
_MARGIN = 3
"""Room for the ^C that terminals print: it must not break the line."""


def progress_line(history: History, epochs: int, out: Output, width: int) -> RenderableType:
    """A bar between the epoch, and the time left with the newest validation accuracy.

    Args:
        history: of a run that has started.
        epochs: how many it is to have.
        out: where it is shown.
        width: cells that the line may take now.
    """
    done = len(history.epochs)
    part = history.progress
    fraction = (done + (part.step / part.steps if part and part.epoch == done else 0)) / epochs
    left = f"epoch {done}/{epochs} "
    right = f" {fraction:4.0%}  {_time_left(history, fraction * epochs, epochs)}"
    if history.epochs and history.started:
        newest = accuracy(history.epochs[-1].val_acc, history.started.validation_images)
        right += f"  val acc {newest}"
    if part and width >= 100:
        right += f"  {part.images_per_second:,.0f} images/s"
    return bar_line(left, fraction, right, out, width)


def bar_line(left: str, fraction: float, right: str, out: Output, width: int) -> RenderableType:
    """A bar between two texts; without room for it, the texts alone.

    Args:
        left: what stands before the bar.
        fraction: what is done, in [0, 1].
        right: what stands behind it.
        out: where it is shown.
        width: cells that the line may take now.
    """
    left, right = out.clean(left), out.clean(right)
    room = width - len(left) - len(right) - _MARGIN
    if room < _NARROWEST_BAR:
        return Text(left + right, no_wrap=True, overflow="crop")
    bar = progress(fraction, min(room, 60), out.terminal)
    return printable([Strip.join([_strip(left), *bar, _strip(right)])])


def _strip(text: str) -> Strip:
    return Strip([Segment(text)], len(text))


def _time_left(history: History, done: float, epochs: int) -> str:
    if history.paused:
        return "paused"
    if history.epochs:
        seconds = fmean(epoch.seconds for epoch in history.epochs[-RECENT:])
        return f"{duration((epochs - done) * seconds)} left"
    if history.progress and history.started and history.progress.images_per_second:
        images = history.started.training_images * (epochs - done)
        return f"{duration(images / history.progress.images_per_second)} left"
    return "first epoch"
