"""The progress line: what the program is doing, in one line that is always there."""

from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from engine.evaluate import wilson_interval
from engine.events import EpochFinished, RunFailed, RunFinished
from tui.render import bars
from tui.render.cells import clean, line
from tui.render.palette import Palette
from tui.render.terminal import Terminal
from tui.state import State

_RECENT = 8
_SIGNS = {
    "starting": ("…", "..."),
    "running": ("▶", ">"),
    "paused": ("‖", "||"),
    "finished": ("✓", "done:"),
    "stopped": ("■", "stopped:"),
    "failed": ("✗", "FAILED:"),
    "interrupted": ("✗", "INTERRUPTED:"),
}


class Progress(Widget):
    """One line.

    Args:
        terminal: what the terminal can show.
        id: the widget's id.
    """

    def __init__(self, terminal: Terminal, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._terminal = terminal
        self._palette = Palette.of(terminal)
        self._state = State()
        self._notice = ""
        self._shown = ""

    def show(self, state: State, notice: str = "") -> None:
        """Draws how far a run is.

        Args:
            state: the run.
            notice: what to say while there is no run to speak of.
        """
        self._state, self._notice = state, notice
        strip = self.render_line(0)
        if strip.text != self._shown:
            self._shown = strip.text
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line for Textual's compositor."""
        width = self.size.width
        pieces = self._pieces(width) if y == 0 else []
        cleaned = [(clean(text, self._terminal), style) for text, style in pieces]
        return line(cleaned, width).apply_style(self.rich_style)

    def _pieces(self, width: int) -> list[tuple[str, Style | None]]:
        if self._notice or self._state.run is None:
            return [(self._notice, self._palette.strong)]
        phase = self._state.phase
        sign = _SIGNS[phase][0 if self._terminal.unicode else 1]
        text = "  ".join(filter(None, self._words(phase)))
        pieces: list[tuple[str, Style | None]] = [(f"{sign} ", self._palette.strong)]
        room = min(24, width - len(sign) - len(text) - 3)
        if self._state.history.started and phase in ("running", "paused") and room >= 6:
            [bar] = bars.progress(self._fraction(), room, self._terminal)
            pieces += [(segment.text, segment.style) for segment in bar]
            pieces.append((" ", None))
        return [*pieces, (text, None)]

    def _words(self, phase: str) -> list[str]:
        state = self._state
        history, run = state.history, state.run
        assert run
        name = run.name.split("-", 2)[-1]
        ended = history.ended
        match ended:
            case RunFailed():
                return [ended.message]
            case RunFinished():
                early = ", early stopping" if ended.reason == "early stopping" else ""
                seconds = sum(epoch.seconds for epoch in history.epochs)
                return [
                    f"{name}: {ended.epochs} epochs in {_duration(seconds)}{early}",
                    self._best(),
                ]
        if phase == "stopped":
            return [f"{name}: stopped and saved after {len(history.epochs)} epochs", self._best()]
        if phase == "interrupted":
            return [
                f"{name}: the training process died after epoch {len(history.epochs) - 1}; what "
                f"is shown is safe; mnistop resume {name} goes on"
            ]
        if history.started is None:
            return [f"{name}: {history.preparing or 'starting'}"]
        return self._going()

    def _going(self) -> list[str]:
        history = self._state.history
        started = history.started
        assert started
        epochs = self._state.epochs_planned
        recent = history.epochs[-_RECENT:]
        words = [f"epoch {len(history.epochs)} of {epochs}", f"{self._fraction():.0%}"]
        if history.paused:
            words.append("paused: Space goes on")
        elif recent:
            seconds = sum(epoch.seconds for epoch in recent) / len(recent)
            left = seconds * (epochs - len(history.epochs))
            words += [
                f"{_si(started.training_images / seconds)} images/s",
                f"{_duration(left)} left",
            ]
        elif history.progress:
            words.append(f"{_si(history.progress.images_per_second)} images/s")
        if history.epochs:
            words.append(f"val {accuracy(history.epochs[-1], started.validation_images)}")
        return words

    def _best(self) -> str:
        history = self._state.history
        if not (history.best and history.started):
            return ""
        best = accuracy(history.best, history.started.validation_images)
        return f"best val {best} at epoch {history.best.epoch}"

    def _fraction(self) -> float:
        history = self._state.history
        done = float(len(history.epochs))
        if history.progress and history.progress.epoch == len(history.epochs):
            done += history.progress.step / history.progress.steps
        return done / max(1, self._state.epochs_planned)


def accuracy(epoch: EpochFinished, images: int) -> str:
    """Validation accuracy with its 95% Wilson interval, as in `89.5% (84.5–93.0)`."""
    low, high = wilson_interval(epoch.val_acc, images)
    return f"{epoch.val_acc:.1%} ({100 * low:.1f}–{100 * high:.1f})"


def _duration(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"


def _si(rate: float) -> str:
    return f"{rate / 1000:.0f}k" if rate >= 10_000 else f"{rate:.0f}"
