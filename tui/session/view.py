"""Screens other than the dashboard: they show the same run and epoch, and write their panes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.message import Message
from textual.widget import Widget

from mnistop.engine.runs.run_folder import Run
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.session.replay import why_no_replay
from mnistop.tui.session.run_screen import EpochMoved, ReplayWanted, RunScreen, write_pane
from mnistop.tui.session.state import State
from mnistop.tui.toolkit.background import BackgroundTasks
from mnistop.tui.toolkit.bars import KeyBar, ScreenBar
from mnistop.tui.toolkit.bindings import REPLAY, WRITE, bindings, hidden, key
from mnistop.tui.toolkit.dialogs import Section
from mnistop.tui.toolkit.pane import LinesPane
from mnistop.tui.toolkit.pane_host import PaneHost

if TYPE_CHECKING:
    from mnistop.engine.config import RunConfig

ALONE = "This pane fills the screen already; Tab goes to the next one."
WRONG_FORM = "A value in the form is wrong: press 1 and correct it."
IN_GRAY = "Only images in colour have channels."
NO_RUN = "There is no run yet: press 1 for the dashboard, and r there to train."


class ViewScreen(RunScreen):
    """A screen other than the dashboard, at the same run and epoch.

    Args:
        terminal: what the terminal can show.
    """

    BINDINGS = bindings(
        "view", key("back", "escape", "back", "Back", "Back to where you came from"), WRITE
    )

    NAME: ClassVar[str]
    """The name in `SCREENS` of the screen, or of the one that it belongs to."""

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(terminal)
        self.state = State()
        self.form: Callable[[], RunConfig | None] = lambda: None
        """Return what the dashboard's form holds, None while a value in it is wrong."""
        self.status = ""
        """A note on the run that is being started, or the last error."""

    def compose(self) -> ComposeResult:
        """The panes, the progress line and the keys."""
        yield ScreenBar(self.terminal, self.NAME)
        yield self.question_bar
        yield from self.panes()
        yield self._progress
        yield KeyBar(self.terminal)

    @abstractmethod
    def panes(self) -> Iterable[Widget]:
        """The widgets above the progress line."""

    def enter(self, about: Any) -> None:
        """Receive what another screen asks this one to show.

        Raises:
            MnistopError: it cannot be read.
        """

    def drawings(self) -> Iterable[tuple[Callable[[], object], float]]:
        """Return what draws the panes."""
        return [(self.redraw, 0.5)]

    @abstractmethod
    def redraw(self) -> None:
        """Update the panes from `state`; called a few times a second at most."""

    @abstractmethod
    def sections(self) -> Sequence[Section]:
        """Return each pane's purpose and keys, for the help; the focused pane first."""

    def draw_progress(self) -> None:
        """Show the progress of the run, or the screen's hint in its place."""
        hint = self.hint()
        if hint is None or self.state.replay:
            self._progress.show(self.state, self.status)
        else:
            self._progress.show(State(), hint)

    def hint(self) -> str | None:
        """Return what can be done next; None to show the progress of the run instead."""
        return None

    @dataclass
    class OpenWanted(Message):
        """A run is to be shown on the dashboard."""

        run: Run

    @dataclass
    class NewSweepWanted(Message):
        """A new sweep is wanted: ask what varies in it, start it and show it."""

        known: Sequence[tuple[RunConfig, float]]
        """Finished runs with the seconds that each has trained for, the newest first."""
        attempts: BackgroundTasks
        """Start it."""

    @dataclass
    class RateTaken(Message):
        """A learning rate for the form."""

        text: str

    @dataclass
    class Left(Message):
        """The screen is left for the one that it was opened from."""

    def follow(self, state: State, status: str) -> None:
        """Show a run that goes on, or another epoch of it."""
        before, self.state = self.state, state
        moved = (before.run, before.cursor, before.phase) != (state.run, state.cursor, state.phase)
        new_status, self.status = status != self.status, status
        if self.is_current:
            self.changed(urgent=moved or new_status)
            if state.run != before.run:
                self.refresh_bindings()

    def keep_going(self, work: Callable[[], Coroutine[Any, Any, None]], group: str) -> None:
        """Start work for as long as the screen is shown, unless it goes on already.

        Args:
            work: what is to be done, as by a loop until another screen is shown.
            group: the name of this work.
        """
        own = [other for other in self.workers if other.node is self and other.group == group]
        if all(other.is_finished for other in own):
            self.run_worker(work(), group=group, exit_on_error=False)

    def action_back(self) -> None:
        """Back to the screen that this one was opened from."""
        self.post_message(self.Left())

    def action_write(self) -> None:
        """Write the pane that has the keys as text."""
        if isinstance(self.focused, LinesPane):
            write_pane(self, self.state.run, self.focused)


class SeveralPanes(ViewScreen):
    """A screen on which more than one pane takes keys."""

    BINDINGS = bindings(
        "view",
        key("next", "tab", "next_pane(1)", "Pane", "The next pane"),
        hidden("previous", "shift+tab", "next_pane(-1)", "Previous pane", "The previous pane"),
    )

    def action_next_pane(self, by: int) -> None:
        """Go to the next or previous pane."""
        if by > 0:
            self.focus_next()
        else:
            self.focus_previous()


class HostedScreen(SeveralPanes):
    """A screen whose panes share a place.

    Args:
        terminal: what the terminal can show.
        host: the panes.
    """

    def __init__(self, terminal: Terminal, host: PaneHost) -> None:
        super().__init__(terminal)
        self._host = host

    def panes(self) -> Iterable[Widget]:
        """The panes; which of them are in sight depends on the size of the terminal."""
        yield self._host

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Return the reason why an action is impossible now."""
        if action == "zoom" and not self._host.can_zoom:
            return ALONE
        return super().why_not(action, parameters)

    def show_pane(self, name: str) -> None:
        """Go to a pane, by its name."""
        self._host.go_to_name(name)

    def action_next_pane(self, by: int) -> None:
        """Go to the next or previous pane."""
        self._host.step(by)

    def action_zoom(self) -> None:
        """The focused pane alone, and back."""
        self._host.zoom()
        self.refresh_bindings()

    def action_back(self) -> None:
        """Return from a pane that fills the screen to all, then to where this was opened from."""
        if self._host.zoomed and not self.state.replay:
            self.action_zoom()
        else:
            super().action_back()


class AtAnEpoch(ViewScreen):
    """A screen whose panes show the model at the shown epoch."""

    BINDINGS = bindings(
        "view",
        key("earlier", "[", "epoch(-1)", "Epoch", "To an earlier epoch, on all screens", "[ ]"),
        hidden("later", "]", "epoch(1)", "Later", "To a later epoch, on all screens"),
        REPLAY,
    )

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Return the reason why an action is impossible now."""
        if action in ("epoch", "replay") and self.state.run is None:
            return NO_RUN
        if action == "replay":
            return why_no_replay(self.state)
        return super().why_not(action, parameters)

    def action_epoch(self, by: int) -> None:
        """Ask for another epoch."""
        self.post_message(EpochMoved(by))

    def action_replay(self) -> None:
        """Play the epochs of the run, pause, or go on."""
        self.post_message(ReplayWanted())

    def action_back(self) -> None:
        """End a replay, else go back."""
        if self.state.replay:
            self.post_message(ReplayWanted(ends=True))
        else:
            super().action_back()

    def follow(self, state: State, status: str) -> None:
        """Show another state, and whether it can be replayed."""
        before = why_no_replay(self.state)
        super().follow(state, status)
        if why_no_replay(state) != before:
            self.refresh_bindings()


def write_report(screen: RunScreen, runs: Sequence[Run]) -> None:
    """Write a run, or several compared, as an HTML file in the current folder; show its path."""

    def write() -> Path:
        from mnistop.engine.report.of_runs import write_report

        return write_report(runs, Path.cwd())

    def show(path: Path) -> None:
        screen.notify(f"Report written to {path}", markup=False)

    BackgroundTasks(screen, screen.terminal, screen.changed).do(write, show)
