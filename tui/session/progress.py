"""The lines that say what is being trained: the shown run's progress, and runs that nobody
watches."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from rich.style import Style
from textual.strip import Strip as TextualStrip
from textual.widgets import Static
from textual.worker import Worker

from mnistop.engine.errors import RunError
from mnistop.engine.events import RunFailed, RunFinished, RunStopped
from mnistop.engine.formatting import accuracy, count, duration, percent
from mnistop.engine.runs.event_log import epochs_trained
from mnistop.engine.runs.history import as_good, unseen_accuracy
from mnistop.engine.runs.recorded import planned_epochs
from mnistop.engine.runs.run_folder import Run, runs_in_training
from mnistop.tui.draw import bars
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import PLAIN, Strip, clean, line
from mnistop.tui.draw.palette import Palette
from mnistop.tui.draw.wrapping import wrap
from mnistop.tui.session.state import State
from mnistop.tui.terminal.faults import FaultTolerant, FaultTolerantWidget
from mnistop.tui.text.run_lines import UNTRAINED, progress_numbers, share_done
from mnistop.tui.toolkit.pane import textual_strip

_MOST_LINES = 4
_BAR = range(6, 25)
"""Widths that the bar may have."""
_SIGNS = {
    "idle": ("", ""),
    "starting": ("… ", "... "),
    "running": ("▶ ", "> "),
    "paused": ("‖ ", "|| "),
    "finished": ("✓ ", "done: "),
    "stopped": ("■ ", "stopped: "),
    "failed": ("✗ ", "FAILED: "),
    "interrupted": ("✗ ", "INTERRUPTED: "),
}


_FORMS = range(5)
"""Ever shorter forms of a sentence."""


class Progress(FaultTolerantWidget):
    """One line while all goes well; as many as a longer message takes.

    Args:
        terminal: what the terminal can show.
        id: the widget's id.
    """

    def __init__(self, terminal: Terminal, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._terminal = terminal
        self._palette = Palette.of(terminal)
        self._state = State()
        self._status = ""
        self._lines: list[Strip] = []

    def show(self, state: State, status: str = "") -> None:
        """Draw how far a run is.

        Args:
            state: the run.
            status: what to say instead, if anything.
        """
        self._state, self._status = state, status
        self._redraw()

    def on_resize(self) -> None:
        """Draw for the new width."""
        self._redraw()

    def render_line(self, y: int) -> TextualStrip:
        """The line for Textual's compositor."""
        drawn = self._lines[y] if y < len(self._lines) else Strip.blank(0)
        return textual_strip(drawn.adjust_cell_length(self.size.width, PLAIN), self.rich_style)

    def _redraw(self) -> None:
        width = self.size.width
        lines = self._draw(width) if width else []
        if lines and lines != self._lines:
            self._lines = lines
            self.styles.height = len(lines)
            self.refresh()

    def _draw(self, width: int) -> list[Strip]:
        phase = self._state.phase
        if self._status or phase == "idle":
            return self._wrapped(self._status, width)
        if self._state.replay and self._state.history.epochs:
            return [self._replay(width)]
        sign = _SIGNS[phase][0 if self._terminal.unicode else 1]
        history = self._state.history
        if history.started and phase in ("running", "paused") and not history.preparing:
            return [line([(sign, self._palette.strong), *self._going(width - len(sign))], width)]
        forms = [f"{sign}{self._sentence(phase, form)}" for form in _FORMS]
        fitting = (form for form in forms if len(form) <= width)
        return self._wrapped(next(fitting, forms[-1]), width)

    def _replay(self, width: int) -> Strip:
        """Return the epoch of a replay, the keys, and a bar where there is room."""
        is_paused, epochs = self._state.replay == "paused", len(self._state.history.epochs)
        sign = _SIGNS["paused" if is_paused else "running"][0 if self._terminal.unicode else 1]
        epoch = self._state.shown_epoch
        place = (
            f"epoch {epoch:,} of {epochs:,}"
            if epoch >= 0
            else f"{UNTRAINED}, {count(epochs, 'epoch')} to come"
        )
        text, keys = (
            (f"replay paused, {place}", "P continues, Esc ends")
            if is_paused
            else (f"replay, {place}", "P pauses, Esc ends")
        )
        room = width - len(sign)
        text = f"{text}  {keys}" if len(text) + len(keys) + 2 <= room else text
        return line(
            [(sign, self._palette.strong), *self._bar((epoch + 1) / epochs, text, room)], width
        )

    def _wrapped(self, text: str, width: int) -> list[Strip]:
        text = clean(text, self._terminal)
        end = " …" if self._terminal.unicode else " ~"
        lines = wrap(text, width, max_lines=_MOST_LINES, placeholder=end)
        return [line([(part, self._palette.strong)], width) for part in lines or [""]]

    def _sentence(self, phase: str, form: int) -> str:
        """Return a run's state in a longer or a shorter sentence."""
        state = self._state
        history, run = state.history, state.run
        assert run
        name = run.words
        trained = count(len(history.epochs), "epoch")
        if phase in ("running", "paused"):
            return f"{name}: {history.preparing}"
        match history.ended:
            case RunFailed(message=message):
                return message
            case RunStopped(message=message) | RunFinished(message=message) if message:
                return message
            case RunFinished():
                early = ", early stopping" if form < 3 else ", early stop"
                early = early if history.ended.reason == "early stopping" else ""
                if not history.epochs:
                    return f"{name}: metrics only, {duration(history.seconds)}"
                took = duration(sum(epoch.seconds for epoch in history.epochs))
                return f"{name}: {trained} in {took}{early}{self._best(form)}"
        if phase == "stopped":
            return f"{name}: stopped and saved after {trained}{self._best(form)}"
        if history.vanished:
            return (
                f"{name}: its folder is gone after {trained}; somebody deleted or moved "
                f"{run.path}, and training has ended"
            )
        if phase == "interrupted":
            if run.is_recorded():
                going_on = f"mnistop.init(resume={run.name!r}) in its script continues it"
            elif history.checkpoints:
                going_on = f"mnistop resume {name} goes on from the last checkpoint"
            else:
                going_on = f"mnistop resume {name} trains it again"
            return (
                f"{name}: the training process died after {trained}: it was killed, or memory was "
                f"full; what is shown is safe, and {going_on}"
            )
        return f"{name}: {history.preparing or 'starting'}"

    def _best(self, form: int) -> str:
        history = self._state.history
        best, tested = history.best, history.tested
        if not (best and history.started):
            return ""
        validated = accuracy(best.val_acc, history.started.validation_images)
        unseen = unseen_accuracy(history)
        if form > 1:
            if not (tested and unseen):
                reached = validated if form == 2 else percent(best.val_acc)
                return f"  best val {reached} at {best.epoch}"
            test = accuracy(history.test_acc, tested.images)
            test = percent(history.test_acc) if form == 4 else test
            val = "best val" if form == 2 else "val"
            return f"  test {test}, {val} {percent(best.val_acc)} at {best.epoch}"
        words = (
            f"test accuracy {unseen}" if unseen else "",
            f"best val {validated} at epoch {best.epoch}",
            as_good(history) if form == 0 else "",
        )
        return f"  {'; '.join(filter(None, words))}"

    def _going(self, width: int) -> list[tuple[str, Style | None]]:
        """A bar and the numbers of a run, fewer of both where there is less room."""
        history, planned = self._state.history, self._state.epochs_planned
        numbers = progress_numbers(history, planned)
        if history.paused:
            numbers["left"] = "paused: Space goes on"
        for dispensable in ("rate", "percent", *(["left"] * (not history.paused))):
            if len("  ".join(numbers.values())) > width:
                numbers.pop(dispensable, None)
        text = clean("  ".join(numbers.values()), self._terminal)
        return self._bar(share_done(history, planned), text, width)

    def _bar(self, fraction: float, text: str, width: int) -> list[tuple[str, Style | None]]:
        """Return a text, behind a bar if there is room for one."""
        room = min(_BAR[-1], width - len(text) - 1)
        if room not in _BAR:
            return [(text, None)]
        [bar] = bars.progress(fraction, room, self._terminal)
        return [*((part.text, part.style) for part in bar), (f" {text}", None)]


_LOOK_SECONDS = 1.0


class LiveRuns(FaultTolerant, Static):
    """Show itself while there are runs in training and none of them is watched.

    Args:
        wanted: returns whether they are shown anywhere.
    """

    def __init__(self, wanted: Callable[[], bool]) -> None:
        super().__init__(id="live-runs", markup=False)
        self.display = False
        self.newest: Run | None = None
        """The run to watch, while the line is shown."""
        self._wanted = wanted

    def on_mount(self) -> None:
        """Look for runs now and every second."""
        self.every(_LOOK_SECONDS, self.look)
        self.look()

    async def on_click(self) -> None:
        """Watch the run that is in training."""
        await self.app.run_action("watch")

    def look(self) -> None:
        """Look for runs, unless nothing shows them."""
        if self._wanted():
            self.run_worker(self._look(), group="live", exclusive=True, exit_on_error=False)
        else:
            self._show([])

    def _on_worker_state_changed(self, message: Worker.StateChanged) -> None:
        """Suppress the report of each look that fails: the next one follows at once."""
        message.prevent_default()

    async def _look(self) -> None:
        found = await asyncio.to_thread(_runs_in_training)
        self._show(found if self._wanted() else [])

    def _show(self, found: list[tuple[Run, str]]) -> None:
        before, self.newest = self.newest, found[0][0] if found else None
        self.display = bool(found)
        if found:
            (run, epochs), *others = found
            more = f", {len(others)} more in training" if others else ""
            self.update(f"Run {run.words} is training ({epochs}{more}): press o to watch it")
        if before != self.newest:
            self.app.screen.refresh_bindings()


def _runs_in_training() -> list[tuple[Run, str]]:
    """Return the runs in training, newest first, each with its progress."""
    found = []
    for run in runs_in_training():
        with contextlib.suppress(RunError):
            trained, planned = epochs_trained(run), planned_epochs(run.config())
            found.append((run, f"epoch {trained:,}" + (f" of {planned:,}" if planned else "")))
    return found
