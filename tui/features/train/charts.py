"""The curves of a run: loss and accuracy by epoch, and what a recorded run logs, in pages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from textual.message import Message

from mnistop.engine.events import EpochFinished
from mnistop.engine.runs.history import or_nan
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Strip, in_the_middle
from mnistop.tui.session.run_screen import EpochMoved
from mnistop.tui.session.state import State
from mnistop.tui.text.run_lines import UNTRAINED
from mnistop.tui.toolkit.bindings import bindings, epochs, hidden, key
from mnistop.tui.toolkit.plotted_pane import Kind, LossAndAccuracy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mnistop.tui.features.train.metrics import MetricCurve, MetricsPage, XAxis


NAMES = ("train_loss", "val_loss", "train_acc", "val_acc")


class EpochColumns:
    """The columns of a run's epochs; each epoch is read only once, however long the run."""

    def __init__(self) -> None:
        import numpy as np  # not before the first frame

        self._values = np.empty((len(NAMES), 256))
        self._count = 0
        self._last: EpochFinished | None = None

    def follow(self, epochs: Sequence[EpochFinished]) -> None:
        """Read a run's new epochs, or all of them if they do not continue those before."""
        known = self._count
        if known > len(epochs) or (known and epochs[known - 1] is not self._last):
            known = 0
        if len(epochs) > self._values.shape[1]:
            import numpy as np

            grown = np.empty((len(NAMES), 2 * len(epochs)))
            grown[:, :known] = self._values[:, :known]
            self._values = grown
        for index in range(known, len(epochs)):
            self._values[:, index] = [or_nan(getattr(epochs[index], name)) for name in NAMES]
        self._count = len(epochs)
        self._last = epochs[-1] if epochs else None

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """One number of each epoch, as `val_loss`; `(epochs,)`."""
        return self._values[NAMES.index(name), : self._count]


_SMOOTHINGS = (0.0, 0.3, 0.6, 0.8, 0.9, 0.95)
_TAIL = 50
_X_AXES: tuple[XAxis, ...] = ("step", "epoch", "time")


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
        key("group", "g", "metrics(1)", "Metrics", "The next metrics of a recorded run", "gG"),
        hidden("group_back", "G", "metrics(-1)", "Metrics before", "The metrics before"),
        hidden("x_axis", "x", "x_axis", "Axis", "Metrics by step, by epoch or by time"),
    )

    EXPLANATION = (
        "Training loss falls as the model learns. If validation loss rises at the same time, the "
        "model is memorising the training images: it overfits."
    )

    class PageWanted(Message):
        """A request for another page of metrics, or another x axis."""

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(terminal)
        self.state = State()
        self.metrics: MetricsPage | None = None
        """The page of metrics that was read last; None for a run that is not recorded."""
        self._page: int | None = None
        """The page: 0 for loss and accuracy, from 1 for metrics; None before one is chosen."""
        self._x_axis: XAxis = "step"
        self.smoothing = 0.0
        self.tail = False
        self._kept: Sequence[Strip] = ()
        """The chart of the loss that was drawn last."""
        self._kept_of: tuple[object, ...] = (None,)

    @cached_property
    def _columns(self) -> EpochColumns:
        return EpochColumns()

    def prepare(self, state: State) -> None:
        """Read a run, and draw the first chart early for the `redraw` that follows.

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

    # Metrics

    @property
    def wanted(self) -> tuple[int, XAxis]:
        """The page of metrics to read, from 0, and its x axis."""
        return max(0, (self._page or 1) - 1), self._x_axis

    @property
    def _shown_metrics(self) -> MetricsPage | None:
        """The visible page: a run without epochs has nothing but metrics to show."""
        page = self.metrics
        if page is None or not page.pages:
            return None
        if self._page is not None:
            return page if self._page else None
        history = self.state.history
        return page if history.started and not history.epochs else None

    def show_metrics(self, page: MetricsPage | None) -> None:
        """Show what a recorded run has logged by now.

        Args:
            page: the page that is wanted; None for a run that is not recorded.
        """
        before, self.metrics = self.metrics, page
        if page is None:
            self._page = None
        if page is None or before is None or page.is_news(before):
            self.redraw()
            self.screen.refresh_bindings()

    def action_metrics(self, by: int) -> None:
        """Go to the next page of metrics, or the one before; loss and accuracy are the first."""
        pages = self.metrics.pages if self.metrics else 0
        at = self._page if self._page is not None else int(self._shown_metrics is not None)
        self._page = (at + by) % (pages + 1)
        self.redraw()
        self.post_message(self.PageWanted())

    def action_x_axis(self) -> None:
        """Choose the next x axis for metrics."""
        self._x_axis = _X_AXES[(_X_AXES.index(self._x_axis) + 1) % len(_X_AXES)]
        self.post_message(self.PageWanted())

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Return the reason why a metrics key does nothing now."""
        if action in ("metrics", "x_axis") and not (self.metrics and self.metrics.pages):
            return "Only runs that a script has recorded have metrics of their own."
        if action == "x_axis" and not self._shown_metrics:
            return "Loss and accuracy are by epoch: g shows metrics, by step, epoch or time."
        if action == "tail" and self._shown_metrics:
            return "The last part is shown of loss and accuracy only."
        return super().why_not(action, parameters)

    def _metric_chart(self, curve: MetricCurve, width: int, height: int) -> Sequence[Strip]:
        from mnistop.tui.draw.chart import chart
        from mnistop.tui.draw.series import Series

        assert self.metrics
        cursor = self.state.cursor if self.metrics.x_label == "epoch" else None
        return chart(
            [Series(curve.label, curve.ys, "train", xs=curve.xs)],
            width,
            height,
            self.terminal,
            log=self.log_scale,
            smoothing=self.smoothing,
            cursor=cursor,
            x_label=self.metrics.x_label,
            empty=f"{curve.name}: no finite value yet",
        )

    # Drawing

    def title(self) -> str:
        """Names the pane and what is not as usual."""
        if page := self._shown_metrics:
            names = [f"Metrics {page.group}".rstrip(), f"page {page.number + 1} of {page.pages}"]
        else:
            names = ["Loss and accuracy"]
        modes = [
            "log scale" if self.log_scale else "",
            f"smoothed {self.smoothing:g}" if self.smoothing else "",
            f"last {_TAIL} epochs" if self.tail and not page else "",
        ]
        return ", ".join([*names, *filter(None, modes)])

    def lines(self, width: int, height: int) -> list[Strip]:
        """Two charts; one where a page has only one metric."""
        page = self._shown_metrics
        if page and len(page.curves) == 1:
            drawn = self._metric_chart(page.curves[0], width, height)
            self.placed((0, 0, drawn))
            return list(drawn)
        return super().lines(width, height)

    def chart(self, kind: Kind, width: int, height: int) -> Sequence[Strip]:
        """Draw one of the charts; that of the loss is kept while nothing that it shows changes."""
        if page := self._shown_metrics:
            return self._metric_chart(page.curves[kind == "acc"], width, height)
        if kind == "acc":
            return self._chart(kind, width, height)
        started = self.state.history.started
        classes = len(started.class_names) if started else 10
        of = (self.state, width, height, self.log_scale, self.smoothing, self.tail)
        if self._kept_of[0] is not self.state or self._kept_of != of:
            guessing = (f"ln {classes}", math.log(classes)) if classes else None
            self._kept = self._chart(kind, width, height, guessing)
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
        known = [one for one in (train, val) if any(map(math.isfinite, one.values))]
        return chart(
            known or [train, val],  # a recorded run may have but one of them
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
        page = self._shown_metrics
        if page and (page.x_label != "epoch" or not self.state.history.epochs):
            return
        x = math.floor(x) if page else x
        newest = len(self.state.history.epochs) - 1
        epoch = max(0, min(newest, round(x)))
        self.post_message(EpochMoved(epoch - self.state.shown_epoch))

    def action_smooth(self, by: int) -> None:
        """Choose the next degree of smoothing."""
        index = _SMOOTHINGS.index(self.smoothing) + by
        self.smoothing = _SMOOTHINGS[max(0, min(len(_SMOOTHINGS) - 1, index))]
        self.redraw()

    def action_tail(self) -> None:
        """Switch between the whole run and its last part."""
        self.tail = not self.tail
        self.redraw()
