"""Questions to the person, and what is done in a thread after the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.screen import ModalScreen, Screen
from textual.widgets import Input, Static

from mnistop.engine.errors import MnistopError
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import clean
from mnistop.tui.terminal.faults import FaultTolerant
from mnistop.tui.toolkit.bindings import bindings, key


class AskScreen(FaultTolerant, ModalScreen[bool]):
    """Asks whether something is to be done.

    Args:
        terminal: what the terminal can show.
        question: what, with what it means.
    """

    BINDINGS = bindings(
        "ask",
        key("yes", "y", "dismiss(True)", "Yes", "Do it"),
        key("no", "n,escape,q", "dismiss(False)", "No", "Leave it as it is"),
    )

    def __init__(self, terminal: Terminal, question: str) -> None:
        super().__init__()
        self._question = clean(question, terminal)

    def compose(self) -> ComposeResult:
        """The line."""
        yield Static(f"{self._question}  y yes   Esc no", markup=False)


class AskTextScreen(FaultTolerant, ModalScreen[str | None]):
    """Asks for a text; Esc leaves it as it was.

    Args:
        terminal: what the terminal can show.
        label: what for.
        text: what it is so far.
        longest: how many characters it may have.
        does: what Enter does with it, in a word.
    """

    BINDINGS = bindings(
        "ask",
        key("leave", "escape", "dismiss(None)", "Leave", "Change nothing"),
    )

    DEFAULT_CSS = """
    AskTextScreen {
        & Horizontal { height: 1; background: $surface; }
        & Static { width: auto; padding: 0 1; text-style: bold; }
        & .keys { text-style: none; }
        & Input { width: 1fr; }
        & Input:ansi > .input--cursor {
            color: ansi_default; background: ansi_default; text-style: reverse;
        }
    }
    """

    def __init__(
        self, terminal: Terminal, label: str, text: str, longest: int, does: str = "keep"
    ) -> None:
        super().__init__()
        self._does = does
        self._label = clean(label, terminal)
        self._input = Input(text, compact=True, select_on_focus=False, max_length=longest)
        self._input.cursor_blink = False

    def compose(self) -> ComposeResult:
        """The label and the input."""
        with Horizontal():
            yield Static(self._label, markup=False)
            yield self._input
            yield Static(f"Enter {self._does}   Esc leave", classes="keys", markup=False)

    @on(Input.Submitted)
    def _on_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)


T = TypeVar("T")

_SECONDS = 15
"""How long a sentence of some length can be read."""


class BackgroundTasks:
    """Does things in a thread, and says what went wrong.

    Args:
        screen: whose work it is.
        terminal: what the terminal can show.
        after: is called when something was done, or was not.
    """

    def __init__(
        self, screen: Screen[None], terminal: Terminal, after: Callable[[], object]
    ) -> None:
        self.screen = screen
        self._terminal = terminal
        self._after = after

    def do(self, what: Callable[[], T], then: Callable[[T], object] | None = None) -> None:
        """Does something; what was said of earlier attempts goes.

        Args:
            what: to be done, in a thread; a `MnistopError` that it raises is told.
            then: is called with what it returns.
        """
        self.screen.app.clear_notifications()
        self.screen.run_worker(self._try(what, then), exit_on_error=False)

    def resume(self, what: Callable[[], str], question: str = "") -> None:
        """Resumes a run or a sweep, and shows the warning that comes back if there is one.

        Args:
            what: does so, in a thread.
            question: is asked before; empty for none.
        """
        if question:
            self.ask(question, what, self._warn)
        else:
            self.do(what, self._warn)

    def _warn(self, warning: str) -> None:
        if warning:
            self.screen.notify(warning, severity="warning", markup=False, timeout=_SECONDS)

    def ask(
        self, question: str, what: Callable[[], T], then: Callable[[T], object] | None = None
    ) -> None:
        """Does something after a yes."""

        def answer(yes: bool | None) -> None:
            if yes:
                self.do(what, then)

        self.screen.app.push_screen(AskScreen(self._terminal, question), answer)

    async def _try(self, what: Callable[[], T], then: Callable[[T], object] | None) -> None:
        try:
            done = await asyncio.to_thread(what)
        except MnistopError as error:
            self.screen.notify(str(error), severity="error", markup=False, timeout=_SECONDS)
        else:
            if then:
                then(done)
        self._after()
