"""Work beside the drawing: actions in a thread, questions to the pool process, files written."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Hashable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from mnistop.engine import worker
from mnistop.engine.errors import MnistopError
from mnistop.engine.process.fork_server import temporary_folder
from mnistop.engine.safe_write import numbered, write_under_free_name
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.toolkit.dialogs import AskScreen

if TYPE_CHECKING:
    from textual.dom import DOMNode
    from textual.screen import Screen

Answer = TypeVar("Answer")


class LatestAnswer(Generic[Answer]):
    """An answer that is kept up to date while its question changes.

    While one question is being answered the next is only noted, and of those noted only the
    newest is put: answers follow a held key as fast as they come.

    Args:
        node: a part of the app, in whose name is asked.
        question: a function for the pool process.
        changed: called after each answer and each error.
        at_leisure: whether it takes long, so that no other question has to wait for it.
    """

    def __init__(
        self,
        node: DOMNode,
        question: Callable[..., Answer],
        changed: Callable[[], object],
        *,
        at_leisure: bool = False,
    ) -> None:
        self.answer: Answer | None = None
        """The newest one, perhaps still to an earlier question; None after an error."""
        self.error = ""
        """The error in place of the last answer; empty for none."""
        self._node = node
        self._question = question
        self._changed = changed
        self._at_leisure = at_leisure
        self._wanted: Hashable = None
        self._answered: Hashable = None
        self._args: tuple[object, ...] = ()
        self._asking = False
        self._subject = 0
        self._since = 0.0

    @property
    def waiting(self) -> bool:
        """True if the answer to the newest question is still to come."""
        return self._wanted != self._answered

    def forget(self) -> None:
        """Drop the answer, want none any more, and ignore one that is still to come."""
        self.ask_again()
        self.answer = self._wanted = None

    def ask_again(self) -> None:
        """Let the same question be put once more."""
        self._answered, self.error = None, ""
        self._subject += 1
        self._since = time.monotonic()

    def want(self, *args: object, key: Hashable = None) -> None:
        """Ask, unless that has been answered already.

        Args:
            args: what the question takes.
            key: differs where the answer would; the arguments themselves if None.
        """
        self._wanted, self._args = args if key is None else key, args
        if self.waiting and not self._asking:
            self._asking = True
            self._node.run_worker(self._ask(), exit_on_error=False)

    async def _ask(self) -> None:
        try:
            while self._wanted is not None and self.waiting:
                subject, asked, answer, error = self._subject, self._wanted, None, ""
                try:
                    ask = worker.ask_at_low_priority if self._at_leisure else worker.ask
                    answer = await ask(self._question, *self._args)
                except MnistopError as raised:
                    error = str(raised)
                except Exception as raised:
                    error = f"This is a fault of the program, {type(raised).__name__}: {raised}"
                if subject == self._subject:
                    self._answered = asked
                    self.take(answer, error)
                    self._changed()
        finally:
            self._asking = False

    def take(self, answer: Answer | None, error: str) -> None:
        """Take an answer, or None and the error in its place."""
        self.answer, self.error = answer, error
        self.progress_file.unlink(missing_ok=True)

    # The progress of a question of `mnistop.engine.analysis.loading`

    @property
    def progress_file(self) -> Path:
        """The file for the progress, in a folder that is deleted when this process ends."""
        return temporary_folder() / f"progress-{id(self)}"

    @property
    def seconds(self) -> float:
        """The seconds since another subject was asked about."""
        return time.monotonic() - self._since

    def progress(self, otherwise: str) -> str:
        """Return the last progress.

        Args:
            otherwise: stands for it before there is any.
        """
        with contextlib.suppress(OSError):
            return self.progress_file.read_text(encoding="utf-8") or otherwise
        return otherwise


T = TypeVar("T")

_SECONDS = 15
"""How long a sentence of some length can be read."""


class BackgroundTasks:
    """Tasks in a thread, with their errors as notifications.

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
        """Run an action, and clear the notifications of earlier tasks.

        Args:
            what: to be done, in a thread; a `MnistopError` that it raises is told.
            then: is called with what it returns.
        """
        self.screen.app.clear_notifications()
        self.screen.run_worker(self._try(what, then), exit_on_error=False)

    def resume(self, what: Callable[[], str], question: str = "") -> None:
        """Resume a run or a sweep, and show the warning that comes back if there is one.

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
        """Run an action after a yes."""

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


def write_file(
    screen: Screen[None], names: Iterable[Path], content: bytes, what: str = "Written to"
) -> None:
    """Write a file, and show its path, or the reason why it cannot be written.

    Args:
        screen: shows either.
        names: the first free one is taken.
        content: of the file.
        what: the words before the path.
    """
    try:
        path = write_under_free_name(names, content)
    except FileNotFoundError:
        screen.notify(
            "The folder that mnistop was started in is gone: start it in another one to write.",
            severity="error",
            markup=False,
        )
    except MnistopError as error:
        screen.notify(str(error), severity="error", markup=False)
    else:
        screen.notify(f"{what} {path}", markup=False)


def write_text(screen: Screen[None], name: str, text: str, what: str = "Written to") -> None:
    """Write a text file in the current folder, as `write_file` does.

    Args:
        screen: shows its path.
        name: of the file; a number is added where there is one of that name.
        text: all its lines, but for the end of the last.
        what: the words before the path.
    """
    content = (text + "\n").encode("utf-8", "backslashreplace")
    names = (path.absolute() for path in numbered(Path(name)))
    write_file(screen, names, content, what)
