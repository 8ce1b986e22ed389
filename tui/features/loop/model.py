"""The model of the loop screen: how far the loop is to run, and what is shown of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from mnistop.engine.analysis.line_by_line import LINES, LoopState, WeightIndex, run_lines
from mnistop.engine.config import RunConfig
from mnistop.engine.data.sources import absolute
from mnistop.tui.toolkit.background import LatestAnswer

if TYPE_CHECKING:
    from textual.dom import DOMNode

_STEP = len(LINES)


class LoopModel:
    """The loop of the form's settings, run up to the wanted line.

    Args:
        node: a part of the app, in whose name questions are put.
        changed: called when something else is known, or went wrong.
    """

    def __init__(self, node: DOMNode, changed: Callable[[], object]) -> None:
        self.config: RunConfig | None = None
        """The settings; None while a value in the form is wrong."""
        self.state: LoopState | None = None
        """What is known of the loop of these settings, perhaps still of an earlier line."""
        self._lines = 0
        """Wanted, in all steps."""
        self._place = 0
        self._weight: WeightIndex | None = None
        self._changed = changed
        self._answers = LatestAnswer(node, run_lines, self._on_answer)

    def follow(self, config: RunConfig | None) -> None:
        """Take the settings of the form; of others the loop starts anew."""
        if config:
            config = replace(config, source=absolute(config.source))
        if config != self.config:
            self.config, self.state = config, None
            self._lines, self._place, self._weight = 0, 0, None
            self._answers.forget()
        self._ask()

    def try_again(self) -> None:
        """Forget what has failed, so that it is asked again."""
        if self.error:
            self._answers.forget()

    def _ask(self) -> None:
        if self.config:
            asked = self.config, self._lines, self._place, self._weight
            self._answers.want(*asked, self._answers.progress_file, key=asked)

    def _on_answer(self) -> None:
        if answer := self._answers.answer:
            self.state = answer
            if not self._answers.waiting:  # else keys have chosen others meanwhile
                self._place, self._weight = answer.image.place, answer.weight.index
            if answer.ended:
                self._lines = min(self._lines, answer.lines_run)
        self._changed()

    @property
    def error(self) -> str:
        """The error of the last question; empty for none."""
        return self._answers.error

    @property
    def is_waiting(self) -> bool:
        """True until the first answer."""
        return self.state is None and self._answers.waiting

    @property
    def waiting(self) -> str:
        """The present activity and its seconds, while the first answer is awaited."""
        seconds = self._answers.seconds
        note = self._answers.progress("loading PyTorch and the images")
        return f"{note[0].upper()}{note[1:]}" + (f" ({seconds:.0f} s)" if seconds >= 1 else "")

    # Running

    def run(self, lines: int) -> None:
        """Run some lines, or go back by some if the number is negative."""
        self._lines = max(0, self._lines + lines)
        self._ask()

    def run_steps(self, steps: int) -> None:
        """Run to the end of the present step, which counts, and some more."""
        self.run(_STEP * steps - self._lines % _STEP)

    def start_over(self) -> None:
        """Go back to before the first line."""
        self.run(-self._lines)

    # The image and the weight that are shown

    def step_image(self, by: int) -> None:
        """Go to another image of the batch, round and round."""
        if self.state:
            self._place = (self._place + by) % self.state.outputs[0].shape[0]
            self._ask()

    def step_parameter(self, by: int) -> None:
        """Go to the weights or biases of another layer, round and round."""
        if self.state:
            number = self.state.weight.index[0]
            self._weight = (number + by) % len(self.state.parameters), 0, 0
            self._ask()

    def move_weight(self, down: int, right: int) -> None:
        """Go to another weight of the same parameter, round and round."""
        if self.state and self._weight:
            number, row, column = self._weight
            rows, columns = (*self.state.parameters[number].shape, 1)[:2]
            self._weight = number, (row + down) % rows, (column + right) % columns
            self._ask()

    def go_to_steepest(self) -> None:
        """Go to the weight of the same parameter with the largest gradient."""
        if self.state:
            self._weight = self.state.weight.steepest
            self._ask()
