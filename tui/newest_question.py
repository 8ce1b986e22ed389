"""Asking the pool process without ever queueing up: only the newest question is put."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, NamedTuple, TypeVar

from textual.dom import DOMNode

from engine import worker
from engine.errors import MnistopError
from engine.runs import Run

Answer = TypeVar("Answer")


class _Question(NamedTuple):
    run: Run
    details: tuple[Hashable, ...]
    age: int
    """Of the weights; an answer is old once this has changed."""


class NewestQuestion(Generic[Answer]):
    """Keeps an answer up to date while what is asked for changes.

    Args:
        node: a part of the app, in whose name is asked.
        question: a function for the pool process, of a run and the details.
        show: gets the answer, or None and what went wrong.
    """

    def __init__(
        self,
        node: DOMNode,
        question: Callable[..., Answer],
        show: Callable[[Answer | None, str], None],
    ) -> None:
        self._node = node
        self._question = question
        self._show = show
        self._wanted: _Question | None = None
        self._answered: _Question | None = None
        self._asking = False

    def forget(self) -> None:
        """Nothing is wanted any more, and no answer still to come will be shown."""
        self._wanted = self._answered = None

    def want(self, run: Run, *details: Hashable, age: int = 0) -> None:
        """Asks, if that has not been answered already.

        Args:
            run: about which run.
            details: what the question takes beside it.
            age: changes when the same question would get another answer.
        """
        self._wanted = _Question(run, details, age)
        if self._wanted != self._answered and not self._asking:
            self._asking = True
            self._node.run_worker(self._ask(), exit_on_error=False)

    async def _ask(self) -> None:
        try:
            while self._wanted and self._wanted != self._answered:
                asked = self._wanted
                answer, trouble = None, ""
                try:
                    answer = await worker.ask(self._question, asked.run, *asked.details)
                except MnistopError as error:
                    trouble = str(error)
                except Exception as error:
                    trouble = f"This is a fault of the program, {type(error).__name__}: {error}"
                self._answered = asked
                if self._wanted and self._wanted.run == asked.run:
                    self._show(answer, trouble)
        finally:
            self._asking = False
