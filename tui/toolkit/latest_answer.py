"""Asking the pool process without ever queueing up: only the newest question is put."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from textual.dom import DOMNode

from mnistop.engine import worker
from mnistop.engine.errors import MnistopError

Answer = TypeVar("Answer")


class LatestAnswer(Generic[Answer]):
    """Keeps an answer up to date while what is asked for changes.

    While one question is being answered the next is only noted, and of those noted only the
    newest is put: answers follow a held key as fast as they come.

    Args:
        node: a part of the app, in whose name is asked.
        question: a function for the pool process.
        show: gets each answer, or None and what went wrong.
        at_leisure: whether it takes long, so that no other question shall wait for it.
    """

    def __init__(
        self,
        node: DOMNode,
        question: Callable[..., Answer],
        show: Callable[[Answer | None, str], None],
        *,
        at_leisure: bool = False,
    ) -> None:
        self._node = node
        self._question = question
        self._show = show
        self._at_leisure = at_leisure
        self._wanted: Hashable = None
        self._answered: Hashable = None
        self._args: tuple[object, ...] = ()
        self._asking = False
        self._subject = 0

    @property
    def waiting(self) -> bool:
        """Whether the answer to the newest question is still to come."""
        return self._wanted != self._answered

    def forget(self) -> None:
        """Nothing is wanted any more, and no answer still to come will be shown."""
        self._wanted = self._answered = None
        self._subject += 1

    def want(self, *args: object, key: Hashable = None) -> None:
        """Asks, if that has not been answered already.

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
                subject, asked, answer, trouble = self._subject, self._wanted, None, ""
                try:
                    ask = worker.ask_at_leisure if self._at_leisure else worker.ask
                    answer = await ask(self._question, *self._args)
                except MnistopError as error:
                    trouble = str(error)
                except Exception as error:
                    trouble = f"This is a fault of the program, {type(error).__name__}: {error}"
                if subject == self._subject:
                    self._answered = asked
                    self._show(answer, trouble)
        finally:
            self._asking = False
