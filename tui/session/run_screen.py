"""Screens that show a run, drawn a few times a second, and what they ask of the app."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.message import Message
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget

from mnistop.engine.runs.run_folder import Run
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.session.progress import Progress
from mnistop.tui.session.question import QuestionBar
from mnistop.tui.terminal.faults import FaultTolerant
from mnistop.tui.terminal.scheduler import Scheduler
from mnistop.tui.toolkit.background import write_text
from mnistop.tui.toolkit.bindings import GivesReasons
from mnistop.tui.toolkit.pane import LinesPane

if TYPE_CHECKING:
    from mnistop.tui.draw.image import Mode


@dataclass
class EpochMoved(Message):
    """The shown epoch is to move, on all screens."""

    by: int


@dataclass
class ReplayWanted(Message):
    """The epochs of the shown run are to be played, paused, or played on."""

    ends: bool = False
    """Whether the replay is to end instead, at the newest epoch."""


@dataclass
class ScreenWanted(Message):
    """A request to open another screen, from which Esc returns here."""

    name: str
    about: Any
    """The argument of the screen's `enter`."""


class RunScreen(GivesReasons, FaultTolerant, Screen[None]):
    """A screen that shows a run; each part of it is drawn a few times a second at most.

    Args:
        terminal: what the terminal can show.
    """

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    """The focused widget; panes draw their own focus, and nothing else has to be sent."""

    def __init__(self, terminal: Terminal) -> None:
        super().__init__()
        self.terminal = terminal
        self._scheduler: Scheduler | None = None
        self._progress = Progress(terminal, id="progress")
        self.question_bar = QuestionBar(terminal)

    @property
    def is_current(self) -> bool:
        """True if the screen can be seen: on top, or below one that is transparent.

        Textual takes one for visible below any other, and would draw all of that one again whenever
        anything comes to the one below.
        """
        top = self.app.screen
        return super().is_current and (top is self or top.styles.background.a < 1)

    @abstractmethod
    def drawings(self) -> Iterable[tuple[Callable[[], object], float]]:
        """Return what draws the parts, each with the least seconds from one drawing to the next."""

    @abstractmethod
    def draw_progress(self) -> None:
        """Show the progress of the run."""

    def changed(self, urgent: bool = True) -> None:
        """Schedule the screen to be drawn again.

        Args:
            urgent: whether at once, as a person waits for it; else in its turn.
        """
        if self._scheduler:
            self._scheduler.changed(urgent=urgent)

    @property
    def is_caught_up(self) -> bool:
        """True if all that a person waits for has been drawn and sent."""
        return self._scheduler is None or self._scheduler.is_caught_up

    def clear_debt(self) -> None:
        """Let a drawing that a key has caused delay nothing that follows."""
        if self._scheduler:
            self._scheduler.clear_debt()

    def show_pane(self, name: str) -> None:
        """Go to a pane, by its name in `PANES`."""

    def next_mode(self, mode: Mode, *panes: Widget) -> Mode:
        """Return the next way of drawing images; name it if no visible image shows it.

        Args:
            mode: the present way.
            panes: those that draw images.
        """
        from mnistop.tui.draw.image import mode_words, next_mode  # needs NumPy

        following = next_mode(mode, self.terminal)
        if following == mode:
            self.notify("Images can be drawn in one way only in this terminal.")
        elif not any(pane.display for pane in panes):
            self.notify(mode_words(following))
        return following

    def on_screen_resume(self) -> None:
        """Catch up with what happened while another screen was shown.

        Textual calls this after the handler of a subclass, which must not call it again.
        """
        if self._scheduler is None:
            self._scheduler = Scheduler(self)
            self._scheduler.add(self.draw_progress, 0.25, cheap=True)
            for draw, seconds in self.drawings():
                self._scheduler.add(draw, seconds)
        self._scheduler.changed(urgent=True)
        self._scheduler.finish()


def write_pane(screen: Screen[None], run: Run | None, pane: LinesPane) -> None:
    """Write a pane as text, into a file named after the run and the kind of the pane."""
    about = run.name if run else "no-run"
    kind = re.sub("(?<=[a-z])(?=[A-Z])", "-", type(pane).__name__).lower()
    write_text(screen, f"mnistop-{about}-{kind}.txt", pane.text())
