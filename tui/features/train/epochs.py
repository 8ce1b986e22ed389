"""A run's epochs: as curves of loss and accuracy, and as a log with a row an epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from mnistop.engine.events import EpochFinished
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Strip, beside, in_the_middle
from mnistop.tui.session.state import State
from mnistop.tui.session.view import EpochMoved
from mnistop.tui.text.runs import UNTRAINED
from mnistop.tui.toolkit.bindings import bindings, epochs, hidden, key
from mnistop.tui.toolkit.pane import PlottedPane

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
from rich.style import Style
from textual import events as textual_events

from mnistop.engine.formatting import percent
from mnistop.tui.draw.cells import line
from mnistop.tui.text.runs import epoch_name
from mnistop.tui.toolkit.pane import LinesPane

NAMES = ("train_loss", "val_loss", "train_acc", "val_acc")


class EpochColumns:
    """Takes up an epoch once, so that following a run costs the same however long it is."""

    def __init__(self) -> None:
        import numpy as np  # not before the first frame

        self._values = np.empty((len(NAMES), 256))
        self._count = 0
        self._last: EpochFinished | None = None

    def follow(self, epochs: Sequence[EpochFinished]) -> None:
        """Takes up a run's epochs, all of them again if they do not go on from those before."""
        known = self._count
        if known > len(epochs) or (known and epochs[known - 1] is not self._last):
            known = 0
        if len(epochs) > self._values.shape[1]:
            import numpy as np

            grown = np.empty((len(NAMES), 2 * len(epochs)))
            grown[:, :known] = self._values[:, :known]
            self._values = grown
        for index in range(known, len(epochs)):
            self._values[:, index] = [getattr(epochs[index], name) for name in NAMES]
        self._count = len(epochs)
        self._last = epochs[-1] if epochs else None

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """One number of each epoch, as `val_loss`; `(epochs,)`."""
        return self._values[NAMES.index(name), : self._count]


_SMOOTHINGS = (0.0, 0.3, 0.6, 0.8, 0.9, 0.95)
_TAIL = 50
_GAP = 2


class Charts(PlottedPane, can_focus=True):
    """The two charts."""

    BINDINGS = bindings(
        "charts",
        *epochs("left,h", "right,l", "←→", "Move the epoch cursor; log, matrix and digit follow"),
        key("log", "y", "log", "Log scale", "Losses on a logarithmic scale"),
        key(
            "smoother",
            "+,=",
            "smooth(1)",
            "Smooth",
            "Smooth the curves; the numbers shown stay the measured ones",
            "+-0",
        ),
        hidden("rougher", "-", "smooth(-1)", "Rougher", "Smooth the curves less"),
        hidden("unsmoothed", "0", "smooth(-10)", "Unsmoothed", "Do not smooth"),
        key("tail", "t", "tail", "Last part", f"Show the last {_TAIL} epochs or the whole run"),
    )

    EXPLANATION = (
        "Training loss falls as the model learns. If validation loss rises at the same time, the "
        "model is memorising the training images: it overfits."
    )

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(terminal)
        self.state = State()
        self.log_scale = False
        self.smoothing = 0.0
        self.tail = False
        self._kept: tuple[State | None, tuple[object, ...], list[Strip]] = (None, (), [])

    @cached_property
    def _columns(self) -> EpochColumns:
        return EpochColumns()

    def prepare(self, state: State) -> None:
        """Takes up a run, and draws the first chart already for the `redraw` that follows.

        So neither of the two takes long, and a key comes between them.
        """
        self.state = state
        if self.size.area and self.display:
            width, height = self.size
            self._loss(*self._sizes(width, height - 1)[0])

    def show(self, state: State) -> None:
        """Draws the curves of a run."""
        self.state = state
        self.redraw()

    def title(self) -> str:
        """Names the pane and what is not as usual."""
        modes = [
            "log scale" if self.log_scale else "",
            f"smoothed {self.smoothing:g}" if self.smoothing else "",
            f"last {_TAIL} epochs" if self.tail else "",
        ]
        return ", ".join(["Loss and accuracy", *filter(None, modes)])

    def lines(self, width: int, height: int) -> list[Strip]:
        """Both charts, side by side, or one over the other where it is narrow and high."""
        first, second = self._sizes(width, height)
        drawn = [self._loss(*first), self._accuracy(*second)]
        below = first[0] == width
        second_at = (0, first[1]) if below else (first[0] + _GAP, 0)
        self.placed((0, 0, drawn[0]), (*second_at, drawn[1]))
        return drawn[0] + drawn[1] if below else beside(drawn, gap=_GAP)

    def _sizes(self, width: int, height: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """Width and height of both charts."""
        if width < 70 and height >= 16:
            upper = height // 2
            return (width, upper), (width, height - upper)
        left = (width - _GAP) // 2
        return (left, height), (width - _GAP - left, height)

    def _loss(self, width: int, height: int) -> list[Strip]:
        """The first chart; what was drawn is kept while nothing that it shows changes."""
        started = self.state.history.started
        classes = len(started.class_names) if started else 10
        looks = (width, height, self.log_scale, self.smoothing, self.tail)
        before, looked, drawn = self._kept
        if before is not self.state or looked != looks:
            reference = (f"ln {classes}", math.log(classes))
            drawn = self._chart("loss", width, height, reference)
            self._kept = (self.state, looks, drawn)
        return drawn

    def _accuracy(self, width: int, height: int) -> list[Strip]:
        return self._chart("acc", width, height)

    def _chart(
        self,
        kind: str,
        width: int,
        height: int,
        reference: tuple[str, float] | None = None,
    ) -> list[Strip]:
        history, cursor = self.state.history, self.state.cursor
        loss = kind == "loss"
        empty = f"{'Loss' if loss else 'Accuracy'}: {self.state.hint}"
        if not history.epochs:
            return in_the_middle(empty, width, height, self.palette.muted, self.terminal)
        from mnistop.tui.draw.chart import chart
        from mnistop.tui.draw.series import Series

        best = history.best.epoch if history.best else None
        self._columns.follow(history.epochs)
        started = self.state.history.started
        untrained = getattr(started, f"val_{kind}", None)
        train = Series("train", self._columns[f"train_{kind}"], "train")
        val = Series("val", self._columns[f"val_{kind}"], "val", before=untrained)
        return chart(
            [train, val],
            width,
            height,
            self.terminal,
            log=loss and self.log_scale,
            smoothing=self.smoothing,
            window=_TAIL if self.tail else None,
            cursor=cursor if cursor is None else self.state.shown_epoch,
            before=UNTRAINED,
            best=best,
            reference=reference,
            percent=not loss,
            title="loss" if loss else "accuracy",
            empty=empty,
        )

    def action_move(self, by: int) -> None:
        """Asks for another epoch."""
        if self.state.history.epochs:
            self.post_message(EpochMoved(by))
        else:
            self.notify(f"There is no epoch to go to: {self.state.hint}.", markup=False)

    def choose(self, x: float) -> None:
        """Asks for the epoch at an x."""
        newest = len(self.state.history.epochs) - 1
        epoch = max(0, min(newest, round(x)))
        self.post_message(EpochMoved(epoch - self.state.shown_epoch))

    def action_log(self) -> None:
        """Switches the logarithmic scale."""
        self.log_scale = not self.log_scale
        self.redraw()

    def action_smooth(self, by: int) -> None:
        """Takes the next degree of smoothing."""
        index = _SMOOTHINGS.index(self.smoothing) + by
        self.smoothing = _SMOOTHINGS[max(0, min(len(_SMOOTHINGS) - 1, index))]
        self.redraw()

    def action_tail(self) -> None:
        """Switches between the whole run and its last part."""
        self.tail = not self.tail
        self.redraw()


_NARROW = "epoch tr.loss va.loss tr.acc va.acc"
_WIDE = "epoch  train loss  val loss  train acc  val acc        lr     time"
_WIDE_WIDTH = len(_WIDE) + 2


class EpochLog(LinesPane, can_focus=True):
    """The log of the notebook, with every epoch kept."""

    BINDINGS = bindings(
        "log",
        *epochs("up,k", "down,j", "↑↓", "An earlier epoch; charts, matrix and digit follow"),
        key("best", "b", "best", "Best", "To the epoch of the best accuracy"),
    )

    EXPLANATION = (
        "tr. is training, va. validation. An epoch is one pass through all training images; the "
        "best is the one with the highest validation accuracy."
    )

    state = State()
    _first = 0
    """The row in the first line, 0 for the model before training."""

    def show(self, state: State) -> None:
        """Draws the epochs of a run."""
        self.state = state
        self.redraw()

    def title(self) -> str:
        """Names the pane, and whether it follows."""
        if self.state.cursor is None:
            return "Epoch log"
        return f"Log, {epoch_name(self.state.shown_epoch)} (Esc: newest)"

    def lines(self, width: int, height: int) -> list[Strip]:
        """The header and the epochs around the shown one, or the newest."""
        history = self.state.history
        header = _WIDE if width >= _WIDE_WIDTH else _NARROW
        drawn = [line([(header, self.palette.muted)], width)]
        if history.started is None:
            return [*drawn, *self.say(f"A row per epoch: {self.state.hint}", width)]
        room = max(1, height - 1)
        count = len(history.epochs) + 1
        shown = self.state.shown_epoch + 1
        wanted = shown - room // 2 if self.state.cursor is not None else count
        first = self._first = max(0, min(count - room, wanted))
        return drawn + [self._row(row - 1, width) for row in range(first, min(count, first + room))]

    def _row(self, epoch: int, width: int) -> Strip:
        history = self.state.history
        if epoch < 0:
            start = history.started
            assert start
            text = (
                f"{UNTRAINED:21}{start.val_loss:9.3f}             {percent(start.val_acc):>8}"
                if width >= _WIDE_WIDTH
                else f"{UNTRAINED:14}{start.val_loss:7.3f}        {percent(start.val_acc):>6}"
            )
            style = self._style(epoch, best=False)
        else:
            row = history.epochs[epoch]
            best = history.best is row
            text = _wide(row) if width >= _WIDE_WIDTH else _narrow(row)
            text += ("★" if self.terminal.unicode else "*") if best else " "
            style = self._style(epoch, best)
        return line([(text.ljust(width), style)], width)

    def _style(self, epoch: int, best: bool) -> Style | None:
        if self.state.cursor is not None and epoch == self.state.shown_epoch:
            return self.palette.cursor
        return self.palette.best if best else None

    def action_move(self, by: int) -> None:
        """Asks for another epoch."""
        if self.state.history.epochs:
            self.post_message(EpochMoved(by))
        else:
            self.notify(f"There is no epoch to go to: {self.state.hint}.", markup=False)

    def action_best(self) -> None:
        """Asks for the best epoch."""
        best = self.state.history.best
        if best and self.state.cursor == best.epoch:
            self.notify(f"This is the best epoch already: {best.epoch}.")
        elif best:
            self.post_message(EpochMoved(best.epoch - self.state.shown_epoch))
        else:
            self.notify(f"There is no best epoch yet: {self.state.hint}.", markup=False)

    def on_click(self, event: textual_events.Click) -> None:
        """Asks for the epoch of the clicked row."""
        epoch = self._first + event.y - 3
        if event.y >= 2 and epoch < len(self.state.history.epochs):
            self.post_message(EpochMoved(epoch - self.state.shown_epoch))

    def on_mouse_scroll_up(self, event: textual_events.MouseScrollUp) -> None:
        """The wheel moves by three epochs."""
        event.stop()
        self.action_move(-3)

    def on_mouse_scroll_down(self, event: textual_events.MouseScrollDown) -> None:
        """The wheel moves by three epochs."""
        event.stop()
        self.action_move(3)


def _narrow(row: EpochFinished) -> str:
    return (
        f"{row.epoch:5d} {row.train_loss:7.3f} {row.val_loss:7.3f} "
        f"{percent(row.train_acc):>6} {percent(row.val_acc):>6}"
    )


def _wide(row: EpochFinished) -> str:
    return (
        f"{row.epoch:5d}  {row.train_loss:10.3f}  {row.val_loss:8.3f}  "
        f"{percent(row.train_acc):>9}  {percent(row.val_acc):>7}  "
        f"{row.lr:8.3g}  {1000 * row.seconds:4.0f} ms"
    )
