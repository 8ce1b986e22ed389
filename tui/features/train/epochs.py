"""A run's epochs: as curves of loss and accuracy, and as a log with a row an epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from rich.style import Style

from mnistop.engine.events import EpochFinished
from mnistop.engine.formatting import percent
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Strip, in_the_middle
from mnistop.tui.session.state import State
from mnistop.tui.session.view import EpochMoved
from mnistop.tui.text.run_lines import UNTRAINED, epoch_name
from mnistop.tui.toolkit.bindings import bindings, epochs, hidden, key
from mnistop.tui.toolkit.list_pane import Column, Table
from mnistop.tui.toolkit.plotted_pane import Kind, LossAndAccuracy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


NAMES = ("train_loss", "val_loss", "train_acc", "val_acc")


class EpochColumns:
    """Take up an epoch once, so that following a run costs the same however long it is."""

    def __init__(self) -> None:
        import numpy as np  # not before the first frame

        self._values = np.empty((len(NAMES), 256))
        self._count = 0
        self._last: EpochFinished | None = None

    def follow(self, epochs: Sequence[EpochFinished]) -> None:
        """Take up a run's epochs, all of them again if they do not go on from those before."""
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


class Charts(LossAndAccuracy, can_focus=True):
    """The two charts."""

    BINDINGS = bindings(
        "charts",
        *epochs("left,h", "right,l", "←→", "Move the epoch cursor; log, matrix and digit follow"),
        key("log", "y", "log", "Log scale", "Losses on a logarithmic scale"),
        key("smoother", "+,=", "smooth(1)", "Smooth", "Smooth the curves, not the numbers", "+-0"),
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
        self.smoothing = 0.0
        self.tail = False
        self._kept: Sequence[Strip] = ()
        """The chart of the loss that was drawn last."""
        self._kept_of: tuple[object, ...] = (None,)

    @cached_property
    def _columns(self) -> EpochColumns:
        return EpochColumns()

    def prepare(self, state: State) -> None:
        """Take up a run, and draw the first chart already for the `redraw` that follows.

        So neither of the two takes long, and a key comes between them.
        """
        self.state = state
        if self.size.area and self.display:
            width, height = self.size
            self.chart("loss", *self.sizes(width, height - 1)[0])

    def show(self, state: State) -> None:
        """Draw the curves of a run."""
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

    def chart(self, kind: Kind, width: int, height: int) -> Sequence[Strip]:
        """Draw one of the charts; that of the loss is kept while nothing that it shows changes."""
        if kind == "acc":
            return self._chart(kind, width, height)
        started = self.state.history.started
        classes = len(started.class_names) if started else 10
        of = (self.state, width, height, self.log_scale, self.smoothing, self.tail)
        if self._kept_of[0] is not self.state or self._kept_of != of:
            self._kept = self._chart(kind, width, height, (f"ln {classes}", math.log(classes)))
            self._kept_of = of
        return self._kept

    def _chart(
        self, kind: Kind, width: int, height: int, reference: tuple[str, float] | None = None
    ) -> Sequence[Strip]:
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
        """Ask for another epoch."""
        if self.state.history.epochs:
            self.post_message(EpochMoved(by))
        else:
            self.notify(f"There is no epoch to go to: {self.state.hint}.", markup=False)

    def choose(self, x: float) -> None:
        """Ask for the epoch at an x."""
        newest = len(self.state.history.epochs) - 1
        epoch = max(0, min(newest, round(x)))
        self.post_message(EpochMoved(epoch - self.state.shown_epoch))

    def action_smooth(self, by: int) -> None:
        """Take the next degree of smoothing."""
        index = _SMOOTHINGS.index(self.smoothing) + by
        self.smoothing = _SMOOTHINGS[max(0, min(len(_SMOOTHINGS) - 1, index))]
        self.redraw()

    def action_tail(self) -> None:
        """Switch between the whole run and its last part."""
        self.tail = not self.tail
        self.redraw()


_FIELDS: tuple[tuple[str, Callable[[Any], str], tuple[str, int], tuple[str, int]], ...] = (
    ("epoch", str, ("epoch", 5), ("epoch", 5)),
    ("train_loss", "{:.3f}".format, ("train loss", 12), ("tr.loss", 8)),
    ("val_loss", "{:.3f}".format, ("val loss", 10), ("va.loss", 8)),
    ("train_acc", percent, ("train acc", 11), ("tr.acc", 7)),
    ("val_acc", percent, ("val acc", 9), ("va.acc", 7)),
    ("lr", "{:.3g}".format, ("lr", 10), ("", 0)),
    ("seconds", lambda seconds: f"{1000 * seconds:.0f} ms", ("time", 9), ("", 0)),
)
"""Name in the event, format, and head and cells of the column in a wide and a narrow pane."""
_WIDE_WIDTH = sum(cells for *_, (_, cells), _ in _FIELDS) + 2


class EpochLog(Table[int], can_focus=True, inherit_bindings=False):
    """The log of the notebook, with every epoch kept, below the untrained model (-1)."""

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

    def show(self, state: State) -> None:
        """Draw the epochs of a run."""
        self.state, self.position = state, state.shown_epoch + 1
        self.redraw()

    @property
    def items(self) -> range:
        """The epochs."""
        history = self.state.history
        return range(-1, len(history.epochs)) if history.started else range(0)

    @property
    def marks(self) -> bool:
        """True while an epoch is chosen; the newest is not marked as it comes."""
        return self.state.cursor is not None

    def title(self) -> str:
        """The name of the pane, and the epoch if it is not the newest."""
        if self.state.cursor is None:
            return "Epoch log"
        return f"Log, {epoch_name(self.state.shown_epoch)} (Esc: newest)"

    def empty(self) -> str:
        """Return the reason why there are no rows."""
        return f"A row per epoch: {self.state.hint}"

    def columns(self, width: int) -> list[Column[int]]:
        """Return the columns of numbers that have room, and one for the star at the best."""
        history = self.state.history
        best = history.best.epoch if history.best else None
        star = "★" if self.terminal.unicode else "*"

        def style(epoch: int) -> Style | None:
            return self.palette.best if epoch == best else None

        def text(name: str, form: Callable[[Any], str], untrained: str, epoch: int) -> str:
            event = history.epochs[epoch] if epoch >= 0 else history.started
            value = getattr(event, name, None)
            return untrained if value is None else form(value)

        columns: list[Column[int]] = []
        start = 0
        for name, form, wide, narrow in _FIELDS:
            head, cells = wide if width >= _WIDE_WIDTH else narrow
            untrained = UNTRAINED.ljust(_WIDE_WIDTH)[start : start + cells]
            if cells:
                columns.append(Column(head, cells, partial(text, name, form, untrained), style))
            start += cells
        return [*columns, Column("", 1, lambda epoch: star if epoch == best else "", style)]

    def _go(self, position: int) -> None:
        """Ask for the epoch of a row."""
        if self.state.history.epochs:
            self.post_message(EpochMoved(position - self.position))
        else:
            self.notify(f"There is no epoch to go to: {self.state.hint}.", markup=False)

    def action_best(self) -> None:
        """Ask for the best epoch."""
        best = self.state.history.best
        if best and self.state.cursor == best.epoch:
            self.notify(f"This is the best epoch already: {best.epoch}.")
        elif best:
            self._go(best.epoch + 1)
        else:
            self.notify(f"There is no best epoch yet: {self.state.hint}.", markup=False)
