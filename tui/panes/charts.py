"""Loss and accuracy over the epochs, side by side, with a cursor along them."""

import math
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from tui.panes.lines import LinesPane
from tui.render.cells import beside
from tui.render.chart import chart
from tui.render.series import Series
from tui.state import State

_SMOOTHINGS = (0.0, 0.3, 0.6, 0.8, 0.9, 0.95)
_TAIL = 50


class Charts(LinesPane, can_focus=True):
    """The two charts."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "left,h",
            "move(-1)",
            "Epoch",
            id="charts.earlier",
            key_display="←→",
            tooltip="Move the epoch cursor: log, matrix and digit go with it",
        ),
        Binding(
            "right,l",
            "move(1)",
            "Later",
            show=False,
            id="charts.later",
            tooltip="Move the epoch cursor to a later epoch",
        ),
        Binding(
            "pageup",
            "move(-10)",
            "10 earlier",
            show=False,
            id="charts.earlier10",
            tooltip="Move the epoch cursor by ten",
        ),
        Binding(
            "pagedown",
            "move(10)",
            "10 later",
            show=False,
            id="charts.later10",
            tooltip="Move the epoch cursor by ten",
        ),
        Binding(
            "home",
            "move(-1000000)",
            "First",
            show=False,
            id="charts.first",
            tooltip="To the model before training",
        ),
        Binding(
            "end",
            "move(1000000)",
            "Last",
            show=False,
            id="charts.last",
            tooltip="To the last epoch",
        ),
        Binding("y", "log", "Log scale", id="charts.log", tooltip="Losses on a logarithmic scale"),
        Binding(
            "plus,equals_sign",
            "smooth(1)",
            "Smooth",
            key_display="+-0",
            id="charts.smoother",
            tooltip="Smooth the curves; the numbers stay those measured",
        ),
        Binding(
            "minus",
            "smooth(-1)",
            "Rougher",
            show=False,
            id="charts.rougher",
            tooltip="Smooth the curves less",
        ),
        Binding(
            "0",
            "smooth(-10)",
            "Unsmoothed",
            show=False,
            id="charts.unsmoothed",
            tooltip="Do not smooth",
        ),
        Binding(
            "t",
            "tail",
            "Last part",
            id="charts.tail",
            tooltip=f"Show the last {_TAIL} epochs or the whole run",
        ),
    ]

    EXPLANATION = (
        "Training loss falls when the model learns; when validation loss rises meanwhile, it "
        "grows sure of what it has merely learned by heart."
    )

    @dataclass
    class CursorMoved(Message):
        """The epoch cursor shall move."""

        by: int

    state = State()
    log_scale = False
    smoothing = 0.0
    tail = False

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
        if width < 70 and height >= 16:
            upper = height // 2
            return [*self._loss(width, upper), *self._accuracy(width, height - upper)]
        gap = 2
        left = (width - gap) // 2
        return beside(
            [self._loss(left, height), self._accuracy(width - gap - left, height)], gap=gap
        )

    def _loss(self, width: int, height: int) -> list[Strip]:
        started = self.state.history.started
        classes = len(started.class_names) if started else 10
        return self._chart("loss", width, height, reference=(f"ln {classes}", math.log(classes)))

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
        best = history.best.epoch if history.best else None
        loss = kind == "loss"
        train, val = (
            Series(role, [getattr(epoch, f"{role}_{kind}") for epoch in history.epochs], role)
            for role in ("train", "val")
        )
        return chart(
            [train, val],
            width,
            height,
            self.terminal,
            log=loss and self.log_scale,
            smoothing=self.smoothing,
            window=_TAIL if self.tail else None,
            cursor=cursor if cursor is not None and cursor >= 0 else None,
            best=best,
            reference=reference,
            percent=not loss,
            title="loss" if loss else "accuracy",
            empty=f"{'Loss' if loss else 'Accuracy'}: {self.state.hint}",
        )

    def action_move(self, by: int) -> None:
        """Asks for another epoch."""
        self.post_message(self.CursorMoved(by))

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
