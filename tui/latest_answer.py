"""Asking the pool process without ever queueing up: only the newest question is put."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from textual.dom import DOMNode

from engine import worker
from engine.errors import MnistopError

Answer = TypeVar("Answer")


class LatestAnswer(Generic[Answer]):
    """Keeps an answer up to date while what is asked for changes.

    Args:
        node: a part of the app, in whose name is asked.
        question: a function for the pool process.
        show: gets the key of the question with its answer, or with None and what went wrong.
    """

    def __init__(
        self,
        node: DOMNode,
        question: Callable[..., Answer],
        show: Callable[[Hashable, Answer | None, str], None],
    ) -> None:
        self._node = node
        self._question = question
        self._show = show
        self._wanted: Hashable = None
        self._answered: Hashable = None
        self._args: tuple[object, ...] = ()
        self._asking = False

    @property
    def waiting(self) -> bool:
        """Whether the answer to the newest question is still to come."""
        return self._wanted != self._answered

    def forget(self) -> None:
        """Nothing is wanted any more, and no answer still to come will be shown."""
        self._wanted = self._answered = None

    def want(self, key: Hashable, *args: object) -> None:
        """Asks, if that has not been answered already.

        Args:
            key: equal for questions of one answer; not None.
            args: what the question takes.
        """
        self._wanted, self._args = key, args
        if self.waiting and not self._asking:
            self._asking = True
            self._node.run_worker(self._ask(), exit_on_error=False)

    async def _ask(self) -> None:
        try:
            while self._wanted is not None and self.waiting:
                key, answer, trouble = self._wanted, None, ""
                try:
                    answer = await worker.ask(self._question, *self._args)
                except MnistopError as error:
                    trouble = str(error)
                except Exception as error:
                    trouble = f"This is a fault of the program, {type(error).__name__}: {error}"
                if self._wanted is not None:
                    self._answered = key
                    self._show(key, answer, trouble)
        finally:
            self._asking = False
