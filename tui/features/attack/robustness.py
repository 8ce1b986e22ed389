"""Measuring a run's robustness in the background, a part at a time."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from textual.dom import DOMNode

from mnistop.engine.analysis.robustness import Robustness, robustness
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.toolkit.latest_answer import LatestAnswer


class RobustnessFeed:
    """Asks for part after part until all validation images are known.

    Args:
        node: a part of the app, in whose name is asked.
        changed: called when more is known, or something went wrong.
    """

    def __init__(self, node: DOMNode, changed: Callable[[], None]) -> None:
        self._answers = LatestAnswer(node, robustness, self._on_answer, at_leisure=True)
        self._changed = changed
        self._about: tuple[object, ...] = ()
        self._parts = 0
        """How many answers about the same there have been."""
        self.known: Robustness | None = None
        """What is known by now."""
        self.trouble = ""
        """What went wrong."""

    @property
    def is_waiting(self) -> bool:
        """Whether nothing is known yet of the weights that are asked about."""
        return self._answers.waiting and not self._parts

    def forget(self) -> None:
        """Nothing is wanted any more."""
        self._answers.forget()
        self._about = ()
        self.known, self.trouble = None, ""

    def want(self, run: Run, epochs: int | None, age: Hashable) -> None:
        """Goes on measuring until all is known of these weights.

        Args:
            run: about which run.
            epochs: with the weights after at most so many epochs; None for the newest.
            age: differs where `epochs` stands for other weights than before.
        """
        about = (run, epochs, age)
        if about != self._about:
            self._about, self._parts = about, 0
        self._answers.want(run, epochs, key=(about, self._parts))

    def _on_answer(self, answer: Robustness | None, trouble: str) -> None:
        self.trouble = trouble
        if answer is not None:
            self.known = answer
            self._parts += not answer.is_complete
        self._changed()
