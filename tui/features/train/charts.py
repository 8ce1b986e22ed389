"""Loss and accuracy over the epochs, side by side, with a cursor along them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from mnistop.engine.events import EpochFinished
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import beside, in_the_middle
from mnistop.tui.draw.strip import Strip
from mnistop.tui.session.state import State
from mnistop.tui.session.view import EpochMoved
from mnistop.tui.text.runs import UNTRAINED
from mnistop.tui.toolkit.bindings import bindings, epochs, hidden, key
from mnistop.tui.toolkit.pane import PlottedPane

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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
