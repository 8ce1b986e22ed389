"""The epoch log: a row an epoch, the newest in sight unless another is looked at."""

from rich.style import Style
from textual import events as textual_events

from mnistop.engine.events import EpochFinished
from mnistop.engine.formatting import percent
from mnistop.tui.draw.cells import line
from mnistop.tui.draw.strip import Strip
from mnistop.tui.session.state import State
from mnistop.tui.session.view import EpochMoved
from mnistop.tui.text.runs import UNTRAINED, epoch_name
from mnistop.tui.toolkit.bindings import bindings, epochs, key
from mnistop.tui.toolkit.pane import LinesPane

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
