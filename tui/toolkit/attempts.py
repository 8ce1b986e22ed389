"""What takes a moment and may go wrong, done beside a screen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from textual.screen import Screen

from mnistop.engine.errors import MnistopError
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.toolkit.ask import AskScreen

T = TypeVar("T")

_SECONDS = 15
"""How long a sentence of some length can be read."""


class Attempts:
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
